"""What the rows of the time of writing say of an output: severities as published, and where records come from. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from logbus.errors import WireError
from logbus.native import newlines
from sinks.index.packing import unpacked
from sinks.search.records import Block

DIGITS_MAX_BYTES: Final = 64 << 20
Part = tuple[int, int, int, tuple[int, ...]]
"""An origin's id, bytes [offset, end) of its stream, and how many lines of each severity begin in them."""


class Old(Struct, frozen=True):
    """A row that holds: its bytes of the content, when they were read, its parts, and its digits as a frame."""

    begin: int
    end: int
    first_read_us: int
    last_read_us: int
    parts: tuple[Part, ...] | None
    packed: bytes


class Origins(Struct, frozen=True):
    """What old rows say of a new one; `parts` is None unless they tell of each of its bytes, and are few."""

    first_read_us: int
    last_read_us: int
    parts: list[Part] | None


class _Laid(Struct):
    """The digits of an old row, on the lines from `line` on; `goes_on`: the first of them began before it."""

    line: int
    digits: bytes
    goes_on: bool


@dataclass(slots=True)
class Published:
    """Lays old rows, in the order of the content, over the digits that the text tells."""

    old: Iterator[Old]
    _next: Old | None = field(default=None, init=False)
    _laid: list[_Laid] = field(default_factory=list, init=False)
    _met: list[Old] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Begin with the first row."""
        self._next = next(self.old, None)

    def over(self, block: Block, digits: bytes) -> bytes:
        """Return the digits of a block's lines, in which those that were published replace the others."""
        self._meet(block)
        if not self._laid:
            return digits
        lines = bytearray(digits)
        for each in self._laid:
            _lay(each, lines, block.line)
        last = block.line + len(digits)
        self._laid = [each for each in self._laid if each.line + len(each.digits) >= last]
        return bytes(lines)

    def origins(self, begin: int, end: int, changed_us: int) -> Origins:
        """Return what is known of the content from `begin` to `end`; without rows, it was read before `changed_us`."""
        mine = [each for each in self._met if each.begin < end and each.end > begin]
        self._met = [each for each in self._met if each.end > end]
        known_bytes = sum(min(end, each.end) - max(begin, each.begin) for each in mine)
        if known_bytes < end - begin:
            return Origins(0, changed_us, None)
        first_us, last_us = min(each.first_read_us for each in mine), max(each.last_read_us for each in mine)
        return Origins(first_us, last_us, _joined(mine))

    def _meet(self, block: Block) -> None:
        """Find the line at which each row begins that begins in a block."""
        end = block.offset + len(block.body)
        while self._next and self._next.begin < end:
            at = self._next.begin - block.offset
            if at >= 0:
                self._met.append(self._next)
                line = block.line + newlines.count(block.body[:at])
                goes_on = at > 0 and block.body[at - 1 : at] != b"\n"
                self._laid.append(_Laid(line, _unpacked(self._next.packed), goes_on))
            self._next = next(self.old, None)


def _unpacked(packed: bytes) -> bytes:
    """Return the digits of a row; none if they are not sound."""
    try:
        return unpacked(packed, DIGITS_MAX_BYTES)
    except WireError:
        return b""


def _lay(laid: _Laid, lines: bytearray, first: int) -> None:
    """Lay digits over those of lines, the first of which has the number `first`."""
    skipped = max(0, first - laid.line)
    begin = laid.line + skipped - first
    digits = laid.digits[skipped : skipped + max(0, len(lines) - begin)]
    if laid.goes_on and not skipped and digits and begin < len(lines):
        digits = bytes((min(digits[0], lines[begin]),)) + digits[1:]
    lines[begin : begin + len(digits)] = digits


def _joined(rows: Sequence[Old]) -> list[Part] | None:
    """Return the parts of several rows, those of one origin that are neighbours as one."""
    found: list[Part] = []
    last: dict[int, int] = {}
    for row in rows:
        if row.parts is None:
            return None
        for origin, offset, end, counts in row.parts:
            at = last.get(origin, -1)
            if at >= 0 and found[at][2] == offset:
                both = tuple(map(sum, zip(found[at][3], counts, strict=True)))
                found[at] = (origin, found[at][1], end, both)
            else:
                last[origin] = len(found)
                found.append((origin, offset, end, counts))
    return found
