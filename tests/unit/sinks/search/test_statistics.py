"""Sums of lines and bytes by the rows of an index."""

from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from logbus.errors import UsageError
from sinks.index.reading import Name, Row
from sinks.search.asking import Source
from sinks.search.indexed.statistics import Statistics, groups_in, uncovered_bytes

HOUR_US = 3_600_000_000
NAMES = {1: Name("web-1", "app"), 2: Name("web-2", "app")}
SOURCE = Source(Path("all.log"), (0, 0), 100, 0)


def row(counts: list[int], parts: object = None, hours: object = None) -> Row:
    """Return a row about 100 bytes; settled, if hours are told."""
    encode = msgspec.msgpack.encode
    told = (None if parts is None else encode(parts), None if hours is None else encode(hours))
    times = (HOUR_US, HOUR_US, None, None)
    return Row(1, 0, 100, 100, sum(counts), *times, int(hours is not None), 0, 1, None, encode(counts), *told)


def summed(told: Row, *groups: str, source: Source = SOURCE) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return lines and bytes by these groups."""
    found = Statistics(groups, UTC)
    found.add(told, NAMES, source)
    return {key: (each.lines, each.size_bytes) for key, each in found.ranked()}


def test_lines_of_several_hosts_are_theirs() -> None:
    """As the parts tell, by severity."""
    told = row([0, 0, 0, 2, 0, 0, 8, 0], [(1, 0, 60, [0, 0, 0, 2, 0, 0, 4, 0]), (2, 0, 40, [0, 0, 0, 0, 0, 0, 4, 0])])
    assert summed(told, "host", "severity") == {
        ("web-1", "info"): (4, 40),
        ("web-2", "info"): (4, 40),
        ("web-1", "err"): (2, 20),
    }


def test_parts_that_tell_of_neighbours_too_do_not_change_the_sum() -> None:
    """Of a settled block at whose borders others' records are."""
    told = row([0, 0, 0, 0, 0, 0, 10, 0], [(1, 0, 9, [0, 0, 0, 0, 0, 0, 9, 0]), (2, 0, 9, [0, 0, 0, 0, 0, 0, 9, 0])])
    assert summed(told, "host") == {("web-1",): (5, 50), ("web-2",): (5, 50)}


def test_what_the_path_tells_and_what_nobody_tells() -> None:
    """A template's host and label go before; else the host is unknown."""
    told = row([0, 0, 0, 0, 0, 0, 10, 0])
    named = Source(Path("web-9.log"), (0, 0), 100, 0, {"host": "web-9", "label": "x"})
    assert summed(told, "host", source=named) == {("web-9",): (10, 100)}
    assert summed(told, "host") == {("-",): (10, 100)}


def test_hours_are_those_of_events_if_they_are_told() -> None:
    """In proportion to their records; otherwise that of reading."""
    hours = [(0, [0, 0, 0, 0, 0, 0, 1, 0]), (2, [0, 0, 0, 0, 0, 0, 4, 0])]
    assert summed(row([0, 0, 0, 0, 0, 0, 10, 0], hours=hours), "hour") == {
        ("1970-01-01 00:00",): (2, 20),
        ("1970-01-01 02:00",): (8, 80),
    }
    assert summed(row([0, 0, 0, 0, 0, 0, 10, 0]), "hour") == {("1970-01-01 01:00",): (10, 100)}


def test_what_has_no_row() -> None:
    """Gaps, and what is behind the last row."""
    assert uncovered_bytes([row([1] * 8)], 130) == 30
    assert uncovered_bytes([], 130) == 130


def test_groups() -> None:
    """Each once; no others."""
    assert groups_in("hour, host,hour") == ("hour", "host")
    with pytest.raises(UsageError, match="file"):
        groups_in("file")
