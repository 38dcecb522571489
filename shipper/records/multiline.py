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
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from logbus.config.patterns import compile_pattern
from shipper.records.cuts import Bounds
from shipper.records.rules import Multiline
from shipper.records.stacktraces import Grammar, grammar


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

    return Grammar(lambda body: b"".join(map(kind, io.BytesIO(body))), re.compile(rb"(?:f|e|[si]i*+e?+)"))


LINES: Final = Grammar(lambda body: b"s" * body.count(b"\n"), re.compile(rb"s"))
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
        lines = list(io.BytesIO(body))
        ends = [0, *accumulate(map(len, lines))]
        kinds = self.grammar.kinds(body)
        blocks = self.blocks(body, lines) if self.blocks else {}
        firsts = list(blocks)
        starts = [0]
        while starts[-1] < len(lines):
            end = self._end(kinds, ends, starts[-1])
            block = bisect_left(firsts, end) - 1
            starts.append(max(end, min(blocks[firsts[block]], len(lines))) if block >= 0 else end)
        last = starts[-2]
        over = len(lines) - last >= self.max_lines or ends[-1] - ends[last] + rest_bytes > self.max_bytes
        return Bounds(
            [ends[end] - ends[start] for start, end in pairwise(starts)],
            [end - start for start, end in pairwise(starts)],
            not over or max(blocks.values(), default=0) > len(lines),
        )

    def _end(self, kinds: bytes, ends: list[int], start: int) -> int:
        """Return the line behind the record that begins with line `start`, ignoring blocks."""
        found = self.grammar.record.match(kinds, start)
        end = min(found.end() if found else start + 1, start + self.max_lines)
        if ends[end] - ends[start] > self.max_bytes:
            end = max(start + 1, bisect_right(ends, ends[start] + self.max_bytes, start, end) - 1)
        return end
