"""Settled rows: what they tell equals what the search finds in the whole file."""

import gzip
import os
import random
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logbus.wire import frames
from sinks.search.finding import Finder
from sinks.settling import rows as rows_room
from sinks.settling.opened import open_output
from sinks.settling.published import Old
from support.settled import CHANGED_S, check_rows, settled, written

LINES = (
    lambda n: b"2026-11-24T%02d:%02d:%02d.000Z INFO request %d\n" % (n // 3600 % 24, n // 60 % 60, n % 60, n),
    lambda n: b"2026-11-24 %02d:%02d:00,123 ERROR [w] com.example.Shop - failed %d\n" % (n // 60 % 24, n % 60, n),
    lambda _: b"java.lang.IllegalStateException: no stock\n\tat com.example.Stock.take(Stock.java:41)\n",
    lambda _: b"\tat com.example.Stock.take(Stock.java:41)\n",
    lambda n: b"nothing is stated %d\n" % n,
    lambda n: b"WARN no time %d\n" % n,
    lambda n: b"2031-01-01T00:00:00Z ERROR from the future %d\n" % n,
    lambda _: b"\n",
    lambda _: b"\xff\x00\xfe binary\n",
)
Picks = st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, 90_000)), max_size=400)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make rows about few bytes, so that a test needs no megabytes."""
    monkeypatch.setattr(rows_room, "ROW_BYTES", 2_000)
    monkeypatch.setattr("sinks.settling.settling.Finder", partial(Finder, block_bytes=1_000))


def content_of(picks: list[tuple[int, int]]) -> bytes:
    """Return lines of several kinds."""
    return b"".join(LINES[kind](number) for kind, number in picks)


def in_frames(content: bytes, seed: int) -> bytes:
    """Return a content as frames that end anywhere."""
    chance, found, at = random.Random(seed), b"", 0  # noqa: S311 - not for a secret
    while at < len(content):
        size = chance.choice((1, 50, 300, 3_000))
        found += frames.compress(content[at : at + size], 1)
        at += size
    return found


@pytest.mark.parametrize("compression", ["none", "zstd", "gzip"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(picks=Picks, seed=st.integers(0, 1 << 30), ended=st.booleans())
def test_rows_equal_what_the_search_finds(
    tmp_path: Path, compression: str, picks: list[tuple[int, int]], seed: int, ended: bool
) -> None:
    """Borders, lines, times, hours, inherited times and severities, whatever the frames are."""
    content = content_of(picks)
    content = content if ended else content[:-1]
    data = {"none": content, "zstd": in_frames(content, seed), "gzip": gzip.compress(content)}[compression]
    path = written(tmp_path / "app.log", data)
    found = settled(path)
    check_rows(path, found, content)
    ends = {row.end.at for row in found}
    assert compression == "gzip" or not found or max(ends) == len(data)


def test_a_row_has_about_a_mebibyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows for three MiB."""
    monkeypatch.undo()
    content = b"".join(LINES[0](number % 86_400) for number in range(80_000))
    path = written(tmp_path / "app.log", content)
    found = settled(path)
    check_rows(path, found, content)
    assert len(found) == pytest.approx(len(content) / (1 << 20), abs=1)


def test_published_severities_are_kept(tmp_path: Path) -> None:
    """Also of records that say another in their text; the records of each hour are counted by them."""
    content = content_of([(0, number) for number in range(10)])
    half = len(LINES[0](0)) * 4
    old = Old(half, len(content), 7, 9, ((3, 0, 500, (0,) * 8),), frames.compress(b"222222", 1))
    [row] = settled(written(tmp_path / "app.log", content), [old])
    assert row.digits == b"6666222222"
    assert list(row.hours.values()) == [[0, 0, 6, 0, 0, 0, 4, 0]]
    assert (row.origins.parts, row.origins.first_read_us, row.origins.last_read_us) == (None, 0, CHANGED_S * 1_000_000)


def test_origins_and_times_of_reading_are_kept_where_all_is_told(tmp_path: Path) -> None:
    """Parts of one stream that follow one another become one."""
    content = content_of([(0, number) for number in range(4)])
    half = len(content) // 2
    counts = (0, 0, 0, 0, 0, 0, 2, 0)
    old = [
        Old(0, half, 7, 9, ((3, 0, 50, counts),), frames.compress(b"66", 1)),
        Old(half, len(content), 8, 12, ((3, 50, 90, counts), (4, 0, 9, (0,) * 8)), frames.compress(b"66", 1)),
    ]
    [row] = settled(written(tmp_path / "app.log", content), old)
    assert row.origins.parts == [(3, 0, 90, (0, 0, 0, 0, 0, 0, 4, 0)), (4, 0, 9, (0,) * 8)]
    assert (row.origins.first_read_us, row.origins.last_read_us) == (7, 12)


def test_a_line_of_which_two_rows_tell_has_the_worse(tmp_path: Path) -> None:
    """A batch may end within a line."""
    content = LINES[4](1) + LINES[4](2)
    old = [
        Old(0, 5, 7, 9, None, frames.compress(b"4", 1)),
        Old(5, len(content), 8, 12, None, frames.compress(b"53", 1)),
    ]
    [row] = settled(written(tmp_path / "app.log", content), old)
    assert row.digits == b"43"


def test_too_large_a_row_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where frames never end with a record, memory stays bounded, and those bytes have no row."""
    monkeypatch.setattr(rows_room, "ROW_MAX_BYTES", 10_000)
    content = content_of([(0, number) for number in range(400)])
    path = written(tmp_path / "app.log", frames.compress(content[:10], 1) + frames.compress(content[10:-1], 1))
    assert settled(path) == []


def test_links_and_directories_are_no_outputs(tmp_path: Path) -> None:
    """Whatever another user puts in an output's place."""
    written(tmp_path / "real.log", b"a\n")
    (tmp_path / "link.log").symlink_to("real.log")
    (tmp_path / "inside").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    names = ("link.log", "inside/real.log", "none", "pipe", ".")
    assert [open_output(tmp_path, name) for name in names] == [None] * len(names)
