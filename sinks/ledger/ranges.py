"""Sets of byte ranges: the written parts of a stream."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]


class Ranges:
    """Sorted half-open ranges [offset, end) that neither overlap nor touch."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for offset, end in ranges:
            self.add(offset, end)

    def __iter__(self) -> Iterator[Range]:
        return iter(zip(self._starts, self._ends, strict=True))

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, offset: int, end: int) -> Range:
        """Add [offset, end), and return the range that now contains it."""
        first = bisect_left(self._ends, offset)
        last = bisect_right(self._starts, end)
        if first < last:
            offset = min(offset, self._starts[first])
            end = max(end, self._ends[last - 1])
        if offset < end:
            self._starts[first:last] = [offset]
            self._ends[first:last] = [end]
        return offset, end

    def missing(self, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) that are not in the set, in order."""
        gaps = []
        for i in range(bisect_right(self._ends, offset), len(self._starts)):
            if self._starts[i] >= end:
                break
            if offset < self._starts[i]:
                gaps.append((offset, self._starts[i]))
            offset = self._ends[i]
        if offset < end:
            gaps.append((offset, end))
        return gaps

    def total(self) -> int:
        """Return the number of bytes in the set."""
        return sum(self._ends) - sum(self._starts)
