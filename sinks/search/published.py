"""The severities of records as they were published, where somebody tells; else those that the text states."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from logbus.native import newlines
from sinks.search.records import Block, Records
from sinks.search.spans import Told

_DIGITS = b"01234567"


class Severities:
    """Follows the blocks of a content, in order: what is told counts lines from where it begins."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._told = told
        self._first = 0
        self._lines: dict[int, int] = {}

    def reach(self, block: Block) -> None:
        """Take note of the next block: of the lines at which something begins to be told in it."""
        end = block.offset + len(block.body)
        self._forget(block.offset)
        at, line = 0, block.line
        for number in range(self._first, len(self._told)):
            begin = self._told[number].begin
            if begin >= end:
                return
            if begin >= block.offset:
                line += newlines.count(block.body[at : begin - block.offset])
                at = begin - block.offset
                self._lines[number] = line

    def published(self, block: Block, records: Records) -> Records:
        """Return records of the block that was reached last, with their published severities."""
        digits = bytearray(records.digits)
        for number in self._within(block):
            told, line = self._told[number], block.line - self._lines[number]
            first, last = (
                bisect_left(records.starts, each - block.offset, 0, len(records)) for each in (told.begin, told.end)
            )
            if first < last:
                _set(digits, first, told.digits(), [line + each for each in records.lines[first:last]])
        return Records(records.starts, bytes(digits), records.lines) if self._lines else records

    def _forget(self, offset: int) -> None:
        """Forget what tells only of content before an offset."""
        while self._first < len(self._told) and self._told[self._first].end <= offset:
            self._lines.pop(self._first, None)
            self._first += 1

    def _within(self, block: Block) -> Iterator[int]:
        end = block.offset + len(block.body)
        return (number for number in self._lines if self._told[number].begin < end)


class SeveritiesBackwards:
    """Follows the blocks of a content, the last one first: lines are counted from where something ends to be told."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._told = told
        self._lines: dict[int, int] = {}

    def reach(self, block: Block) -> None:
        """Take note of the next block: how many lines are told from its beginning on, in the blocks behind it too."""
        former, self._lines = self._lines, {}
        for number in self._within(block):
            told = self._told[number]
            at, end = max(0, told.begin - block.offset), told.end - block.offset
            is_end_here = end <= len(block.body)
            behind = int(block.body[end - 1 : end] != b"\n") if is_end_here else former.get(number)
            if behind is not None:
                self._lines[number] = behind + newlines.count(block.body[at:end])

    def published(self, block: Block, records: Records) -> Records:
        """Return records of the block that was reached last, with their published severities."""
        digits = bytearray(records.digits)
        for number, lines in self._lines.items():
            told = self._told[number]
            places = (each - block.offset for each in (told.begin, told.end))
            first, last = (bisect_left(records.starts, each, 0, len(records)) for each in places)
            if first < last:
                known = told.digits()
                line = len(known) - lines - newlines.count(block.body[: max(0, told.begin - block.offset)])
                _set(digits, first, known, [line + each for each in records.lines[first:last]])
        return Records(records.starts, bytes(digits), records.lines)

    def _within(self, block: Block) -> Iterator[int]:
        first = bisect_right(self._told, block.offset, key=attrgetter("end"))
        behind = bisect_left(self._told, block.offset + len(block.body), key=attrgetter("begin"))
        return iter(range(first, behind))


def _set(digits: bytearray, first: int, published: bytes, lines: Sequence[int]) -> None:
    """Set digits from `first` on to those of lines, as far as they are known."""
    if published and lines[0] >= 0 and lines[-1] < len(published) and not published.translate(None, _DIGITS):
        digits[first : first + len(lines)] = bytes(map(published.__getitem__, lines))
