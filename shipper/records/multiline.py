"""Lines that belong together, such as those of a stack trace, joined without any state but the lines themselves.

Theory of operation: every line has a *kind*, one letter that depends only on its own bytes; a record is a run of kinds
that a grammar matches. The grammar is a regular expression over kinds without lookaround and backtracking. So a record
is complete as soon as the next line does not match, and all records but the last stay the same whatever is appended. A
record that reaches `max_lines` or `max_bytes` ends, and the rest begins a new one. So record ends depend only on the
bytes since the end of any earlier record, and read boundaries, restarts and rotations make no difference. Pending lines
stay in the file and are read again.
"""

import io
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from operator import sub
from typing import Final, NamedTuple

from msgspec import Struct

from logbus.config.patterns import compile_pattern
from logbus.traces import Grammar, grammar, record_of
from logbus.wire.batch import count_lines
from shipper.records.containers import ends_of, first_text, lines_of, units_of
from shipper.records.cuts import Bounds
from shipper.records.rules import Multiline


def grammar_of(wanted: Multiline) -> Grammar:
    """Return the grammar of a `multiline` setting. Raises UsageError for an invalid pattern."""
    if wanted.preset:
        return grammar(wanted.preset)
    start, goes_on, end = (
        compile_pattern(each) if each else None for each in (wanted.start, wanted.continue_, wanted.end)
    )

    def kind(line: bytes) -> bytes:
        begins = start is not None and bool(start.search(line))
        if end and end.search(line):
            return b"f" if begins else b"e"
        return b"s" if begins or (goes_on and not goes_on.search(line)) else b"i"

    return Grammar(lambda body: b"".join(map(kind, io.BytesIO(body))), record_of(rb"(?:f|e|[si]i*+e?+)"))


_SAME_STREAM: Final = re.compile(rb"([\s\S])\1*+")
LINES: Final = Grammar(lambda body: b"s" * count_lines(body), record_of(rb"s"))
"""Every line is a record."""


Blocks = Callable[[bytes, list[bytes]], dict[int, int]]
"""Body and its lines -> runs of lines that must not be split: first line -> line behind the last, or `len(lines) + 1`
for a run that continues behind the body. They do not overlap."""


class Joiner(Struct, frozen=True):
    """Finds record ends: a record is what `grammar` matches, up to `max_lines` and `max_bytes`.

    Runs that `blocks` returns are never split, whatever the limits. With `unwraps`, a container's lines are judged by
    what they hold: the pieces of a text are one line, and stdout and stderr are never one record, except where one
    interrupts a text of the other.
    """

    grammar: Grammar
    max_lines: int
    max_bytes: int
    blocks: Blocks | None = None
    unwraps: bool = False

    def bounds(self, body: bytes, rest_bytes: int = 0) -> Bounds:
        """Return the records of `body`: whole lines, the first of which begins a record.

        `rest_bytes`: how much of an unfinished line follows `body`.
        """
        some = self._units(body, rest_bytes)
        blocks = some.blocks(self.blocks(body, list(io.BytesIO(body)))) if self.blocks else {}
        kinds = self.grammar.kinds(some.body)
        starts = [0, *accumulate(map(len, self._matches(kinds, some.segments)))]
        found = some.bounds(starts)
        if blocks or max(found.lines) > self.max_lines or max(found.sizes) > self.max_bytes:
            starts = list(self._starts(kinds, some, blocks))
            found = some.bounds(starts)
        if max(blocks.values(), default=0) > len(kinds):
            return found._replace(open=1)
        return found._replace(open=self._open(some, starts, rest_bytes))

    def _units(self, body: bytes, rest_bytes: int) -> "_Units":
        """Return what records consist of: lines, or those of a container whose texts are whole."""
        ends = ends_of(body)
        lines = lines_of(body) if self.unwraps else None
        if not lines:
            return _Units(ends, range(len(ends)), body, [len(ends) - 1], wrapped=False)
        units = units_of(lines.letters, ends, self.max_lines, self.max_bytes, rest_bytes)
        pairs = list(pairwise(units.starts))
        texts = lines.texts if len(pairs) == len(lines.texts) else [first_text(lines, *pair) for pair in pairs]
        streams = bytes(map(lines.letters.__getitem__, units.starts[:-1])).lower()
        segments = [found.end() for found in _SAME_STREAM.finditer(streams)]
        return _Units([ends[start] for start in units.starts], units.starts, b"".join(texts), segments, units.open)

    def _matches(self, kinds: bytes, segments: list[int]) -> list[bytes]:
        """Return the kinds of each record, limits aside."""
        if len(segments) == 1:
            return self.grammar.record.findall(kinds)
        parts = (kinds[start:end] for start, end in pairwise([0, *segments]))
        return [each for part in parts for each in self.grammar.record.findall(part)]

    def _open(self, some: "_Units", starts: list[int], rest_bytes: int) -> int:
        """Return how many records at the end may change when more follows."""
        last, count = starts[-2], len(some.ends) - 1
        if not some.open:
            if self.grammar is LINES:
                return 0
            over = some.lines[count] - some.lines[last] >= self.max_lines
            return int(not (over or some.ends[count] - some.ends[last] + rest_bytes > self.max_bytes))
        if last < count - 1 or len(starts) < 3 or last in some.segments or self.grammar is LINES:  # noqa: PLR2004
            return 1
        before = starts[-3]
        fits = some.lines[count] - some.lines[before] <= self.max_lines
        return 1 + (fits and some.ends[count] - some.ends[before] <= self.max_bytes)

    def _starts(self, kinds: bytes, some: "_Units", blocks: dict[int, int]) -> Iterator[int]:
        """Yield the unit behind each record, within the limits, after the first unit."""
        firsts, count, at = list(blocks), len(kinds), 0
        yield at
        while at < count:
            at = self._end(kinds, some, at)
            while (block := bisect_left(firsts, at) - 1) >= 0 and blocks[firsts[block]] > at < count:
                at = min(blocks[firsts[block]], count)
            yield at

    def _end(self, kinds: bytes, some: "_Units", start: int) -> int:
        """Return the unit behind the record that begins with unit `start`, ignoring blocks."""
        stop = some.segments[bisect_right(some.segments, start)]
        found = self.grammar.record.match(kinds, start, stop)
        end = found.end() if found else start + 1
        for ends, most in ((some.lines, self.max_lines), (some.ends, self.max_bytes)):
            if ends[end] - ends[start] > most:
                end = max(start + 1, bisect_right(ends, ends[start] + most, start, end) - 1)
        return end


class _Units(NamedTuple):
    """What records consist of: `ends` has the byte, and `lines` the line, behind each unit, after the first one.

    `body`: their texts, one line each. `segments`: the unit behind each run of the same stream. `open`: the last unit
    needs more lines. `wrapped`: a container runtime wrapped some of the lines.
    """

    ends: Sequence[int]
    lines: Sequence[int]
    body: bytes
    segments: list[int]
    open: bool = False
    wrapped: bool = True

    def blocks(self, of_lines: dict[int, int]) -> dict[int, int]:
        """Return the same runs as runs of units."""
        found: dict[int, int] = {}
        for first, end in of_lines.items():
            unit = bisect_right(self.lines, first) - 1
            last = len(self.lines) if end > self.lines[-1] else bisect_left(self.lines, end)
            found[unit] = max(last, found.get(unit, 0))
        return found

    def bounds(self, starts: list[int]) -> Bounds:
        """Return the bounds of records that start with these units; the last of `starts` is behind the last unit."""
        places = list(map(self.ends.__getitem__, starts))
        lines = list(map(self.lines.__getitem__, starts)) if self.wrapped else starts  # units are lines
        return Bounds(list(map(sub, places[1:], places)), list(map(sub, lines[1:], lines)), 1, self.wrapped)
