"""Checks plain values against a type: every problem is reported, each with its key, in an operator's words.

msgspec converts and checks, but stops at the first problem; this module walks structs, lists and mappings itself, so
that every problem is found with its exact key, and leaves each single value to msgspec.
"""

import difflib
import re
import types
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from logbus.config.endpoints import redacted
from logbus.config.flaws import Keys
from logbus.config.quantities import measure_of
from logbus.errors import UsageError

# Any below is a type to convert to: it may be any annotation, not only a class.
Written = Callable[[Keys], str | None]

MAX_SHOWN = 40
_OFF = "off"

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a mapping",
}


class Problem(Struct, frozen=True):
    """The flaw of the value at `keys`."""

    keys: Keys
    flaw: str


def problems(value: object, kind: Any, keys: Keys, written: Written) -> Iterator[Problem]:  # noqa: ANN401 - see Keys
    """Yield what keeps `value` from being a `kind`; `written` returns the value at given keys as the file has it."""
    inner = _fitting(value, kind)
    found = False
    for problem in _inside(value, inner, keys, written):
        found = True
        yield problem
    if not found:
        yield from _check_alone(value, kind, keys, written)


def with_units(value: Any, kind: Any) -> Any:  # noqa: ANN401 - plain data of any shape; see Keys
    """Return `value`, to become a `kind`, with each `10MB` or `5s` as the plain number that its key asks for.

    Where a key takes the word `off`, so does False, which is how YAML reads it.
    """
    inner = _fitting(value, kind)
    if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, msgspec.Struct):
        known = {each.encode_name: each.type for each in msgspec.structs.fields(inner)}
        return {key: _plain(key, each, known[key]) if key in known else each for key, each in value.items()}
    if isinstance(value, dict) and get_origin(inner) is dict:
        return {key: with_units(each, get_args(inner)[1]) for key, each in value.items()}
    if isinstance(value, list) and _shape(inner) is list and get_args(inner):
        return [with_units(each, get_args(inner)[0]) for each in value]
    return value


def _plain(key: str, value: object, kind: Any) -> object:  # noqa: ANN401 - as above
    if value is False and _OFF in _choices(value, kind):
        return _OFF
    measure = measure_of(key)
    if not (measure and isinstance(value, str) and _is_number(kind)):
        return with_units(value, kind)
    number = measure.read(value)
    return value if number is None else number


def _is_number(kind: Any) -> bool:  # noqa: ANN401 - as above
    """Return True for a type of numbers, which may be absent."""
    if get_origin(kind) is Annotated:
        return _is_number(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return all(_is_number(each) for each in get_args(kind) if each is not types.NoneType)
    return kind in (int, float)


def _fitting(value: object, kind: Any) -> Any:  # noqa: ANN401 - as above
    """Return the member of a union that has the value's shape, without its Annotated."""
    if get_origin(kind) is Annotated:
        return _fitting(value, get_args(kind)[0])
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    members = [_fitting(value, member) for member in get_args(kind)]
    return next((member for member in members if _shape(member) is type(value)), kind)


def _shape(kind: Any) -> type:  # noqa: ANN401 - as above
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return dict
    origin: type = get_origin(kind) or kind
    return list if origin in (tuple, set, frozenset) else origin


def _inside(value: object, kind: Any, keys: Keys, written: Written) -> Iterator[Problem]:  # noqa: ANN401 - as above
    arguments = get_args(kind)
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _check_struct(value, kind, keys, written)
    elif isinstance(value, dict) and get_origin(kind) is dict:
        for key, each in value.items():
            yield from problems(each, arguments[1], (*keys, key), written)
    elif isinstance(value, list) and _shape(kind) is list and arguments:
        for index, each in enumerate(value):
            yield from problems(each, arguments[0], (*keys, index), written)


def _check_struct(
    value: dict[str, object], kind: type[msgspec.Struct], keys: Keys, written: Written
) -> Iterator[Problem]:
    known = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    for key, each in value.items():
        if key in known:
            yield from problems(each, known[key].type, (*keys, key), written)
        elif kind.__struct_config__.forbid_unknown_fields:
            yield Problem((*keys, key), _unknown(key, list(known)))
    for name, each in known.items():
        if each.required and name not in value:
            yield Problem(keys, f"the key {name!r} is missing")


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1) if len(key) <= MAX_SHOWN else []
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown key ({meant}known keys: {', '.join(known)})"


def _check_alone(value: object, kind: Any, keys: Keys, written: Written) -> Iterator[Problem]:  # noqa: ANN401 - as above
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        flaw = _in_words(str(error), value, written(keys), _choices(value, kind))
        measure = measure_of(keys[-1]) if keys and isinstance(value, str) and _is_number(kind) else None
        yield Problem(keys, f"{flaw} ({measure.advice})" if measure else flaw)
    except UsageError as error:
        hint = f" ({error.hint})" if error.hint else ""
        yield Problem(keys, f"{error.cause}{hint}")


def _choices(value: object, kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - as above
    """Return the values that a Literal allows."""
    fitting = _fitting(value, kind)
    return get_args(fitting) if get_origin(fitting) is Literal else ()


def _in_words(message: str, value: object, written: str | None, choices: tuple[Any, ...]) -> str:
    if choices:
        return f"expected {' or '.join(map(repr, choices))}, got {_shown(value, written)}"
    expected, got, _ = message.partition(" - at `")[0].partition(", got ")
    expected = re.sub(r"`([a-z]+(?: \| [a-z]+)*)`", lambda found: _kinds(found[1]), expected)
    expected = expected[:1].lower() + expected[1:]
    if not (got or expected.startswith("expected")):
        return expected
    return f"{expected}, got {_shown(value, written)}{_advice(message, value)}"


def _kinds(names: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in names.split(" | "))


def _shown(value: object, written: str | None) -> str:
    """Return a value as the file has it, shortened, and without passwords."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    shown = str(value) if written is None else written
    shown = redacted(shown) if "://" in shown or "@" in shown else shown
    shown = shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."
    if isinstance(value, str):
        return f"text {shown!r}"
    return shown if isinstance(value, bool) else f"the number {shown}"


def _advice(message: str, value: object) -> str:
    wants_text = re.match(r"Expected `(null \| )?str", message)
    return " (put it in quotes)" if wants_text and isinstance(value, int | float) else ""
