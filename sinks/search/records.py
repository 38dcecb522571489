"""Divides content into blocks that end where a record ends, and a block into records, with severities and times.

A record is a line that begins one and the lines that continue it, by the grammar of `logbus.traces`. Where nothing
begins a record for certain in 64 KiB, a record may be cut.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from msgspec import Struct

from logbus.eventtime import TimeRules
from logbus.native import newlines
from logbus.severity import container_lines
from sinks.search.layouts import UNSTATED_DIGIT, Layout
from sinks.search.spans import WHOLE, Span

BLOCK_BYTES: Final = 1 << 19
TAIL_BYTES: Final = 1 << 16
LINE_MAX_BYTES: Final = 4 << 20
"""A longer line is several records."""
_RECORD: Final = re.compile(rb"[0-7sxk][xk]*+|[a-hS]k*+(?:x[xks]*+)?")
_BEGINNING: Final = re.compile(rb"[0-7a-hS]")
_LAST_BEGINNING: Final = re.compile(rb"(?s)[0-7a-hS][^0-7a-hS]*+\Z")
_DIGITS: Final = bytes.maketrans(b"abcdefghsSxk", b"01234567" + bytes([UNSTATED_DIGIT]) * 4)
_NO_LINE_CONTINUES: Final = b"01234567abcdefghSs"
_FEW: Final = 64
_WRAPPER_BYTES: Final = 128
"""The time, stream and tag of a container's line."""
_HAS_TIME: Final = re.compile(rb"\d\d:\d\d|\d{6}|\d{4}[-/.]\d", re.ASCII)
"""No time is stated without such digits."""


class Block(Struct, frozen=True):
    """Whole records, or whole lines if it `is_dull`; `offset` in the content, in bytes; first `line`, from 1."""

    body: bytes
    offset: int
    line: int
    is_dull: bool = False


class Records(Struct, frozen=True):
    """The records of a block: where they `start` in its body, the last item being its end; digits; first lines."""

    starts: list[int]
    digits: bytes
    lines: Sequence[int]

    def __len__(self) -> int:
        return len(self.digits)


def blocks(
    pieces: Iterator[bytes],
    layout: Layout,
    least_bytes: int = BLOCK_BYTES,
    is_dull: Callable[[bytes], bool] | None = None,
    start: Span = WHOLE[0],
) -> Iterator[Block]:
    """Yield the content in blocks of about that size; dull ones, of which nothing is wanted, end at any line's end.

    A dull line that begins a record is in the same block as what continues the record, if that is not dull. `is_dull`
    tells it of bytes the last line of which may go on. `start`: where in the file the content begins.
    """
    here = _Here(start.offset, start.line)
    held = rest = b""
    for more in _gathered(pieces, least_bytes):
        body = rest + more if rest else more
        end = body.rfind(b"\n") + 1
        if end and is_dull and is_dull(body):
            if len(held) > TAIL_BYTES:
                yield here.block(held, is_dull=True)
                held = b""
            held, rest = held + _first(body, end), body[end:]
            continue
        if cut := _last_start(held, layout) if held else 0:
            yield here.block(held[:cut], is_dull=True)
        body, held = held[cut:] + body, b""
        end = _last_start(body, layout)
        if not end and len(body) > max(LINE_MAX_BYTES, least_bytes):
            end = len(body)
        if end:
            yield here.block(_first(body, end))
        rest = body[end:]
    if rest or held:
        yield here.block(held + rest)


def _gathered(pieces: Iterator[bytes], least_bytes: int) -> Iterator[bytes]:
    """Yield pieces of at least that size, but for the last one."""
    waiting: list[bytes] = []
    size_bytes = 0
    for piece in pieces:
        waiting.append(piece)
        size_bytes += len(piece)
        if size_bytes >= least_bytes:
            yield b"".join(waiting)
            waiting, size_bytes = [], 0
    if size_bytes:
        yield b"".join(waiting)


def _first(body: bytes, size_bytes: int) -> bytes:
    """Return the first bytes, without a copy where these are all."""
    return body if size_bytes == len(body) else body[:size_bytes]


class _Here(Struct):
    """Where the next block begins."""

    offset: int
    line: int

    def block(self, body: bytes, *, is_dull: bool = False) -> Block:
        """Return the next block, and go on behind it."""
        found = Block(body, self.offset, self.line, is_dull)
        self.offset += len(body)
        self.line += newlines.count(body)
        return found


def _last_start(body: bytes, layout: Layout) -> int:
    """Return where the last record of a body begins that may go on behind it; 0 if nothing before that is certain."""
    end = body.rfind(b"\n") + 1
    for size in (TAIL_BYTES >> 3, TAIL_BYTES):
        begin = _line_at(body, end - size)
        codes = layout.codes(body[begin:end]) if begin < end else b""
        found = _LAST_BEGINNING.search(codes)
        if found and (found.start() or not begin or not _may_be_a_rest(body, begin)):
            return begin + _place(body[begin:end], found.start())
        if not begin:
            break
    starts = [found.start() for found in _RECORD.finditer(codes)]
    if len(starts) > 1:
        return begin + _place(body[begin:end], starts[-1])
    return end if begin else 0


def first_start(body: bytes, layout: Layout) -> int:
    """Return where a record begins in a body that may begin anywhere: for certain, or in 64 KiB at least a line.

    What is shorter and certain nowhere belongs to what is ahead of it: then it is the end.
    """
    first = body.find(b"\n") + 1
    uncertain = int(_may_be_a_rest(body, first))
    for size in (TAIL_BYTES >> 3, TAIL_BYTES):
        end = body.rfind(b"\n", first, first + size) + 1 if first else 0
        lines = body[first:end]
        if found := _BEGINNING.search(layout.codes(lines), uncertain) if lines else None:
            return first + _place(lines, found.start())
    return first if first and len(body) > TAIL_BYTES else len(body)


def _may_be_a_rest(body: bytes, at: int) -> bool:
    """Return True for a container's line, whose text may have begun in the line before it."""
    return container_lines.begins(body[at : at + _WRAPPER_BYTES])


def _line_at(body: bytes, at: int) -> int:
    """Return where a line begins, at `at` or behind it."""
    return body.find(b"\n", at - 1) + 1 if at > 0 else 0


def _place(lines: bytes, number: int) -> int:
    """Return where the line with a number begins, from 0."""
    return sum(map(len, lines.split(b"\n", number)[:number])) + number


def divided(body: bytes, layout: Layout) -> Records:
    """Return the records of a block."""
    codes = layout.codes(body)
    is_by_line = not codes.translate(None, _NO_LINE_CONTINUES)
    firsts = range(len(codes)) if is_by_line else [found.start() for found in _RECORD.finditer(codes)]
    places = [0, *accumulate(map(len, io.BytesIO(body)))]
    if is_by_line:
        return Records(places, codes.translate(_DIGITS), firsts)
    starts = [*map(places.__getitem__, firsts), len(body)]
    return Records(starts, bytes(map(codes.__getitem__, firsts)).translate(_DIGITS), firsts)


class Times:
    """The event times of the records of a block, read only if asked for; `previous_us`: of the one before them.

    Where many are asked for, all are read at once.
    """

    def __init__(
        self, body: bytes, records: Records, layout: Layout, rules: TimeRules, previous_us: int | None
    ) -> None:
        self._body = body
        self._starts = records.starts
        self._layout = layout
        self._rules = rules
        self._previous_us = previous_us
        self._known: dict[int, int | None] = {-1: previous_us}
        self._all: Sequence[int] | None = None

    def known_us(self, number: int) -> int | None:
        """Return the time that a record states or inherits; None if none before it states one."""
        if self._all is not None:
            return self._all[number] if number >= 0 else self._previous_us
        at = number
        while at not in self._known:
            record = self._body[self._starts[at] : self._starts[at + 1]]
            stated = self._layout.stated_us(record, self._rules, self._previous_us)
            if stated is not None:
                self._known[at] = stated
                break
            at -= 1
        found = self._known[at]
        self._known |= dict.fromkeys(range(at + 1, number + 1), found)
        return found

    def all(self) -> Sequence[int]:
        """Return the event times of all records."""
        if self._all is None:
            found = self._layout.times_us(self._body, self._starts, self._rules, self._previous_us)
            known = map(self.known_us, range(len(self._starts) - 1)) if found is None else found
            self._all = [self._rules.read_at_us if each is None else each for each in known]
        return self._all

    def of(self, number: int) -> int:
        """Return the event time: without any, the time of reading."""
        if self._all is None and len(self._known) > max(_FEW, len(self._starts) // 8):
            self.all()
        found = self.known_us(number)
        return self._rules.read_at_us if found is None else found


def last_time_us(bodies: Sequence[bytes], layout: Layout, rules: TimeRules, previous_us: int | None) -> int | None:
    """Return what a record behind bodies inherits; only the end of the last one is looked at, if that tells."""
    if not bodies:
        return previous_us
    body = bodies[-1]
    if (told := told_by_end(body, layout, rules)) is not None:
        return told
    previous_us = last_time_us(bodies[:-1], layout, rules, previous_us)
    if not _HAS_TIME.search(body):
        return previous_us
    records = divided(body, layout)
    return Times(body, records, layout, rules, previous_us).known_us(len(records) - 1)


def told_by_beginning(body: bytes, layout: Layout, rules: TimeRules) -> int | None:
    """Return when the first record happened, None if it does not tell, or is longer than the first few KiB."""
    head = body[: TAIL_BYTES >> 3]
    head = head[: head.rfind(b"\n") + 1]
    return Times(head, divided(head, layout), layout, rules, None).known_us(0) if head else None


def told_by_end(body: bytes, layout: Layout, rules: TimeRules) -> int | None:
    """Return what time a record behind a body inherits, None if the last few KiB do not tell."""
    begin = _line_at(body, len(body) - (TAIL_BYTES >> 3))
    codes = layout.codes(body[begin:]) if 0 < begin < len(body) else b""
    if not (first := _BEGINNING.search(codes)):
        return None
    tail = body[begin + _place(body[begin:], first.start()) :]
    records = divided(tail, layout)
    return Times(tail, records, layout, rules, None).known_us(len(records) - 1)
