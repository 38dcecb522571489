"""Filters by field: which records match, and what is not even parsed."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.config.patterns import compile_glob
from logbus.errors import UsageError
from logbus.fields.matching import conditions, match, narrowed

RECORDS = [
    b'{"status":204,"path":"/a","ok":true,"none":null,"list":["x",{"deep":1}],"a.b":"dotted"}\n',
    b"status=404 path=/b\n",
    b'192.0.2.1 - - [02/Jan/2024:15:04:05 +0000] "GET /c HTTP/1.1" 500 2\n',
    b"no fields at all\n",
]
GLOB_BITS = ["*", "?", "[ab]", "[!a]", "a", "b", ".", "\\", "[", "]", "\n", "ü", "[]a]"]


@pytest.mark.parametrize(
    ("globs", "mask"),
    [
        ({"status": "2*"}, [1, 0, 0, 0]),
        ({"status": "?0?"}, [1, 1, 1, 0]),
        ({"status": "[!2]*", "path": "/[bc]"}, [0, 1, 1, 0]),
        ({"status": "*"}, [1, 1, 1, 0]),
        ({"STATUS": "*"}, [0, 0, 0, 0]),
        ({"path": "/A"}, [0, 0, 0, 0]),
        ({"ok": "true"}, [1, 0, 0, 0]),
        ({"none": "*"}, [0, 0, 0, 0]),
        ({"list.1.deep": "1", "a.b": "dot*"}, [1, 0, 0, 0]),
        ({"list": '["x",*'}, [1, 0, 0, 0]),
    ],
)
def test_all_fields_have_to_match(globs: dict[str, str], mask: list[int]) -> None:
    """Of any format, by dotted name, case-sensitive; what is missing or null matches nothing."""
    assert list(narrowed(b"\1" * 4, RECORDS, conditions(globs))) == mask


def test_what_is_not_selected_is_not_parsed() -> None:
    """Records with 0 stay at 0, and cost nothing."""
    assert narrowed(b"\0\1\0\0", RECORDS, conditions({"status": "*"})) == b"\0\1\0\0"

    def records() -> Iterator[bytes]:
        yield None  # type: ignore[misc] # whoever parses it fails
        yield RECORDS[0]

    assert narrowed(b"\0\1", records(), conditions({"status": "204"})) == b"\0\1"


@given(
    glob=st.lists(st.sampled_from(GLOB_BITS), max_size=6).map("".join),
    text=st.text(st.sampled_from("ab.\\[]ü\n-"), max_size=6),
)
def test_globs_are_those_of_a_plain_reading(glob: str, text: str) -> None:
    """The translation matches what a matcher by hand does."""
    assert compile_glob(glob)(text) == by_hand(glob, text)


def by_hand(glob: str, text: str) -> bool:
    """Match the slow way, by the rules of the documentation."""
    if not glob:
        return not text
    if glob[0] == "*":
        return any(by_hand(glob[1:], text[at:]) for at in range(len(text) + 1))
    first, rest = text[:1], text[1:]
    negated = glob[:2] == "[!"
    end = glob.find("]", 2 + negated)
    if glob[0] == "[" and end > 0:
        inside = glob[1 + negated : end]
        return bool(first) and (first in inside) != negated and by_hand(glob[end + 1 :], rest)
    return bool(first) and glob[0] in ("?", first) and by_hand(glob[1:], rest)


@pytest.mark.parametrize("glob", ["*a" * 50 + "b", "*" + "a" * 500 + "b*", "[!b]*" * 50 + "b", "?" * 100 + "*b"])
def test_no_value_makes_a_glob_slow(glob: str) -> None:
    """Time is linear in the value, whatever the operator wrote."""
    wanted = conditions({"x": glob})
    began = time.process_time()
    assert not match({"x": "a" * 1_000_000}, wanted)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("glob", ["[b-a]", "?" * 5000])
def test_globs_that_are_none(glob: str) -> None:
    """A range that ends before it begins, or a glob of thousands of characters, is refused."""
    with pytest.raises(UsageError, match="use the glob"):
        compile_glob(glob)
