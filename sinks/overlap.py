"""Detects sinks that could write to one file: each would cut off, at its next start, what the other wrote.

A path template is a sequence of elements, each a set of characters, once or repeated. Two sequences meet if both can
continue with the same character to the end of each; the reachable pairs of places are searched from the beginning. The
set for a field may be wider than its real values, never narrower.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

from msgspec import Struct

from sinks.file import template

Allows = Callable[[str], bool]
SAMPLE = "_aZ09Tx.-/ "
"""Any two sets that have a character in common have one of these in common."""


class Element(Struct, frozen=True):
    """A character of a path: a literal, or any that `allows` accepts; `repeats`: zero or more of them."""

    literal: str = ""
    allows: Allows = str.isprintable
    repeats: bool = False

    def meets(self, other: "Element") -> bool:
        """Return True if both accept a common character."""
        characters = self.literal or other.literal or SAMPLE
        return any(self.takes(each) and other.takes(each) for each in characters)

    def takes(self, character: str) -> bool:
        """Return True if the element accepts a character."""
        return character == self.literal if self.literal else self.allows(character)


def _first(character: str) -> bool:
    return character not in "./-"


def _in_name(character: str) -> bool:
    return character != "/"


def _rotated(character: str) -> bool:
    return character.isdecimal() or character in "TZ.gznew"


def _any(_character: str) -> bool:
    return True


NAME = (Element(allows=_first), Element(allows=_in_name, repeats=True))
DATE = tuple(Element("-") if each == "-" else Element(allows=str.isdecimal) for each in "dddd-dd-dd")
FIELDS: Mapping[str, tuple[Element, ...]] = {
    "path": (Element(allows=_first), Element(allows=_any, repeats=True)),
    "date": DATE,
    "hour": (Element(allows=str.isdecimal), Element(allows=str.isdecimal)),
    template.ROTATED: (Element(allows=str.isdecimal), Element(allows=_rotated, repeats=True)),
}


def collisions(outputs: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Yield the names of each two sinks whose path templates could name the same file."""
    rows = {name: [_elements(text) for text in texts] for name, texts in outputs.items()}
    for one, other in combinations(rows, 2):
        if any(_meet(mine, theirs) for mine in rows[one] for theirs in rows[other]):
            yield one, other


def _elements(text: str) -> list[Element]:
    """Return a template as elements, from the root, with the current links of the operator's base resolved."""
    parsed = template.parse(text)
    row = [Element(each) for each in f"{os.path.realpath(parsed.base).rstrip('/')}/"]
    for place, part in enumerate(parsed.parts):
        row += FIELDS.get(part, NAME) if place % 2 else map(Element, part)
    return row


def _meet(one: list[Element], other: list[Element]) -> bool:
    reached, waiting = {(0, 0)}, [(0, 0)]
    while waiting:
        place = waiting.pop()
        if place == (len(one), len(other)):
            return True
        fresh = set(_next(one, other, *place)) - reached
        reached |= fresh
        waiting += fresh
    return False


def _next(one: list[Element], other: list[Element], i: int, j: int) -> Iterator[tuple[int, int]]:
    """Yield the next pairs of places: one past a repeat, or both past a character."""
    mine = one[i] if i < len(one) else None
    theirs = other[j] if j < len(other) else None
    if mine and mine.repeats:
        yield i + 1, j
    if theirs and theirs.repeats:
        yield i, j + 1
    if mine and theirs and mine.meets(theirs):
        yield i + (not mine.repeats), j + (not theirs.repeats)
