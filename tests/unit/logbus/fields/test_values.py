"""Fields by their dotted names, and as text."""

import pytest

from logbus.fields import Value, flat, text_of, value_at

FIELDS: dict[str, Value] = {
    "a": {"b": [1, {"c": "x"}], "d.e": {"f": 2}, "b.0": "exact"},
    "a.d": "dotted",
    "n": None,
    "t": True,
    "e": {},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("a.b.0", 1), ("a.b.1.c", "x"), ("a.b.2", None), ("a.b.x", None), ("a.b.-1", None), ("a.b.0.x", None)),
        *(("a.d", "dotted"), ("a.d.e.f", 2), ("n", None), ("t", True), ("", None), ("a.", None), ("a.b.1.c.", None)),
        *(("e", {}), ("zz", None), ("a.b.99999999999", None)),
    ],
)
def test_value_at(name: str, value: Value) -> None:
    """An exact key wins; then objects, and arrays by index; keys within may have dots."""
    fields: dict[str, Value] = {**FIELDS, "a": {"b": [1, {"c": "x"}], "d.e": {"f": 2}}}
    assert value_at(fields, name) == value


def test_an_exact_key_wins() -> None:
    """Also within an object."""
    assert value_at({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert value_at({"a": {"b.c": 1, "b": {"c": 2}}}, "a.b.c") == 1


def test_text_of() -> None:
    """Strings as they are, all else as compact JSON."""
    values: list[Value] = ["a b", 1, 1.5, True, None, {"a": [1, "é"]}, 10**30]
    assert [text_of(each) for each in values] == ["a b", "1", "1.5", "true", "null", '{"a":[1,"é"]}', "1" + "0" * 30]


def test_flat() -> None:
    """Objects are taken apart, arrays and empty objects are not, nor is what is under a very long name."""
    assert list(flat({"a": {"b": {"c": 1}, "d": [{"e": 2}]}, "f": {}, "g": "x"})) == [
        *(("a.b.c", 1), ("a.d", [{"e": 2}]), ("f", {}), ("g", "x")),
    ]
    long = "k" * 201
    assert list(flat({long: {"a": 1}})) == [(long, {"a": 1})]
