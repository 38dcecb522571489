"""An input's record boundaries, severities, and what leaves the host. Bytes in, bytes and numbers out.

A `Recorder` applies an input's rules to bytes. `cut` returns where the complete records end: an incomplete one waits in
the file, and nothing is kept here. `finish` turns such a slice into what a batch carries. An input that joins and
changes nothing stays on the fast path: no object per line, no lengths.
"""

import re
import time
from collections.abc import Sequence
from itertools import accumulate
from operator import gt
from typing import Final

from msgspec.structs import replace

from logbus import telemetry
from logbus.batch import MAX_RECORDS, MAX_RECORDS_WITH_LENGTHS
from logbus.native import memmem, newlines
from logbus.severity import PIECE, UNSTATED
from logbus.traces import NOTHING, Before
from logbus.wire.lengths import Lengths
from logbus.wire.times import Times
from shipper.records.cuts import Bounds, Cut, Finished
from shipper.records.dropping import parts, with_dropped, with_summary
from shipper.records.encoding import encoding_of
from shipper.records.event_span import EventSpan
from shipper.records.filters import Limiter, any_selected
from shipper.records.multiline import LINES, Joiner, grammar_of
from shipper.records.redaction import BEGIN_KEY, Redactor, key_blocks
from shipper.records.rules import LARGEST_BYTES, MOST_LINES, Rules
from shipper.records.severities import Severities

FLUSH_S: Final = 1.0
MOST_RECORDS: Final = MAX_RECORDS_WITH_LENGTHS - 1
"""The summary of a rate limit may be added to these."""
PIECES: Final = 1000
"""The most lines that are joined without `multiline`: those of a container's text in pieces."""
_KEPT_RUN: Final = re.compile(b"\1+")


def cut(data: bytes, start: int = 0, most: int = MAX_RECORDS) -> int:
    r"""Return the end of the complete lines of data[start:], at most `most` of them; `start` if there are none.

    Only LF ends a line: CR, form feeds, NULs and U+2028 are bytes like any other.
    """
    end = data.rfind(b"\n", start) + 1
    while end - start > most and newlines.count(data[start:end]) > most:
        half = data.rfind(b"\n", start, (start + end) // 2) + 1
        end = half or data.find(b"\n", start) + 1
    return max(end, start)


class Recorder:
    """Applies an input's rules to bytes. Raises UsageError if its key file cannot be used.

    `joins`: a record may be several lines. `rewrites`: the published bytes may differ from the file's. `reworks`: one
    of these is usual.
    `flush_s`: how long the last record of a file waits for lines that belong to it.
    """

    def __init__(self, rules: Rules) -> None:
        self._default = b"%d" % rules.severity()
        self._severities = Severities(rules)
        self._keep, self._drop = rules.keep, rules.drop
        self._limiter = Limiter(limits) if (limits := rules.rate_limits()) else None
        self._redactor = Redactor(rules.redact) if rules.redact else None
        self._multiline = rules.multiline is not None
        self._unwraps = rules.unwraps()
        self._keys = self._redactor is not None and self._redactor.joins_keys
        self._joiner = _joiner(rules, keys=self._keys)
        self._span = EventSpan(rules)
        self._filters = bool(rules.keep or rules.drop or rules.rate_limit)
        self._changes = bool(self._filters or rules.redact)
        self.encoding = encoding_of(rules.encoding, rules.newline)
        self.max_record_bytes = rules.max_record_bytes
        self.joins = self._joiner is not None
        self.rewrites = self._changes or self.encoding.decodes or self.encoding.swaps
        self.reworks = self.rewrites or self._multiline or self._keys
        self.flush_s = rules.multiline.flush_s if rules.multiline else FLUSH_S

    def prepare(self) -> None:
        """Compile now what records may need, so that none waits for it."""
        self._span.prepare()

    def cut(self, data: bytes, start: int = 0, *, flush: bool = False, final: bool = False, at: int = 0) -> Cut:
        """Return where the complete records of data[start:], which begins with a record, end.

        `flush`: the file was quiet, so the last record is complete. `final`: its last line is complete, too. `at`: the
        offset of `data` in the file.
        """
        if not self.encoding.decodes:
            found = self._cut(self.encoding.swapped(data), start, flush=flush, final=final)
            return replace(found, body=None) if self.encoding.swaps else found
        decode = self.encoding.decode if final else self.encoding.decode_unfinished
        text = decode(data[start:], at + start)
        found = self._cut(text.body, 0, flush=flush, final=final)
        return replace(found, end=start + text.file_at(found.end))

    def _cut(self, data: bytes, start: int, *, flush: bool, final: bool) -> Cut:
        if self._multiline or (self._keys and memmem.find(data, BEGIN_KEY, start) >= 0):
            return self._joined(data, start, flush=flush, final=final)
        end = cut(data, start, MOST_RECORDS if self.rewrites else len(data))
        more = end < data.rfind(b"\n", start) + 1
        if not self._unwraps or end <= start:
            return Cut(end, more=more)
        body = data[start:end]
        marks = self._severities.marks(body)
        if PIECE in marks:
            return self._joined(data, start, flush=flush, final=final)
        return Cut(end, more=more, body=body, marks=marks)

    def _joined(self, data: bytes, start: int, *, flush: bool, final: bool) -> Cut:
        end = len(data) if final else data.rfind(b"\n", start) + 1
        if end <= start or not self._joiner:
            return Cut(start)
        few = newlines.behind(data, start, 2 * MOST_LINES)  # a record ends within these; more would be read again
        found = self._joiner.bounds(data[start : min(few, end)], len(data) - end if few >= end else 0)
        wanted = len(found.sizes) - found.open * (few < end or not (flush or final))
        count = min(wanted, MOST_RECORDS)
        last = found.open * (count == len(found.sizes))
        bounds = Bounds(found.sizes[:count], found.lines[:count], last, found.wrapped)
        return Cut(start + sum(bounds.sizes), bounds, forced=bounds.open > 0, more=count < wanted or few < end)

    def begins(self, line: bytes) -> bool:
        """Return True if a line begins a record, whatever is before it, or if nothing can be inherited."""
        return not (self._severities.inherits or self._span.reads) or self._severities.begins(
            self.encoding.swapped(line)
        )

    def look_back(self, data: bytes, at: int) -> Before:
        """Return what the next line may continue, by the `data` before it, which begins at an offset."""
        text = self.encoding.decode(data, at).body if self.encoding.decodes else self.encoding.swapped(data)
        lines = text[text.find(b"\n") + 1 :]
        time_us = self._span.before(lines, time.time_ns() // 1000)
        if not (lines and self._severities.inherits):
            return replace(NOTHING, time_us=time_us)
        marks = self._severities.marks(lines)
        bounds = self._joiner.bounds(lines) if self._joiner and PIECE in marks else None
        return replace(self.severities(lines, bounds, NOTHING, marks)[1], time_us=time_us)

    def times(self, found: Finished, read_at_us: int, before: Before) -> Times | None:
        """Return how the times of a batch read at `read_at_us` are read, and those of its first and last record."""
        return self._span.of(found, read_at_us, before.time_us)

    def finish(  # noqa: PLR0913, PLR0917 - what was found of a slice
        self,
        body: bytes,
        bounds: Bounds | None,
        now: float,
        at: int = 0,
        before: Before = NOTHING,
        marks: bytes | None = None,
    ) -> Finished:
        """Return what is published of `body`, complete records with these `bounds`, at `now` (seconds).

        `at`: the offset of `body` in the file. `before`: what its first line may continue. `marks`: those of its cut.
        """
        if not self.encoding.decodes:
            found = self._finish(self.encoding.swapped(body), bounds, now, before, marks)
            return _with_inner_lines(found, self.encoding.newline) if self.encoding.swaps else found
        text = self.encoding.decode(body, at)
        found = self._finish(text.body, bounds, now, before, marks)
        return replace(found, lengths=text.lengths(found.lengths))

    def severities(
        self, body: bytes, bounds: Bounds | None, before: Before, marks: bytes | None = None
    ) -> tuple[bytes, Before]:
        """Return the digit of each record, `-` for the default, and what the next line may continue."""
        return self._severities.of(body, bounds, before, marks or b"")

    def _finish(self, body: bytes, bounds: Bounds | None, now: float, before: Before, marks: bytes | None) -> Finished:
        digits, after = self.severities(body, bounds, before, marks)
        if bounds and len(bounds.sizes) == sum(bounds.lines):
            bounds = None
        if undetected := digits.count(UNSTATED):
            telemetry.count("logbus_undetected_records", undetected)
        levels = digits.replace(UNSTATED, self._default)
        if self._changes:
            return replace(self._rewrite(body, levels, bounds, now), after=after)
        return Finished(body, levels, Lengths(bounds.sizes, bounds.sizes) if bounds else None, after)

    def _rewrite(self, body: bytes, levels: bytes, bounds: Bounds | None, now: float) -> Finished:
        sizes = bounds.sizes if bounds else newlines.sizes(body)
        starts = list(accumulate(sizes, initial=0)) if self._filters else []
        kept = self._kept(body, levels, sizes, starts[1:], now) if self._filters else b""
        whole = 0 not in kept
        runs = [(0, len(sizes))] if whole else [each.span() for each in _KEPT_RUN.finditer(kept)]
        left, old_sizes = (body, sizes) if whole else parts(body, sizes, starts, runs)
        redacted = self._redactor.redact(left, old_sizes) if self._redactor else None
        left, new_sizes = redacted or (left, old_sizes)
        due = self._limiter is not None and self._limiter.due
        if whole and not due:
            return Finished(left, levels, Lengths(new_sizes, sizes) if redacted or bounds else None)
        found = with_dropped(left, Lengths(new_sizes, old_sizes), levels, starts, runs)
        return with_summary(found, self._limiter) if self._limiter and due else found

    def _kept(self, body: bytes, levels: bytes, sizes: Sequence[int], ends: list[int], now: float) -> bytes:
        """Return 1 for each record that is published, 0 for the others, which are counted."""
        kept = any_selected(self._keep, levels, body, ends) if self._keep else b"\1" * len(sizes)
        if self._drop:
            kept = bytes(map(gt, kept, any_selected(self._drop, levels, body, ends)))
        filtered = kept.count(0)
        if limiter := self._limiter:
            limiter.begin(now)
            each = zip(kept, levels, sizes, strict=True)
            kept = bytes(keep and limiter.passes(level, size) for keep, level, size in each)
        _count_dropped("filter", filtered)
        _count_dropped("rate_limit", kept.count(0) - filtered)
        return kept


def _with_inner_lines(found: Finished, newline: bytes) -> Finished:
    """Return the same with LFs where swapped text has `newline`: then a record may be several lines."""
    if newline not in found.body:
        return found
    sizes = newlines.sizes(found.body)
    return replace(found, body=found.body.replace(newline, b"\n"), lengths=found.lengths or Lengths(sizes, sizes))


class Recorders:
    """One Recorder per input, shared by its files."""

    def __init__(self) -> None:
        self._of: dict[int, Recorder] = {}

    def of(self, rules: Rules) -> Recorder:
        """Return the recorder of an input."""
        if id(rules) not in self._of:
            self._of[id(rules)] = Recorder(rules)
        return self._of[id(rules)]

    def prepare(self) -> None:
        """Compile now what records may need, so that none waits for it."""
        for each in self._of.values():
            each.prepare()


def _joiner(rules: Rules, *, keys: bool) -> Joiner | None:
    half_a_line = rules.max_record_bytes // (2 * encoding_of(rules.encoding).unit)  # of a decoded read
    limit, blocks, unwraps = min(half_a_line, LARGEST_BYTES), key_blocks if keys else None, rules.unwraps()
    if rules.multiline:
        most_bytes = min(rules.multiline.max_bytes, limit)
        return Joiner(grammar_of(rules.multiline), rules.multiline.max_lines, most_bytes, blocks, unwraps)
    if unwraps:
        return Joiner(LINES, PIECES, limit, blocks, unwraps)
    return Joiner(LINES, 1, rules.max_record_bytes, blocks) if keys else None


def _count_dropped(by: str, count: int) -> None:
    if count:
        telemetry.count("logbus_dropped_records", count, by=by)
