"""Finds the wanted records of one file from its end to its beginning, segment by segment."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from logbus.eventtime import TimeRules
from sinks.search.files.segments import Bodies, Segments
from sinks.search.layouts import Layout
from sinks.search.records import LINE_MAX_BYTES, Block, first_start, last_time_us

_UNKNOWN_LINE: Final = 0


class Ahead(Struct, frozen=True):
    """A block, and what is ahead of it in the file: the segments before `number`, and in that one the `head`."""

    block: Block
    number: int
    head: bytes


def blocks_backwards(segments: Segments, read: Bodies, layout: Layout) -> Iterator[Ahead]:
    """Yield blocks of whole records, the last one first. The numbers of lines are known only from the beginning on."""
    rest = b""
    for number in reversed(range(len(segments.several))):
        body = read(number) + rest
        offset = segments.several[number].offset
        start = first_start(body, layout) if offset else 0
        if start == len(body) and len(body) > LINE_MAX_BYTES:
            start = 0
        rest = body[:start]
        if start < len(body):
            line = _UNKNOWN_LINE if offset + start else 1
            yield Ahead(Block(body[start:], offset + start, line), number, rest)


@dataclass(slots=True)
class Earlier:
    """Tells what time the first record of a block inherits, by what is ahead of it."""

    read: Bodies
    layout: Layout
    rules: TimeRules
    _told_us: int | None = field(default=None, init=False)
    _told_at: int | None = field(default=None, init=False)

    def time_us(self, ahead: Ahead) -> int | None:
        """Return the time, in microseconds since 1970; None if nothing before the block states one."""
        if self._told_at is None or ahead.number <= self._told_at:
            self._look(ahead)
        return self._told_us

    def _look(self, ahead: Ahead) -> None:
        rest = ahead.head
        for number in range(ahead.number - 1, -1, -1):
            body = self.read(number) + rest
            line_end = body.find(b"\n") + 1 if number else 0
            told_us = last_time_us([body[line_end:]], self.layout, self.rules, None)
            if told_us is not None:
                self._told_us, self._told_at = told_us, number
                return
            rest = body[:line_end]
        self._told_us, self._told_at = None, -1
