"""Counts records by the rows of an index, where those tell all that is asked for. Nothing is read for that."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from sinks.index.reading import Name, Row
from sinks.search.asking import Query, Source
from sinks.search.indexed.matching import TELL, Wanted, common
from sinks.search.layouts import Said
from sinks.search.results.showing import local

HOUR_US: Final = 3_600_000_000
_HOUR_S: Final = 3600
ASCII_ZERO: Final = ord("0")
_NOBODY: Final = Name("", "")
_Key = tuple[int, int, Name]
"""The number of the file, 0 if it does not matter; the hour since 1970 in UTC, and whose records."""


class Takes(Protocol):
    """What takes counts: of records of a file that are the same in all that is counted by."""

    def add(self, source: Source, time_us: int, digit: int, name: Said, number: int, /) -> None:
        """Count records."""


def can_tally(query: Query) -> bool:
    """Return True unless the text of records is needed to know whether they are wanted."""
    return query.matcher is None and not query.fields and not query.invert


@dataclass(slots=True)
class HourTally:
    """Counts by some groups; where an hour matters, in a zone whose hours begin with those of UTC."""

    groups: Sequence[str]
    _sources: list[Source] = field(default_factory=list, init=False)
    _sums: dict[_Key, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * 8), init=False)
    _hours: dict[int, bool] = field(default_factory=dict, init=False)

    def answers(self, row: Row, wanted: Wanted, source: Source) -> bool:
        """Return True if the row tells all that is to be counted of its block. Raises Unusable."""
        hours = row.told_hours()
        if hours is None or not self._in_whole_hours(row, wanted.query, [hour for hour, _ in hours]):
            return False
        return self._name(row, wanted, source) is not None

    def add(self, row: Row, wanted: Wanted, source: Source) -> None:
        """Count the records of a block."""
        if not self._sources or self._sources[-1] is not source:
            self._sources.append(source)
        name = self._name(row, wanted, source) or _NOBODY
        for hour, counts in row.told_hours() or ():
            if wanted.query.is_in_time(_within(hour, row)):
                file = len(self._sources) - 1 if self._needs_file else 0
                sums = self._sums[file, hour if self._needs_hour else 0, name]
                sums[:] = map(int.__add__, sums, counts)

    def move_to(self, counts: Takes, query: Query) -> None:
        """Add all that was counted to other counts."""
        for (number, hour, name), sums in self._sums.items():
            said = Said(b"", *name)
            for digit, count in enumerate(sums, ASCII_ZERO):
                if count and digit in query.digits:
                    counts.add(self._sources[number], hour * HOUR_US, digit, said, count)
        self._sums.clear()

    @property
    def _needs_file(self) -> bool:
        return bool({"file", "host", "label"} & set(self.groups))

    @property
    def _needs_hour(self) -> bool:
        return "hour" in self.groups or "day" in self.groups

    def _in_whole_hours(self, row: Row, query: Query, hours: Sequence[int]) -> bool:
        """Return True if no hour has to be divided, neither by the zone nor by the time that is asked for."""
        if self._needs_hour and not all(self._is_whole(hour, query) for hour in hours):
            return False
        borders = [each for each in (query.since_us, query.until_us) if each is not None]
        first_us, last_us = row.first_event_us, row.last_event_us
        if first_us is not None and last_us is not None:
            borders = [each for each in borders if first_us < each <= last_us]
        return not any(each % HOUR_US and each // HOUR_US in hours for each in borders)

    def _is_whole(self, hour: int, query: Query) -> bool:
        """Return True if an hour of the zone begins with one of UTC."""
        if hour not in self._hours:
            offset = local(hour * HOUR_US, query.zone).utcoffset()
            self._hours[hour] = offset is not None and offset.total_seconds() % _HOUR_S == 0
        return self._hours[hour]

    def _name(self, row: Row, wanted: Wanted, source: Source) -> Name | None:
        """Return whose records these are, as far as that matters; None if they are of several."""
        asked = {"host", "label"} & set(self.groups) - set(source.told)
        if source.layout not in TELL or not (asked or wanted.filters):
            return _NOBODY
        parts = row.told_parts()
        return common(wanted.names.get(part[0]) for part in parts) if parts else None


def _within(hour: int, row: Row) -> int:
    """Return a time in an hour at which the row may have records, in microseconds since 1970."""
    first_us = hour * HOUR_US if row.first_event_us is None else row.first_event_us
    return max(hour * HOUR_US, min(first_us, (hour + 1) * HOUR_US - 1))
