"""Sets of byte ranges."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.ledger.ranges import Ranges

RANGE = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(RANGE), RANGE)
def test_ranges_are_a_set_of_numbers(added: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    """What is missing of a range is what a plain set of its numbers lacks, as few sorted ranges."""
    ranges, numbers = Ranges(), set[int]()
    for part in added:
        start, end = ranges.add(*part)
        numbers.update(range(*part))
        assert start <= part[0]
        assert end >= part[1]
        assert set(range(start, end)) <= numbers
    missing = ranges.missing(*asked)
    assert [n for part in missing for n in range(*part)] == sorted(set(range(*asked)) - numbers)
    flat = [edge for part in ranges for edge in part]
    assert flat == sorted(set(flat)), "disjoint, sorted, not touching"
    assert ranges.total() == len(numbers)


def test_a_range_that_closes_a_gap_joins_its_neighbours() -> None:
    """Three ranges that touch are one."""
    ranges = Ranges([(0, 10), (20, 30)])
    assert ranges.add(10, 20) == (0, 30)
    assert list(ranges) == [(0, 30)]


def test_an_empty_range_adds_nothing() -> None:
    """Adding no bytes changes nothing."""
    ranges = Ranges()
    ranges.add(5, 5)
    assert len(ranges) == 0
