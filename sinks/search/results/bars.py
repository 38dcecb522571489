"""Counts what is found by time and severity, in buckets: the bars of a histogram."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sinks.search.asking import Query, Source
from sinks.search.finding import Finder, View
from sinks.search.layouts import Said
from sinks.search.results.buckets import place_of

_SECOND_US: Final = 1_000_000
_DIGITS: Final = b"01234567"
_Times = Counter[tuple[int, int]]
"""How many records of a second since 1970 have a severity's digit."""


class Bars:
    """Counts by buckets and severities, from several threads; it takes no more memory however much is counted."""

    def __init__(self, edges: Sequence[int], since_us: int | None = None) -> None:
        self.edges = edges
        self._since_us = since_us
        self._rows = [[0] * len(_DIGITS) for _ in range(len(edges) + 1)]
        self._lock = threading.Lock()

    def add(self, _source: Source, time_us: int, digit: int, _name: Said, number: int) -> None:
        """Count records of one time, in microseconds since 1970."""
        self._count(time_us, digit, number)

    def take(self, finder: Finder, pieces: Iterator[bytes]) -> None:
        """Count the hits of a file."""
        for view in finder.views(pieces):
            self._add(_seconds(view, finder.query))

    def take_times(self, times: Iterable[tuple[int, int]]) -> None:
        """Count records by when each happened, and the digit of its severity."""
        for time_us, digit in times:
            self._count(time_us, digit, 1)

    def rows(self) -> list[list[int]]:
        """Return how many there are of each severity, 0 to 7: before all buckets, in each, and behind all."""
        with self._lock:
            return [list(row) for row in self._rows]

    def _count(self, time_us: int, digit: int, number: int) -> None:
        row = self._rows[place_of(self.edges, time_us) + 1]
        with self._lock:
            row[digit - _DIGITS[0]] += number

    def _add(self, seconds: _Times) -> None:
        for (digit, second), number in seconds.items():
            time_us = second * _SECOND_US
            if self._since_us is not None:  # within its second
                time_us = max(time_us, self._since_us)
            self._count(time_us, digit, number)


def _seconds(view: View, query: Query) -> _Times:
    numbers = list(view.hits(query))
    if not numbers:
        return Counter()
    times = view.times.all()
    digits = map(view.records.digits.__getitem__, numbers)
    return Counter(zip(digits, (times[number] // _SECOND_US for number in numbers), strict=True))
