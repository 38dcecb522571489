"""When the records of a batch happened. What nobody asks for is not read."""

from collections.abc import Sequence
from typing import Final

from logbus.batch import Batch, records
from logbus.wire.times import Times

FUTURE_US: Final = 300_000_000
"""So far may a clock be ahead of ours, as in `logbus.eventtime`, which is imported only if needed."""
_UNTOLD = Times("UTC", 0, 0)


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


def _stated(batch: Batch, times: Times, read_at_us: int) -> Sequence[int]:
    from logbus import eventtime  # noqa: PLC0415 - only where somebody asks

    rules = eventtime.rules_told(times.zone, times.key, times.format, read_at_us)
    if batch.lengths is None:
        return eventtime.event_times_us(batch.body, len(batch.levels), rules, times.first_us or None)
    return eventtime.times_of_records(batch.body, records(batch), rules, times.first_us or None)
