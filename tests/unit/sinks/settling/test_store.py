"""Settled rows in the index: they replace the others of their output, at once or not at all."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest

from logbus.wire import frames
from sinks.index import reading as index_reading
from sinks.index.blocks import Limits, Note, Origin, begun
from sinks.index.index_file import open_file
from sinks.index.names import FILE_NAME
from sinks.index.place import Place, give_token
from sinks.settling.opened import Opened, open_output
from sinks.settling.settling import rows_of
from sinks.settling.store import Store
from support.settled import opened, written

CONTENT = b"2026-11-24T10:00:00Z INFO a\n2026-11-24T09:00:00Z ERROR b\n\tat c.D.e(F.java:1)\n"
WHERE = Origin("0123456789abcdef", "web-1", "app", "/var/log/app.log")
BORDERS = (len(CONTENT) // 2, len(CONTENT))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty index."""
    state = tmp_path / "state"
    state.mkdir()
    with closing(Store(state, "")) as found:
        yield found


def rows(state: Path) -> list[tuple[Any, ...]]:
    """Return all rows, in order."""
    with closing(sqlite3.connect(state / FILE_NAME)) as db:
        return db.execute("SELECT * FROM block ORDER BY output, begin").fetchall()


def note(place: Place, begin: int, end: int, digits: bytes) -> None:
    """Add a row of the time of writing."""
    told = Note(place, begin, end, end - begin, bytearray(digits), *(True, WHERE), begin, end, 0, 5, 5, (1, 2))
    limits = Limits(least_bytes=1)
    with closing(open_file(Path(place.path).parent / "state", limits)) as file:
        file.save([begun(told, 0.0, limits)])


def save(store: Store, output: Opened) -> int:
    """Settle an output."""
    return store.save(output, rows_of(output, store.old(output), "", UTC, lambda _size: None), "UTC")


def test_rows_replace_those_of_the_time_of_writing(tmp_path: Path, store: Store) -> None:
    """With their severities, streams and times of reading."""
    output = opened(written(tmp_path / "app.log", CONTENT))
    place = Place(output.place.token, output.place.identity, str(tmp_path / "app.log"))
    half = CONTENT.index(b"\n") + 1
    note(place, 0, half, b"2")
    note(place, half, len(CONTENT), b"33")
    assert save(store, output) == 1
    [row] = rows(tmp_path / "state")
    hour = 1_795_514_400_000_000 // 3_600_000_000
    assert row[2:11] == (0, len(CONTENT), len(CONTENT), 3, 5, 5, (hour - 1) * 3_600_000_000, hour * 3_600_000_000, 1)
    assert msgspec.msgpack.decode(row[11]) == [0, 0, 1, 2, 0, 0, 0, 0]
    assert msgspec.msgpack.decode(row[12])[0][1:3] == [0, half]
    assert frames.decompress(row[13], 100) == b"233"
    assert row[14:17] == (0, 1, None)
    assert msgspec.msgpack.decode(row[17]) == [[hour - 1, [0, 0, 0, 1, 0, 0, 0, 0]], [hour, [0, 0, 1, 0, 0, 0, 0, 0]]]
    assert store.is_settled(output)


def test_rows_that_leave_nothing_out_tell_when_an_output_begins_and_ends(tmp_path: Path, store: Store) -> None:
    """Together, once they are settled; rows of the time of writing tell only that there are some."""
    path = written(tmp_path / "app.log", CONTENT)
    output = opened(path)
    reader = index_reading.opened(tmp_path / "state")
    assert reader
    with closing(reader), path.open("rb") as file:
        assert reader.known(file.fileno()) is None
        note(Place(output.place.token, output.place.identity, str(path)), 0, len(CONTENT), b"233")
        known = reader.known(file.fileno())
        assert known
        assert reader.summary(known) == (0, None)
        save(store, output)
        hour_us = 3_600_000_000
        last_us = 1_795_514_400_000_000
        assert reader.summary(known) == (len(CONTENT), (last_us - hour_us, last_us))


def test_settling_twice_changes_nothing(tmp_path: Path, store: Store) -> None:
    """Published severities survive it."""
    output = opened(written(tmp_path / "app.log", CONTENT))
    note(Place(output.place.token, output.place.identity, str(tmp_path / "app.log")), 0, len(CONTENT), b"222")
    save(store, output)
    before = rows(tmp_path / "state")
    save(store, output)
    assert [row[1:] for row in rows(tmp_path / "state")] == [row[1:] for row in before]


def test_a_file_that_changed_meanwhile_is_not_settled(tmp_path: Path, store: Store) -> None:
    """By a late line, a truncation or a new token: nothing is saved."""
    path = written(tmp_path / "app.log", CONTENT)
    output = opened(path)
    with path.open("ab") as file:
        file.write(b"late\n")
    assert save(store, output) == -1
    output = opened(path)
    fd = os.open(path, os.O_RDWR)
    give_token(fd)
    assert save(store, output) == -1
    assert rows(tmp_path / "state") == []


def test_what_is_written_afterwards_voids_what_is_exact(tmp_path: Path, store: Store) -> None:
    """A late line may continue the last record."""
    path = written(tmp_path / "app.log", CONTENT)
    save(store, opened(path))
    with path.open("ab") as file:
        file.write(b"\tat late.Line.e(F.java:1)\n")
    assert not store.is_settled(opened(path))


def test_of_an_open_output_only_what_is_committed_is_settled(tmp_path: Path, store: Store) -> None:
    """Up to the last record that may go on; the sink's own rows behind that stay."""
    content = CONTENT + b"".join(b"2026-11-24T11:00:00Z INFO %d\n" % number for number in range(60_000))
    path = written(tmp_path / "app.log", content)
    output = open_output(tmp_path, "app.log", lambda _identity: len(content) - 40)
    assert output
    place = Place(output.place.token, output.place.identity, str(path))
    note(place, len(content) - 20, len(content), b"6")
    assert save(store, output) > 0
    *settled, last = rows(tmp_path / "state")
    assert all(row[10] == 1 and row[3] < len(content) - 40 for row in settled)
    assert (last[2], last[10]) == (len(content) - 20, 0)


def test_a_row_that_is_late_does_not_overlap_settled_ones(tmp_path: Path, store: Store) -> None:
    """The sink saves rows about a minute after it wrote; at most one row tells of a byte."""
    path = written(tmp_path / "app.log", CONTENT)
    output = opened(path)
    save(store, output)
    note(Place(output.place.token, output.place.identity, str(path)), 5, len(CONTENT), b"66")
    assert [row[2] for row in rows(tmp_path / "state")] == [0]


def test_an_error_while_reading_changes_nothing(tmp_path: Path, store: Store) -> None:
    """Rows are replaced at once, or not at all."""
    output = opened(written(tmp_path / "app.log", CONTENT))
    save(store, output)
    before = rows(tmp_path / "state")

    def broken() -> Iterator[None]:
        yield from rows_of(output, store.old(output), "", UTC, lambda _size: None)  # type: ignore[misc]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        store.save(output, broken(), "UTC")  # type: ignore[arg-type]
    assert rows(tmp_path / "state") == before
