"""Makes the settled rows of an output from its records, as the search divides the whole file. Pure.

A row ends where a record does and, of a `.zst` file, a frame does too; then it has about 1 MiB of content. Where no
such place comes for long, those bytes have no row, and are read.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import floordiv
from typing import Final

import msgspec
from msgspec import Struct

from sinks.index.blocks import HOUR_US
from sinks.index.digits import SEVERITIES, counts_of
from sinks.search.finding import View
from sinks.settling.borders import Border, Walk
from sinks.settling.published import Origins, Published

ROW_BYTES: Final = 3 << 18
"""The least content of a row but the last: blocks of the search have half a MiB."""
ROW_MAX_BYTES: Final = 64 << 20
"""Of a row with more, nothing is kept."""
Hours = dict[int, list[int]]
"""Hour since 1970 in UTC -> how many records of each severity happened in it."""


class Row(Struct, frozen=True):
    """A settled row; docs/index-format.md has its columns."""

    begin: Border
    end: Border
    first_line: int
    before_us: int | None
    event_us: tuple[int, int]
    digits: bytes
    hours: Hours
    origins: Origins

    @property
    def content_bytes(self) -> int:
        """How much content it tells of."""
        return self.end.content - self.begin.content


class Stretch(Struct, frozen=True):
    """Records of one block: their `times_us`, their `digits`, the digits of their `lines`; the first line's number."""

    times_us: Sequence[int]
    digits: bytes
    lines: bytes
    line: int
    before_us: int | None

    def cut(self, record: int, line: int, before_us: int | None) -> "tuple[Stretch, Stretch]":
        """Return the records before one that begins at a line of this stretch, and those from it on."""
        return (
            Stretch(self.times_us[:record], self.digits[:record], self.lines[:line], self.line, self.before_us),
            Stretch(self.times_us[record:], self.digits[record:], self.lines[line:], self.line + line, before_us),
        )


class Growing(Struct):
    """A row that is not finished; `content`: how far it goes."""

    begin: Border
    first_line: int
    before_us: int | None
    content: int
    first_us: int = 1 << 62
    last_us: int = -(1 << 62)
    digits: bytearray = msgspec.field(default_factory=bytearray)
    hours: Counter[tuple[int, int]] = msgspec.field(default_factory=Counter)

    @property
    def is_void(self) -> bool:
        """Whether it has become too large to be kept."""
        return self.content - self.begin.content > ROW_MAX_BYTES

    def add(self, stretch: Stretch, content: int) -> None:
        """Add records, which end there in the content."""
        self.content = content
        if not stretch.digits:
            return
        if self.is_void:
            self.digits.clear()
            self.hours.clear()
            return
        self.digits += stretch.lines
        first_us, last_us = min(stretch.times_us), max(stretch.times_us)
        self.first_us, self.last_us = min(self.first_us, first_us), max(self.last_us, last_us)
        self._count(stretch, first_us // HOUR_US, last_us // HOUR_US)

    def _count(self, stretch: Stretch, first: int, last: int) -> None:
        """Count the records by hour and severity; most stretches are within one hour."""
        if first == last:
            counts = {(first, digit): count for digit, count in enumerate(counts_of(stretch.digits)) if count}
            self.hours.update(counts)
        else:
            hours = map(floordiv, stretch.times_us, repeat(HOUR_US))
            self.hours.update(zip(hours, (digit - 48 for digit in stretch.digits), strict=True))

    def finished(self, end: Border, origins: Origins) -> Row:
        """Return the row."""
        hours: Hours = {}
        for (hour, digit), count in self.hours.items():
            hours.setdefault(hour, [0] * SEVERITIES)[digit] = count
        event_us = self.first_us, self.last_us
        return Row(self.begin, end, self.first_line, self.before_us, event_us, bytes(self.digits), hours, origins)


@dataclass(slots=True)
class Rows:
    """Makes rows; `changed_us`: when the output was last changed, the time of records before the first stated one."""

    walk: Walk
    published: Published
    changed_us: int
    _growing: Growing = field(default_factory=lambda: Growing(Border(0, 0), 1, None, 0), init=False)
    _border: Border = field(default=Border(0, 0), init=False)
    _before_us: int | None = field(default=None, init=False)

    def of(self, views: Iterable[View], *, finished: bool) -> Iterator[Row]:
        """Yield the rows of blocks of records, in order; unless `finished`, the last record may go on."""
        ahead: View | None = None
        for view in views:
            if ahead:
                yield from self._add(ahead)
            ahead = view
        if ahead and finished:
            yield from self._add(ahead)
        yield from self._last(finished=finished)

    def _add(self, view: View) -> Iterator[Row]:
        """Add a block; yield the row that ends in it, if there is one."""
        stretch = self._stretch(view)
        end = view.block.offset + len(view.block.body)
        found = self._common(view, end)
        if found and found[1].content - self._growing.begin.content >= ROW_BYTES:
            number, border = found
            line = view.records.lines[number] if number < len(view.records) else len(stretch.lines)
            mine, stretch = stretch.cut(number, line, self._inherited(stretch, number))
            self._growing.add(mine, border.content)
            yield from self._finished(border)
            self._growing = Growing(border, stretch.line, stretch.before_us, border.content)
        self._growing.add(stretch, end)

    def _last(self, *, finished: bool) -> Iterator[Row]:
        """Yield the row at the end of the file; of one that is not finished, only if it ends at a border."""
        content = self._growing.content
        if self.walk.borders is None:
            yield from self._finished(Border(content, content))
        elif finished and self._border.content == content:
            yield from self._finished(self._border)

    def _finished(self, border: Border) -> Iterator[Row]:
        growing = self._growing
        if growing.digits and not growing.is_void:
            yield growing.finished(
                border, self.published.origins(growing.begin.content, border.content, self.changed_us)
            )

    def _common(self, view: View, end: int) -> tuple[int, Border] | None:
        """Return the last border in a block at which a record begins, and that record's number."""
        starts, offset = view.records.starts, view.block.offset
        if self.walk.borders is None:
            return len(view.records), Border(end, end)
        found = None
        for border in self.walk.up_to(end):
            self._border = border
            number = bisect_left(starts, border.content - offset)
            if number < len(starts) and starts[number] == border.content - offset:
                found = number, border
        return found

    def _stretch(self, view: View) -> Stretch:
        """Return the records of a block, with the severities that were published."""
        records = view.records
        lines = self.published.over(view.block, lines_of(view))
        digits = lines if len(records) == len(lines) else bytes(map(lines.__getitem__, records.lines))
        times_us = view.times.all()
        stretch = Stretch(times_us, digits, lines, view.block.line, self._before_us)
        self._before_us = self._inherited(stretch, len(times_us))
        return stretch

    def _inherited(self, stretch: Stretch, number: int) -> int | None:
        """Return the time that a record of a stretch inherits; None if none before it states one."""
        if not number:
            return stretch.before_us
        found = stretch.times_us[number - 1]
        is_untold = stretch.before_us is None and all(each == self.changed_us for each in stretch.times_us[:number])
        return None if is_untold else found


def lines_of(view: View) -> bytes:
    """Return the digit of each line of a block, by its text: that of its record."""
    records, body = view.records, view.block.body
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    if lines == len(records):
        return records.digits
    ends = [*records.lines[1:], lines]
    return b"".join(
        bytes((digit,)) * (end - begin) for digit, begin, end in zip(records.digits, records.lines, ends, strict=True)
    )
