"""Lines that belong together, such as those of a stack trace, joined without any state but the lines themselves.

Theory of operation: every line has a *kind*, one letter that depends only on its own bytes; a record is a run of kinds
that a grammar matches. The grammar is a regular expression over kinds without lookaround and backtracking. So a record
is complete as soon as the next line does not match, and all records but the last stay the same whatever is appended. A
record that reaches `max_lines` or `max_bytes` ends, and the rest begins a new one. So record ends depend only on the
bytes since the end of any earlier record, and read boundaries, restarts and rotations make no difference. Pending lines
stay in the file and are read again.
"""

import io
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from operator import sub
from typing import Final

from logbus.config.patterns import compile_pattern
from logbus.wire.batch import count_lines
from shipper.records.cuts import Bounds
from shipper.records.rules import Multiline
from shipper.records.stacktraces import Grammar, grammar, record_of


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


LINES: Final = Grammar(lambda body: b"s" * count_lines(body), record_of(rb"s"))
"""Every line is a record."""


Blocks = Callable[[bytes, list[bytes]], dict[int, int]]
"""Body and its lines -> runs of lines that must not be split: first line -> line behind the last, or `len(lines) + 1`
for a run that continues behind the body. They do not overlap."""


@dataclass(frozen=True, slots=True)
class Joiner:
    """Finds record ends: a record is what `grammar` matches, up to `max_lines` and `max_bytes`.

    Runs that `blocks` returns are never split, whatever the limits.
    """

    grammar: Grammar
    max_lines: int
    max_bytes: int
    blocks: Blocks | None = None

    def bounds(self, body: bytes, rest_bytes: int = 0) -> Bounds:
        """Return the records of `body`: whole lines, the first of which begins a record.

        `rest_bytes`: how much of an unfinished line follows `body`.
        """
        ends = list(accumulate(map(len, io.BytesIO(body)), initial=0))
        blocks = self.blocks(body, list(io.BytesIO(body))) if self.blocks else {}
        kinds = self.grammar.kinds(body)
        starts = [0, *accumulate(map(len, self.grammar.record.findall(kinds)))]
        found = _bounds(starts, ends)
        if blocks or max(found.lines) > self.max_lines or max(found.sizes) > self.max_bytes:
            starts = list(self._starts(kinds, ends, blocks))
            found = _bounds(starts, ends)
        last = starts[-2]
        over = len(ends) - 1 - last >= self.max_lines or ends[-1] - ends[last] + rest_bytes > self.max_bytes
        return found._replace(open=not over or max(blocks.values(), default=0) >= len(ends))

    def _starts(self, kinds: bytes, ends: list[int], blocks: dict[int, int]) -> Iterator[int]:
        """Yield the line behind each record, within the limits, after the first line."""
        firsts, count, at = list(blocks), len(ends) - 1, 0
        yield at
        while at < count:
            at = self._end(kinds, ends, at)
            block = bisect_left(firsts, at) - 1
            at = max(at, min(blocks[firsts[block]], count)) if block >= 0 else at
            yield at

    def _end(self, kinds: bytes, ends: list[int], start: int) -> int:
        """Return the line behind the record that begins with line `start`, ignoring blocks."""
        found = self.grammar.record.match(kinds, start)
        end = min(found.end() if found else start + 1, start + self.max_lines)
        if ends[end] - ends[start] > self.max_bytes:
            end = max(start + 1, bisect_right(ends, ends[start] + self.max_bytes, start, end) - 1)
        return end


def _bounds(starts: list[int], ends: list[int]) -> Bounds:
    """Return the bounds of records that start with these lines; the last of `starts` is behind the last line."""
    places = list(map(ends.__getitem__, starts))
    return Bounds(list(map(sub, places[1:], places)), list(map(sub, starts[1:], starts)), open=True)
