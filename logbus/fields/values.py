"""Fields by name, and as text."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from logbus.fields.parsed import Value

NAME_MAX: Final = 200
"""Below a name of more characters, an object stays whole: else a long key would be repeated for all that is in it."""
_MISSING: Final = object()


def value_at(fields: Mapping[str, Value], name: str) -> Value:
    """Return the value under `name`; None if there is none, as for null.

    `a.b.0` is a key of just that name, or else the first item of the array `b` in the object `a`; a key within may have
    dots too. An array's items count from 0.
    """
    found = _at(fields, name)
    return None if found is _MISSING else found  # type: ignore[return-value] # an object is what it is compared with


def _at(inside: object, name: str) -> object:
    if isinstance(inside, list):
        return _item(inside, name)
    if not isinstance(inside, Mapping):
        return _MISSING
    if name in inside:
        return inside[name]
    end = name.find(".")
    while end >= 0:
        found = _at(inside[name[:end]], name[end + 1 :]) if name[:end] in inside else _MISSING
        if found is not _MISSING:
            return found
        end = name.find(".", end + 1)
    return _MISSING


def _item(items: list[Value], name: str) -> object:
    index, dot, rest = name.partition(".")
    if not (index.isascii() and index.isdigit() and len(index) < 10) or int(index) >= len(items):  # noqa: PLR2004
        return _MISSING
    return _at(items[int(index)], rest) if dot else items[int(index)]


def text_of(value: Value) -> str:
    """Return a value as text: strings as they are, all else as compact JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def flat(fields: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """Yield each field by its dotted name, in order; arrays and empty objects as they are.

    Below a name of more than `NAME_MAX` characters, an object is not taken apart.
    """
    waiting = [("", iter(fields.items()))]
    while waiting:
        outer, items = waiting[-1]
        for key, value in islice(items, 1):
            name = outer + key
            if isinstance(value, dict) and value and len(name) <= NAME_MAX:
                waiting.append((name + ".", iter(value.items())))
            else:
                yield name, value
            break
        else:
            waiting.pop()
