"""Counts by time, in buckets, what a row of the index tells without its block being read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sinks.index.reading import Row
from sinks.search.asking import Query, Source
from sinks.search.indexed.matching import TELL, Wanted, common
from sinks.search.indexed.tallying import ASCII_ZERO, HOUR_US, Takes
from sinks.search.layouts import Said
from sinks.search.results.buckets import place_of

_Stretch = tuple[int, int, list[int]]
"""When its first and its last record happened at the most, and how many have each severity."""


@dataclass(slots=True)
class BarTally:
    """Counts by the buckets that `edges` are of, in microseconds since 1970."""

    edges: Sequence[int]
    _sums: dict[int, tuple[Source, int, list[int]]] = field(default_factory=dict, init=False)

    def answers(self, row: Row, wanted: Wanted, source: Source) -> bool:
        """Return True if each of the block's hours, as far as it has some of it, is in one bucket. Raises Unusable."""
        stretches = _stretches(row)
        return bool(stretches) and all(map(self._is_in_one, stretches)) and _is_named(row, wanted, source)

    def add(self, row: Row, wanted: Wanted, source: Source) -> None:
        """Count the records of a block."""
        for first_us, _, counts in _stretches(row):
            if wanted.query.is_in_time(first_us):
                place = place_of(self.edges, first_us)
                _, _, sums = self._sums.setdefault(place, (source, first_us, [0] * 8))
                sums[:] = map(int.__add__, sums, counts)

    def move_to(self, counts: Takes, query: Query) -> None:
        """Add all that was counted to other counts."""
        for source, time_us, sums in self._sums.values():
            for digit, count in enumerate(sums, ASCII_ZERO):
                if count and digit in query.digits:
                    counts.add(source, time_us, digit, Said(b""), count)
        self._sums.clear()

    def _is_in_one(self, stretch: _Stretch) -> bool:
        first_us, last_us, _ = stretch
        return first_us <= last_us and place_of(self.edges, first_us) == place_of(self.edges, last_us)


def _stretches(row: Row) -> list[_Stretch]:
    """Return the hours of a row, cut where its first record is and behind its last; none if they are not told."""
    return [_cut(row, hour * HOUR_US, counts) for hour, counts in row.told_hours() or ()]


def _cut(row: Row, begin_us: int, counts: list[int]) -> _Stretch:
    first_us = begin_us if row.first_event_us is None else max(begin_us, row.first_event_us)
    last_us = begin_us + HOUR_US - 1
    return first_us, last_us if row.last_event_us is None else min(last_us, row.last_event_us), counts


def _is_named(row: Row, wanted: Wanted, source: Source) -> bool:
    """Return True if all records of a block pass the filters by name, as its row passes."""
    if source.layout not in TELL or not wanted.filters:
        return True
    parts = row.told_parts()
    return bool(parts) and common(wanted.names.get(part[0]) for part in parts or ()) is not None
