"""Which time the bars of a search show."""

import time

from sinks.search.asking import Query
from sinks.search.results.buckets import edges_of
from sinks.web.archive.counting import within_us


def test_without_a_time_bars_reach_from_the_first_hit_to_the_newest() -> None:
    """Whatever the order in which they were found."""
    assert within_us((), Query(), [50, 70, 20], bool) == (20, 70)


def test_with_a_beginning_only_bars_last_until_now() -> None:
    """Also if nothing happened lately."""
    before_us = time.time_ns() // 1000
    since_us, until_us = within_us((), Query(since_us=5), [50], bool)
    assert since_us == 5
    assert before_us <= until_us <= time.time_ns() // 1000


def test_where_nothing_is_found_and_no_beginning_is_given_there_are_no_bars() -> None:
    """An end alone does not make bars since 1970."""
    for query in (Query(), Query(until_us=10**15)):
        assert edges_of(query, within_us((), query, [], bool)) == ()
