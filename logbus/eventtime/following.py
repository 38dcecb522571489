"""The event time of each record of a file: what it states, if that can be believed, or else what it inherits."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal

from msgspec import Struct

from logbus.eventtime.days import SECOND_US
from logbus.eventtime.reading import Stated, TimeRules, stated_time

FUTURE_US: Final = 5 * 60 * SECOND_US
"""So far may a clock be ahead of the reader's."""
EARLIEST_US: Final = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * SECOND_US
"""Before that, a clock was not set."""


class EventTime(Struct, frozen=True):
    """When a record happened, in microseconds since 1970 in UTC, and why: `stated`, `inherited`, or when it was `read`.

    `stated` is what the record states, even if that is `disbelieved`.
    """

    time_us: int
    why: Literal["stated", "inherited", "read"]
    stated: Stated | None = None
    disbelieved: bool = False


class EventTimes(Struct, frozen=True):
    """The event times of some records, and how many stated times were not believed."""

    times: tuple[EventTime, ...]
    disbelieved: int


def event_time(record: bytes, rules: TimeRules, previous_us: int | None = None) -> EventTime:
    """Return a record's event time; `previous_us` is that of the record before it in its file, if there is one."""
    stated = stated_time(record, rules, previous_us)
    believed = stated is not None and EARLIEST_US <= stated.time_us <= rules.read_at_us + FUTURE_US
    if stated is not None and believed:
        return EventTime(stated.time_us, "stated", stated)
    if previous_us is None:
        return EventTime(rules.read_at_us, "read", stated, stated is not None)
    return EventTime(previous_us, "inherited", stated, stated is not None)


class FileClock:
    """Tells the event times of a file's records, in order."""

    def __init__(self, rules: TimeRules, previous_us: int | None = None) -> None:
        self._rules = rules
        self._previous_us = previous_us

    def event_time(self, record: bytes) -> EventTime:
        """Return the event time of the next record."""
        result = event_time(record, self._rules, self._previous_us)
        if result.why != "read":
            self._previous_us = result.time_us
        return result


def event_times(records: Iterable[bytes], rules: TimeRules, previous_us: int | None = None) -> EventTimes:
    """Return the event time of each record of a file, in order."""
    times = tuple(map(FileClock(rules, previous_us).event_time, records))
    return EventTimes(times, sum(each.disbelieved for each in times))


def time_of(text: str, zone: tzinfo) -> int | None:
    """Return the microseconds since 1970 of a time in ISO 8601, in `zone` unless it states another; or None."""
    spelled = text.encode(errors="replace")
    stated = stated_time(spelled, TimeRules(zone, format="iso"))
    return stated.time_us if stated and (stated.start, stated.end) == (0, len(spelled)) else None


def text_of(time_us: int) -> str:
    """Return a time in ISO 8601, in UTC, without zeros at the end of its fraction; beyond datetime, the number."""
    second, fraction = divmod(time_us, SECOND_US)
    try:
        whole = datetime(1970, 1, 1) + timedelta(seconds=second)  # noqa: DTZ001 - the Z is below
    except OverflowError:
        return f"{time_us} us"
    return whole.isoformat() + (f".{fraction:06}".rstrip("0") if fraction else "") + "Z"
