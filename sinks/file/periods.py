"""A batch in parts by the day or hour in which its records happened, for outputs that are named by it."""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby

from logbus.batch import Batch, in_parts
from sinks.event_times import times_us

DAY_US = 86_400_000_000


def parts_of(batch: Batch, period_us: int, late_us: int) -> Iterator[tuple[int, Batch]]:
    """Yield the parts of a batch, in order, each with the period in which it happened, since 1970 in UTC.

    A record that happened more than `late_us` before it was read belongs to the period of reading, as does one of more
    than a day later. Where the first and the last record are of one period, all are taken to be.
    """
    now_us = time.time_ns() // 1000
    read_at_us = batch.read_at_us or now_us
    earliest_us, latest_us = read_at_us - late_us, read_at_us + DAY_US

    def period(event_us: int) -> int:
        return (event_us if earliest_us <= event_us <= latest_us else read_at_us) // period_us

    if batch.times:
        first, last = period(batch.times.first_us), period(batch.times.last_us)
        if first == last:
            yield first, batch
            return
    yield from _split(batch, [period(each) for each in times_us(batch, now_us)])


def _split(batch: Batch, periods: Sequence[int]) -> Iterator[tuple[int, Batch]]:
    runs = [(period, sum(1 for _ in run)) for period, run in groupby(periods)]
    if len(runs) == 1:
        yield runs[0][0], batch
        return
    yield from zip((period for period, _ in runs), in_parts(batch, (count for _, count in runs)), strict=True)
