"""When the records of a batch happened. What nobody asks for is not read."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from logbus.batch import Batch, records, split_records
from logbus.wire.times import Times

FUTURE_US: Final = 300_000_000
"""So far may a clock be ahead of ours, as in `logbus.eventtime`, which is imported only if needed."""
_UNTOLD = Times("UTC", 0, 0)
_START = datetime(1970, 1, 1)  # noqa: DTZ001 - the Z is written behind it
LAST_US = 253_402_300_799_999_999
"""9999-12-31, in microseconds since 1970."""


def times_us(batch: Batch, now_us: int) -> Sequence[int]:
    """Return the event time of each record, in microseconds since 1970 in UTC.

    A batch without times has those of reading. What another program sent happened at its message's timestamp, unless
    that is in the future. Without one, it is read as its text states, in UTC unless that says otherwise, and happened
    at `now_us` if it states nothing.
    """
    times = batch.times or (None if batch.stream else _UNTOLD)
    read_at_us = batch.read_at_us or now_us
    if times is None:
        return [read_at_us] * len(batch.levels)
    if not times.zone and times.first_us <= read_at_us + FUTURE_US:
        return [times.first_us] * len(batch.levels)
    times = times if times.zone else _UNTOLD
    return _stated(batch, times, read_at_us)


def clocks(times: Sequence[int]) -> list[bytes]:
    """Return times as RFC 3339 has them: in UTC, with microseconds."""
    seconds: dict[int, bytes] = {}
    found = []
    for time_us in times:
        second, fraction = divmod(time_us, 1_000_000)
        text = seconds.get(second)
        if text is None:
            text = seconds[second] = _second(second)
        found.append(b"%b.%06dZ" % (text, fraction))
    return found


def _second(second: int) -> bytes:
    return (_START + timedelta(seconds=min(max(second, 0), LAST_US // 1_000_000))).isoformat().encode()


def _stated(batch: Batch, times: Times, read_at_us: int) -> Sequence[int]:
    from logbus import eventtime  # noqa: PLC0415 - only where somebody asks

    rules = eventtime.rules_told(times.zone, times.key, times.format, read_at_us)
    if batch.lengths is None:
        return eventtime.event_times_us(batch.body, len(batch.levels), rules, times.first_us or None)
    return eventtime.times_of_records(batch.body, records(batch), rules, times.first_us or None)


def timed_parts(batch: Batch, most: int, now_us: int) -> Iterator[tuple[Batch, Sequence[int]]]:
    """Yield a batch in parts of at most `most` records, each with their event times."""
    when_us = times_us(batch, now_us)
    at = 0
    for part in split_records(batch, most):
        yield part, when_us[at : at + len(part.levels)]
        at += len(part.levels)
