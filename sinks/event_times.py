"""When the records of a batch happened. What nobody asks for is not read."""

import functools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from logbus.batch import Batch, records, split_records
from logbus.wire.times import Times

if TYPE_CHECKING:
    from logbus.eventtime import TimeRules

FUTURE_US: Final = 300_000_000
"""So far may a clock be ahead of ours, as in `logbus.eventtime`, which is imported only if needed."""
_UNTOLD = Times("UTC", 0, 0)
_START = datetime(1970, 1, 1)  # noqa: DTZ001 - the Z is written behind it
LAST_US = 253_402_300_799_999_999
"""9999-12-31, in microseconds since 1970."""
_REMEMBERED: Final = 1 << 12


class Clocks(NamedTuple):
    """When records happened, in UTC: the second of each, as `2026-11-24T10:00:00`, and six digits of its fraction."""

    seconds: list[bytes]
    fractions: list[bytes]


def times_us(batch: Batch, now_us: int) -> Sequence[int]:
    """Return the event time of each record, in microseconds since 1970 in UTC.

    A batch without times has those of reading. What another program sent happened at its message's timestamp, unless
    that is in the future. Without one, it is read as its text states, in UTC unless that says otherwise, and happened
    at `now_us` if it states nothing.
    """
    if told := _read_as(batch, now_us):
        return _stated(batch, *told)
    return [batch.times.first_us if batch.times else batch.read_at_us or now_us] * len(batch.levels)


def clocks(times: Sequence[int]) -> list[bytes]:
    """Return times as RFC 3339 has them: in UTC, with microseconds."""
    return [b"%b.%bZ" % both for both in zip(*_told(times), strict=True)]


def clocks_of(batch: Batch, now_us: int) -> Clocks:
    """Return when each record of a batch happened, as `times_us`, but no number is made where each states its time."""
    told = None if batch.lengths is not None else _read_as(batch, now_us)
    if not told:
        return _told(times_us(batch, now_us))
    from logbus import eventtime  # noqa: PLC0415 - only where somebody asks

    found = eventtime.event_clocks(batch.body, len(batch.levels), _rules(*told), told[0].first_us or None)
    if isinstance(found, list):
        return _told(found)
    clocks_of_seconds = {text: _SECONDS[time_us] for text, time_us in found.known_us.items()}
    if b"" in clocks_of_seconds.values():
        return _told(found.times_us())
    return Clocks(list(map(clocks_of_seconds.__getitem__, found.seconds)), found.fractions)


class _Seconds(dict[int, bytes]):
    """Microseconds since 1970 -> the second in UTC; b"" if there is a fraction."""

    def __missing__(self, time_us: int) -> bytes:
        if len(self) >= _REMEMBERED:
            self.clear()
        second, fraction = divmod(time_us, 1_000_000)
        found = self[time_us] = b"" if fraction else _second(second)
        return found


_SECONDS: Final = _Seconds()


def _told(times: Sequence[int]) -> Clocks:
    known = {time_us: divmod(time_us, 1_000_000) for time_us in set(times)}
    texts = {time_us: (_second(second), b"%06d" % fraction) for time_us, (second, fraction) in known.items()}
    each = [texts[time_us] for time_us in times]
    return Clocks([second for second, _ in each], [fraction for _, fraction in each])


@functools.lru_cache(_REMEMBERED)
def _second(second: int) -> bytes:
    return (_START + timedelta(seconds=min(max(second, 0), LAST_US // 1_000_000))).isoformat().encode()


def _read_as(batch: Batch, now_us: int) -> tuple[Times, int] | None:
    """Return how the times in a batch's text are to be read, and when it was; None if they are not to be read."""
    times = batch.times or (None if batch.stream else _UNTOLD)
    read_at_us = batch.read_at_us or now_us
    if times is None or (not times.zone and times.first_us <= read_at_us + FUTURE_US):
        return None
    return (times if times.zone else _UNTOLD), read_at_us


def _rules(times: Times, read_at_us: int) -> "TimeRules":
    from logbus import eventtime  # noqa: PLC0415 - as above

    return eventtime.rules_told(times.zone, times.key, times.format, read_at_us)


def _stated(batch: Batch, times: Times, read_at_us: int) -> Sequence[int]:
    from logbus import eventtime  # noqa: PLC0415 - as above

    rules = _rules(times, read_at_us)
    if batch.lengths is None:
        return eventtime.event_times_us(batch.body, len(batch.levels), rules, times.first_us or None)
    return eventtime.times_of_records(batch.body, records(batch), rules, times.first_us or None)


def timed_parts(batch: Batch, most: int, now_us: int) -> Iterator[tuple[Batch, Clocks]]:
    """Yield a batch in parts of at most `most` records, each with their event times."""
    seconds, fractions = clocks_of(batch, now_us)
    at = 0
    for part in split_records(batch, most):
        end = at + len(part.levels)
        yield part, Clocks(seconds[at:end], fractions[at:end])
        at = end
