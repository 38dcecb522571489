"""The severity of each record: what its lines state, what a container's text states, and what is inherited."""

import re
from collections.abc import Sequence
from itertools import accumulate, compress
from typing import Final

from msgspec.structs import replace

from logbus.severity import PIECE, SILENT_ERR, UNSTATED, Severity, container_lines, marked
from logbus.traces import NOTHING, Before, begins_by_itself, inherit, kinds
from shipper.records.containers import Texts, lines_of, merged, of_texts
from shipper.records.cuts import Bounds
from shipper.records.levels import reader_of
from shipper.records.rules import Rules

_ERR: Final = b"%d" % Severity.ERR
_UNMARKED: Final = bytes.maketrans(SILENT_ERR + PIECE, _ERR + UNSTATED)
_UNHINTED: Final = bytes.maketrans(SILENT_ERR + PIECE, UNSTATED * 2)


class Severities:
    """Finds the severities of an input's records; `inherits`: a record may have that of the one before it."""

    def __init__(self, rules: Rules) -> None:
        self._stated = reader_of(rules.said())
        self._unwraps = rules.unwraps()
        self.inherits = rules.inherit and (self._unwraps or rules.format == "auto" or rules.multiline is not None)
        if self.inherits:
            kinds()  # compiled now, so that no record waits for it

    def marks(self, body: bytes) -> bytes:
        """Return a mark for each line: what it states, or what kind of container's line it is."""
        return marked(body) if self._unwraps else self._stated(body)

    def of(self, body: bytes, bounds: Bounds | None, before: Before, marks: bytes = b"") -> tuple[bytes, Before]:
        """Return the digit of each record, `-` for the default, and what the next line may continue."""
        if bounds and not marks and not bounds.wrapped and len(bounds.sizes) < sum(bounds.lines):
            return self._of_records(body, bounds, before)
        marks = marks or self.marks(body)
        if self._unwraps and self._has_unstated(body, marks) and (lines := lines_of(body)):
            several = bounds is not None and len(bounds.sizes) < len(marks)
            starts = [0, *accumulate(bounds.lines)] if bounds and several else range(len(marks) + 1)
            return self._of_containers(of_texts(lines, starts, marks), before)
        return self._of_lines(body, bounds, before, marks)

    def begins(self, line: bytes) -> bool:
        """Return True if the first line, or what it holds, begins a record, whatever is before it."""
        line = line[: line.find(b"\n") + 1] or line
        wrapped = container_lines.unwrapped(line) if self._unwraps else None
        return begins_by_itself(wrapped.text if wrapped else line)

    def _has_unstated(self, body: bytes, marks: bytes) -> bool:
        """Return True if a container's line states nothing by itself; only then what others hold matters."""
        if PIECE in marks or SILENT_ERR in marks:
            return True
        if UNSTATED not in marks:
            return False
        return any(map(container_lines.unwrapped, (body[: body.find(b"\n") + 1], _last_line(body))))

    def _of_containers(self, found: Texts, before: Before) -> tuple[bytes, Before]:
        stated = found.marks.translate(_UNHINTED)
        if not self.inherits:
            return found.marks.translate(_UNMARKED), NOTHING
        if before.stream != found.streams[:1] and not before.torn:
            before = NOTHING

        def kinds_of() -> bytes:
            return found.begun(kinds()(b"".join(found.firsts)), stated)

        digits, after = inherit(stated, found.firsts[-1], before, kinds_of)
        return merged(digits, found.marks), replace(after, stream=found.streams[-1:])

    def _of_lines(self, body: bytes, bounds: Bounds | None, before: Before, stated: bytes) -> tuple[bytes, Before]:
        """Return the same where a line that is not wrapped states nothing, or all lines state something."""
        if not (bounds and len(bounds.sizes) < len(stated)):
            last, firsts = _last_line(body), None
        else:
            last, firsts = body[-bounds.sizes[-1] :], list(accumulate(bounds.lines[:-1], initial=0))
            stated = self._inside_objects(_first_stated(stated, firsts), body, bounds)
        if not self.inherits:
            return stated, NOTHING

        def kinds_of() -> bytes:
            found = kinds()(body)
            return found if firsts is None else bytes(map(found.__getitem__, firsts))

        wrapped = container_lines.unwrapped(last[: last.find(b"\n") + 1]) if self._unwraps else None
        digits, after = inherit(stated, wrapped.text if wrapped else last, before, kinds_of)
        return digits, replace(after, stream=wrapped.stream.lower()) if wrapped else after

    def _of_records(self, body: bytes, bounds: Bounds, before: Before) -> tuple[bytes, Before]:
        """Return the same where no line is wrapped: a record's further lines count if its first states nothing."""
        several = list(compress(range(len(bounds.lines)), map((1).__lt__, bounds.lines)))
        firsts, rests = _parted(body, bounds.sizes, several)
        stated = bytearray(self._stated(firsts))
        silent = [each for each in zip(several, rests, strict=True) if stated[each[0]] == ord(UNSTATED)]
        inside, at = self._stated(b"".join(rest for _, rest in silent)), 0
        for number, _ in silent:
            end = at + bounds.lines[number] - 1
            stated[number : number + 1] = inside[at:end].lstrip(UNSTATED)[:1] or UNSTATED
            at = end
        digits = self._inside_objects(bytes(stated), body, bounds)
        if not self.inherits:
            return digits, NOTHING
        return inherit(digits, body[-bounds.sizes[-1] :], before, lambda: kinds()(firsts))

    def _inside_objects(self, stated: bytes, body: bytes, bounds: Bounds) -> bytes:
        """Return what records state, those too that are a JSON object of several lines."""
        several = [number for number in _unstated(stated) if bounds.lines[number] > 1]
        if not several:
            return stated
        digits = bytearray(stated)
        starts = list(accumulate(bounds.sizes, initial=0))
        for number in several:
            record = body[starts[number] : starts[number + 1]]
            if record[:1] == b"{":
                digits[number : number + 1] = self._stated(_on_one_line(record))
        return bytes(digits)


def _parted(body: bytes, sizes: Sequence[int], several: list[int]) -> tuple[bytes, list[bytes]]:
    """Return the first lines of all records, and the other lines of each that has `several`."""
    starts = list(accumulate(sizes, initial=0))
    firsts, rests, at = [], [], 0
    for number in several:
        end, behind = body.find(b"\n", starts[number]) + 1, starts[number + 1]
        firsts.append(body[at:end])
        rests.append(body[end:behind])
        at = behind
    return b"".join([*firsts, body[at:]]), rests


def _first_stated(stated: bytes, firsts: list[int]) -> bytes:
    """Return what each record states: the severity of its first line that states one. `firsts`: their first lines."""
    digits = bytearray(map(stated.__getitem__, firsts))
    for number in _unstated(digits):
        end = firsts[number + 1] if number + 1 < len(firsts) else len(stated)
        digits[number : number + 1] = stated[firsts[number] : end].lstrip(UNSTATED)[:1] or UNSTATED
    return bytes(digits)


def _unstated(digits: bytes | bytearray) -> list[int]:
    """Return which records state nothing."""
    return [found.start() for found in re.finditer(UNSTATED, digits)]


def _last_line(body: bytes) -> bytes:
    return body[body.rfind(b"\n", 0, len(body) - 1) + 1 :]


def _on_one_line(record: bytes) -> bytes:
    return record.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
