"""What a ledger proves: the bytes of each stream that the sink has written, and the holes between them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from logbus.errors import StateError, visible
from sinks.ledger.ledger_file import FILE_NAME
from sinks.ledger.ranges import Range
from sinks.ledger.streams import text_of

HEADINGS = ("host", "path", "stream", "bytes", "from", "to", "holes", "trimmed", "first", "last")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Coverage(Struct, frozen=True):
    """The written ranges of one stream; times in UTC microseconds."""

    host: str
    path: str
    stream: str
    ranges: tuple[Range, ...]
    trimmed_bytes: int
    first_us: int
    last_us: int

    @property
    def holes(self) -> list[Range]:
        """The ranges missing between the first written byte and the last."""
        return [
            (end, start) for (_, end), (start, _) in zip(self.ranges[:-1], self.ranges[1:], strict=True) if end < start
        ]


def coverage(state: Path) -> list[Coverage]:
    """Return the content of the ledger in `state`, which may be in use. Raises StateError."""
    path = state / FILE_NAME
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return list(_read(db))
    except sqlite3.Error as error:
        raise StateError(f"read the ledger {path}", error, "is that the sink's state directory?") from error


def report(streams: list[Coverage]) -> Iterator[str]:
    """Yield the lines of a table, and then one line per hole."""
    rows = [HEADINGS, *(_row(each) for each in streams)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for each in streams:
        for start, end in each.holes:
            yield f"hole: {visible(each.host)} {visible(each.path)} lacks the bytes from {start} to {end}"


def _row(each: Coverage) -> tuple[str, ...]:
    held = sum(end - start for start, end in each.ranges)
    place = (visible(each.host), visible(each.path), visible(each.stream))
    numbers = (held, each.ranges[0][0], each.ranges[-1][1], len(each.holes), each.trimmed_bytes)
    return (*place, *map(str, numbers), _time(each.first_us), _time(each.last_us))


def _time(utc_us: int) -> str:
    return f"{EPOCH + timedelta(microseconds=utc_us):%Y-%m-%dT%H:%M:%SZ}"


def _read(db: sqlite3.Connection) -> Iterator[Coverage]:
    db.execute("BEGIN")
    streams = db.execute(
        "SELECT id, host, path, stream, trimmed_bytes, first_us, last_us FROM stream ORDER BY host, path, id"
    )
    for stream_id, host, path, stream, *rest in streams.fetchall():
        ranges = tuple(db.execute("SELECT start, end FROM held WHERE stream = ? ORDER BY start", (stream_id,)))
        yield Coverage(text_of(host), text_of(path), text_of(stream), ranges, *rest)
