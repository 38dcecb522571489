"""An input's record boundaries, severities, and what leaves the host. Bytes in, bytes and numbers out.

A `Recorder` applies an input's rules to bytes. `cut` returns where the complete records end: an incomplete one waits in
the file, and nothing is kept here. `finish` turns such a slice into what a batch carries. An input that joins and
changes nothing stays on the fast path: no object per line, no lengths.
"""

import io
from dataclasses import replace
from itertools import accumulate, compress, islice, pairwise
from typing import Final

from logbus import telemetry
from logbus.batch import MAX_RECORDS, MAX_RECORDS_WITH_LENGTHS
from logbus.severity import UNSTATED, Severity
from shipper.records.cuts import NOTHING, Before, Bounds, Cut, Finished
from shipper.records.encoding import encoding_of
from shipper.records.filters import Limiter, any_selected
from shipper.records.inheriting import begins_by_itself, inherit
from shipper.records.levels import reader_of
from shipper.records.multiline import LINES, Joiner, grammar_of
from shipper.records.redaction import BEGIN_KEY, Redactor, key_blocks
from shipper.records.rules import LARGEST_BYTES, MOST_LINES, Rules

FLUSH_S: Final = 1.0
MOST_RECORDS: Final = MAX_RECORDS_WITH_LENGTHS - 1
"""The summary of a rate limit may be added to these."""
_WARNING: Final = b"%d" % Severity.WARNING
_MILDEST: Final = b"%d" % Severity.DEBUG


def cut(data: bytes, start: int = 0, most: int = MAX_RECORDS) -> int:
    r"""Return the end of the complete lines of data[start:], at most `most` of them; `start` if there are none.

    Only LF ends a line: CR, form feeds, NULs and U+2028 are bytes like any other.
    """
    end = data.rfind(b"\n", start) + 1
    while end - start > most and data.count(b"\n", start, end) > most:
        half = data.rfind(b"\n", start, (start + end) // 2) + 1
        end = half or data.find(b"\n", start) + 1
    return max(end, start)


class Recorder:
    """Applies an input's rules to bytes. Raises UsageError if its key file cannot be used.

    `joins`: a record may be several lines. `rewrites`: the published bytes may differ from the file's.
    `flush_s`: how long the last record of a file waits for lines that belong to it.
    """

    def __init__(self, rules: Rules) -> None:
        self._default = b"%d" % rules.severity()
        self._inherits = rules.inherit and (rules.format == "auto" or rules.multiline is not None)
        self._stated = reader_of(rules.said())
        self._keep, self._drop = rules.keep, rules.drop
        self._limiter = Limiter(limits) if (limits := rules.rate_limits()) else None
        self._redactor = Redactor(rules.redact) if rules.redact else None
        self._multiline = rules.multiline is not None
        self._joiner = _joiner(rules, keys=self._redactor is not None and self._redactor.joins_keys)
        self._filters = bool(rules.keep or rules.drop or rules.rate_limit)
        self._changes = bool(self._filters or rules.redact)
        self.encoding = encoding_of(rules.encoding, rules.newline)
        self.max_record_bytes = rules.max_record_bytes
        self.joins = self._joiner is not None
        self.rewrites = self._changes or self.encoding.decodes or self.encoding.swaps
        self.flush_s = rules.multiline.flush_s if rules.multiline else FLUSH_S

    def cut(self, data: bytes, start: int = 0, *, flush: bool = False, final: bool = False, at: int = 0) -> Cut:
        """Return where the complete records of data[start:], which begins with a record, end.

        `flush`: the file was quiet, so the last record is complete. `final`: its last line is complete, too. `at`: the
        offset of `data` in the file.
        """
        if not self.encoding.decodes:
            return self._cut(self.encoding.swapped(data), start, flush=flush, final=final)
        decode = self.encoding.decode if final else self.encoding.decode_unfinished
        text = decode(data[start:], at + start)
        found = self._cut(text.body, 0, flush=flush, final=final)
        return replace(found, end=start + text.file_at(found.end))

    def _cut(self, data: bytes, start: int, *, flush: bool, final: bool) -> Cut:
        if not self._joiner or not (self._multiline or data.find(BEGIN_KEY, start) >= 0):
            end = cut(data, start, MOST_RECORDS if self.rewrites else len(data))
            return Cut(end, more=end < data.rfind(b"\n", start) + 1)
        end = len(data) if final else data.rfind(b"\n", start) + 1
        if end <= start:
            return Cut(start)
        few = _behind_lines(data, start, 2 * MOST_LINES)  # a record ends within these; more would be read again
        found = self._joiner.bounds(data[start : min(few, end)], len(data) - end if few >= end else 0)
        wanted = len(found.sizes) - (found.open and (few < end or not (flush or final)))
        count = min(wanted, MOST_RECORDS)
        bounds = Bounds(found.sizes[:count], found.lines[:count], found.open and count == len(found.sizes))
        return Cut(start + sum(bounds.sizes), bounds, forced=bounds.open, more=count < wanted or few < end)

    def begins(self, line: bytes) -> bool:
        """Return True if a line begins a record, whatever is before it, or if nothing can be inherited."""
        return not self._inherits or begins_by_itself(self.encoding.swapped(line))

    def look_back(self, data: bytes, at: int) -> Before:
        """Return what the next line may continue, by the `data` before it, which begins at an offset."""
        text = self.encoding.decode(data, at).body if self.encoding.decodes else self.encoding.swapped(data)
        lines = text[text.find(b"\n") + 1 :]
        return inherit(self._stated(lines), lines, NOTHING)[1] if lines and self._inherits else NOTHING

    def finish(self, body: bytes, bounds: Bounds | None, now: float, at: int = 0, before: Before = NOTHING) -> Finished:
        """Return what is published of `body`, complete records with these `bounds`, at `now` (seconds).

        `at`: the offset of `body` in the file. `before`: what its first line may continue.
        """
        if not self.encoding.decodes:
            found = self._finish(self.encoding.swapped(body), bounds, now, before)
            return _with_inner_lines(found, self.encoding.newline) if self.encoding.swaps else found
        text = self.encoding.decode(body, at)
        found = self._finish(text.body, bounds, now, before)
        return replace(found, lengths=text.lengths(found.lengths))

    def severities(self, body: bytes, bounds: Bounds | None, before: Before) -> tuple[bytes, Before]:
        """Return the digit of each record, `-` for the default, and what the next line may continue."""
        stated = self._stated(body)
        records = None
        if bounds and len(bounds.sizes) < len(stated):
            records = _records(body, bounds.sizes)
            stated = self._inside_objects(_first_stated(stated, bounds.lines), records)
        return inherit(stated, body, before, records) if self._inherits else (stated, NOTHING)

    def _finish(self, body: bytes, bounds: Bounds | None, now: float, before: Before) -> Finished:
        digits, after = self.severities(body, bounds, before)
        if bounds and len(bounds.sizes) == sum(bounds.lines):
            bounds = None
        if undetected := digits.count(UNSTATED):
            telemetry.count("logbus_undetected_records", undetected)
        levels = digits.replace(UNSTATED, self._default)
        if self._changes:
            return replace(self._rewrite(body, levels, bounds, now), after=after)
        return Finished(body, levels, bounds and tuple((size, size) for size in bounds.sizes), after)

    def _inside_objects(self, stated: bytes, records: list[bytes]) -> bytes:
        """Return what records state, those too that are a JSON object of several lines."""
        digits = bytearray(stated)
        for number, record in enumerate(records):
            if digits[number] == ord(UNSTATED) and record[:1] == b"{" and record.find(b"\n") < len(record) - 1:
                digits[number : number + 1] = self._stated(_on_one_line(record))
        return bytes(digits)

    def _rewrite(self, body: bytes, levels: bytes, bounds: Bounds | None, now: float) -> Finished:
        sizes = bounds.sizes if bounds else list(map(len, io.BytesIO(body)))
        kept = self._kept(body, levels, sizes, now) if self._filters else [True] * len(sizes)
        whole = all(kept)
        left = body if whole else b"".join(compress(_records(body, sizes), kept))
        left_sizes = sizes if whole else list(compress(sizes, kept))
        redacted = self._redactor.redact(left, left_sizes) if self._redactor else None
        if redacted:
            left, left_sizes = redacted
        due = self._limiter is not None and self._limiter.due
        if whole and not due:
            lengths = tuple(zip(left_sizes, sizes, strict=True)) if redacted or bounds else None
            return Finished(left, levels, lengths)
        summary = self._limiter.summary() if self._limiter and due and _takes_summary(sizes, kept) else b""
        return _assembled(_records(left, left_sizes), levels, sizes, kept, summary)

    def _kept(self, body: bytes, levels: bytes, sizes: list[int], now: float) -> list[bool]:
        """Return for each record whether it is published, and count the dropped ones."""
        records = _records(body, sizes)
        kept = any_selected(self._keep, levels, records) if self._keep else [True] * len(records)
        if self._drop:
            dropped = any_selected(self._drop, levels, records)
            kept = [each and not other for each, other in zip(kept, dropped, strict=True)]
        filtered = len(kept) - sum(kept)
        if limiter := self._limiter:
            limiter.begin(now)
            kept = [each and limiter.passes(level, size) for each, level, size in zip(kept, levels, sizes, strict=True)]
        _count_dropped("filter", filtered)
        _count_dropped("rate_limit", len(kept) - sum(kept) - filtered)
        return kept


def _with_inner_lines(found: Finished, newline: bytes) -> Finished:
    """Return the same with LFs where swapped text has `newline`: then a record may be several lines."""
    if newline not in found.body:
        return found
    lengths = found.lengths or tuple((size, size) for size in map(len, io.BytesIO(found.body)))
    return replace(found, body=found.body.replace(newline, b"\n"), lengths=lengths)


class Recorders:
    """One Recorder per input, shared by its files."""

    def __init__(self) -> None:
        self._of: dict[int, Recorder] = {}

    def of(self, rules: Rules) -> Recorder:
        """Return the recorder of an input."""
        if id(rules) not in self._of:
            self._of[id(rules)] = Recorder(rules)
        return self._of[id(rules)]


def _behind_lines(data: bytes, start: int, most: int) -> int:
    """Return where the first `most` lines of data[start:] end; `len(data)` if there are no more."""
    if data.count(b"\n", start) < most:
        return len(data)
    return start + sum(map(len, islice(io.BytesIO(memoryview(data)[start:]), most)))


def _joiner(rules: Rules, *, keys: bool) -> Joiner | None:
    if rules.multiline:
        half_a_line = rules.max_record_bytes // (2 * encoding_of(rules.encoding).unit)  # of a decoded read
        most_bytes = min(rules.multiline.max_bytes, half_a_line, LARGEST_BYTES)
        blocks = key_blocks if keys else None
        return Joiner(grammar_of(rules.multiline), rules.multiline.max_lines, most_bytes, blocks)
    return Joiner(LINES, 1, rules.max_record_bytes, key_blocks) if keys else None


def _first_stated(stated: bytes, lines: list[int]) -> bytes:
    """Return what each record states: the severity of its first line that states one."""
    ends = accumulate(lines, initial=0)
    return b"".join(stated[start:end].lstrip(UNSTATED)[:1] or UNSTATED for start, end in pairwise(ends))


def _on_one_line(record: bytes) -> bytes:
    return record.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"


def _count_dropped(by: str, count: int) -> None:
    if count:
        telemetry.count("logbus_dropped_records", count, by=by)


def _records(body: bytes, sizes: list[int]) -> list[bytes]:
    return [body[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]


def _takes_summary(sizes: list[int], kept: list[bool]) -> bool:
    return any(keep and size > 1 for size, keep in zip(sizes, kept, strict=True))


def _assembled(left: list[bytes], levels: bytes, sizes: list[int], kept: list[bool], summary: bytes) -> Finished:
    """Return a batch's parts: the records `left` of those of `sizes` bytes, and empty records for the dropped ones.

    Consecutive dropped records become one empty record, with the severity of the next one kept, so that it adds nothing
    to the routing key. A summary follows the first record that can spare a byte of the file, that of its newline.
    """
    parts: list[bytes] = []
    digits = bytearray()
    lengths: list[tuple[int, int]] = []
    rest = iter(left)
    dropped = 0
    for level, size, keep in zip(levels, sizes, kept, strict=True):
        if not keep:
            dropped += size
            continue
        if dropped:
            digits.append(level)
            lengths.append((0, dropped))
            dropped = 0
        record = next(rest)
        spare = int(bool(summary) and size > 1)
        parts.append(record)
        digits.append(level)
        lengths.append((len(record), size - spare))
        if spare:
            parts.append(summary)
            digits += _WARNING
            lengths.append((len(summary), 1))
            summary = b""
    if dropped:
        digits += digits[-1:] or _MILDEST
        lengths.append((0, dropped))
    return Finished(b"".join(parts), bytes(digits), tuple(lengths))
