"""Buckets of a stretch of time: round, in order, neither too few nor too many, and every time is in one."""

from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.search.asking import Query
from sinks.search.results.bars import Bars
from sinks.search.results.buckets import edges_of, edges_us, place_of, width_s

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (UTC, BERLIN, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe"))
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
YEAR_US = 365 * DAY_US
BUCKETS_MAX = 122
moments = st.integers(0, 80 * YEAR_US)
spans = st.one_of(st.integers(1, 3600 * SECOND_US), st.integers(1, 30 * DAY_US), st.integers(1, 80 * YEAR_US))


def us(text: str, zone: tzinfo = UTC) -> int:
    """Return a time in microseconds since 1970."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND_US


@given(begin_us=moments, span_us=spans, zone=st.sampled_from(ZONES))
def test_buckets_are_in_order_hold_the_stretch_and_are_not_too_many(begin_us: int, span_us: int, zone: tzinfo) -> None:
    """Each begins behind the one before it; the first and the last one are needed."""
    edges = edges_us(begin_us, begin_us + span_us, zone)
    assert all(first < second for first, second in pairwise(edges))
    assert edges[0] <= begin_us < edges[1]
    assert edges[-2] < begin_us + span_us <= edges[-1]
    assert len(edges) - 1 <= BUCKETS_MAX


@given(begin_us=moments, span_us=st.integers(60 * SECOND_US, 50 * YEAR_US), zone=st.sampled_from(ZONES))
def test_there_are_thirty_buckets_or_more(begin_us: int, span_us: int, zone: tzinfo) -> None:
    """From a minute on, a stretch has at least 30, none of which is narrower than a second."""
    assert len(edges_us(begin_us, begin_us + span_us, zone)) > 30


@pytest.mark.parametrize(
    ("span_us", "seconds"),
    [
        (1, 1),
        (3600 * SECOND_US, 30),
        (2 * 3600 * SECOND_US, 60),
        (DAY_US, 900),
        (7 * DAY_US, 7200),
        (90 * DAY_US, 86_400),
    ],
)
def test_widths_are_those_of_clocks(span_us: int, seconds: int) -> None:
    """Two hours have a bucket a minute, three months one a day."""
    assert width_s(span_us) == seconds


def test_days_begin_at_midnight_also_when_clocks_change() -> None:
    """The day on which summer time ends has 25 hours."""
    edges = edges_us(us("2026-10-01", BERLIN), us("2026-12-30", BERLIN), BERLIN)
    assert us("2026-10-25", BERLIN) in edges
    assert {second - first for first, second in pairwise(edges)} == {DAY_US, DAY_US + 3600 * SECOND_US}


def test_what_is_asked_for_cuts_the_first_and_the_last_bucket() -> None:
    """Buckets begin at `since` and end at `until`; where one is missing, with a whole bucket around what is known."""
    since_us, until_us = us("2026-11-24T10:00:30"), us("2026-11-24T12:00:10")
    within_us = us("2026-11-24T09:00:30"), us("2026-11-24T12:30:30")
    both = edges_of(Query(since_us=since_us, until_us=until_us), within_us)
    assert (both[0], both[1], both[-1]) == (since_us, us("2026-11-24T10:01:00"), until_us)
    none = edges_of(Query(), within_us)
    assert (none[0], none[-1]) == (us("2026-11-24T09:00:00"), us("2026-11-24T12:32:00"))
    assert edges_of(Query(since_us=until_us, until_us=since_us), within_us) == ()


@given(times=st.lists(st.integers(-5, 45)))
def test_every_time_is_counted_once(times: list[int]) -> None:
    """In the bucket it is in, or before or behind all."""
    bars = Bars((0, 10, 20, 40))
    bars.take_times((time_us, ord("3")) for time_us in times)
    rows = bars.rows()
    assert [row[3] for row in rows] == [
        sum(begin <= time_us < end for time_us in times)
        for begin, end in [(-9, 0), (0, 10), (10, 20), (20, 40), (40, 99)]
    ]
    assert all(place_of(bars.edges, time_us) == place_of(bars.edges, time_us // 10 * 10) for time_us in times)
