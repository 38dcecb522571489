"""Divides a stretch of time into buckets, as the bars of a histogram.

There are at most 122, and each but the first begins with a round time of the zone. Pure.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from sinks.search.asking import Query
from sinks.search.results.showing import local

BARS_MAX: Final = 120
"""A stretch that begins and ends within a bucket takes two more."""
_SECOND_US: Final = 1_000_000
_HOUR_S: Final = 3600
_DAY_S: Final = 24 * _HOUR_S
_WIDTHS_S: Final = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(each * _HOUR_S for each in (1, 2, 3, 6, 12)),
    *(each * _DAY_S for each in (1, 2, 7, 28, 112, 448)),
)
"""None is more than four times the one before it, so there are 30 buckets or more."""
_MONDAY_US: Final = 4 * _DAY_S * _SECOND_US
"""The first one after 1970 began."""


def width_s(span_us: int) -> int:
    """Return how wide the buckets of a stretch of time are, in seconds."""
    fitting = (each for each in _WIDTHS_S if span_us <= each * _SECOND_US * BARS_MAX)
    return next(fitting, _DAY_S * -(-span_us // (_DAY_S * _SECOND_US * BARS_MAX)))


def edges_us(begin_us: int, end_us: int, zone: tzinfo) -> tuple[int, ...]:
    """Return where buckets begin, and where the last one ends; () for an empty stretch."""
    if begin_us >= end_us:
        return ()
    width_us = width_s(end_us - begin_us) * _SECOND_US
    at_us = (begin_us + _offset_us(begin_us, zone) - _MONDAY_US) // width_us * width_us + _MONDAY_US
    shift_us = _offset_us(begin_us, zone) if width_us <= _HOUR_S * _SECOND_US else None
    edges = [_in_utc(at_us, zone, shift_us)]
    while edges[-1] < end_us:
        at_us += width_us
        edges.append(max(edges[-1] + 1, _in_utc(at_us, zone, shift_us)))
    return tuple(edges)


def edges_of(query: Query, within_us: tuple[int, int]) -> tuple[int, ...]:
    """Return the edges of the time that is asked for; where it has no beginning or end, those of `within_us` count.

    `within_us`: when the first and the last record happened, as far as is known.
    """
    since_us, until_us = query.since_us, query.until_us
    begin_us = within_us[0] if since_us is None else since_us
    end_us = within_us[1] + 1 if until_us is None else until_us
    edges = edges_us(begin_us, end_us, query.zone)
    if not edges:
        return ()
    first_us = edges[0] if since_us is None else since_us
    last_us = edges[-1] if until_us is None else until_us
    return (first_us, *edges[1:-1], last_us)


def place_of(edges: Sequence[int], time_us: int) -> int:
    """Return in which bucket a time is, from 0; -1 before the first one, and their number behind the last one."""
    return bisect_right(edges, time_us) - 1


def _in_utc(local_us: int, zone: tzinfo, shift_us: int | None) -> int:
    """Return when a clock of the zone shows a time; it is `shift_us` before UTC if that is known."""
    if shift_us is None:
        shift_us = _offset_us(local_us - _offset_us(local_us, zone), zone)
    return local_us - shift_us


def _offset_us(time_us: int, zone: tzinfo) -> int:
    offset = local(time_us, zone).utcoffset()
    return round(offset.total_seconds()) * _SECOND_US if offset else 0
