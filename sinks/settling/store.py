"""The index's file as settling uses it: beside the sink's own thread, in short transactions.

Rows are collected in a temporary table, and replace the others in one transaction. An output keeps its id: the sink
remembers it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from logbus.wire import frames
from sinks.index.blocks import Limits
from sinks.index.digits import counts_of
from sinks.index.index_file import delete_output, open_file
from sinks.index.names import FILE_NAME, key_of, text_of
from sinks.index.packing import ZSTD_LEVEL
from sinks.index.place import Place
from sinks.settling.borders import Walk
from sinks.settling.opened import Opened, walk_of
from sinks.settling.published import Old, Part
from sinks.settling.rows import Row

BUSY_MS: Final = 10_000
PART_BYTES: Final = Limits().part_bytes
PARTS_MIN: Final = Limits().parts_min
_COLUMNS: Final = """
output, begin, end, content_bytes, lines, first_read_us, last_read_us, first_event_us, last_event_us, settled, counts,
parts, digits, content_begin, first_line, before_us, hours
"""
_KEEP: Final = f"INSERT INTO settled ({_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608
_MOVE: Final = f"INSERT INTO block ({_COLUMNS}) SELECT {_COLUMNS} FROM settled"  # noqa: S608
_OLD: Final = """
SELECT begin, end, content_bytes, first_read_us, last_read_us, parts, digits FROM block
WHERE output = ? AND end <= ? ORDER BY begin
"""
_SETTLED: Final = """
UPDATE output SET path = ?, compression = ?, zone = ?, settled_bytes = ?, changed_us = ? WHERE id = ?
"""
_TAKE_PLACE: Final = "UPDATE output SET token = ?, identity = ? WHERE token = ? AND identity = ?"
_STORED: Final = f"SELECT {_COLUMNS} FROM block WHERE output = ? AND end <= ? ORDER BY begin"  # noqa: S608
_parts: Final = msgspec.msgpack.Decoder(list[Part] | None)


class Stored(NamedTuple):
    """The columns of a row, but for its output."""

    begin: int
    end: int
    content_bytes: int
    lines: int
    first_read_us: int
    last_read_us: int
    first_event_us: int | None
    last_event_us: int | None
    settled: int
    counts: bytes
    parts: bytes | None
    digits: bytes
    content_begin: int | None
    first_line: int | None
    before_us: int | None
    hours: bytes | None


class Store:
    """The open index. Every method may raise sqlite3.Error, and then has changed nothing."""

    def __init__(self, directory: Path, boot: str) -> None:
        """Open the index in a state directory, or begin it, as the sink does. Raises OSError too."""
        open_file(directory, Limits(), boot=boot).close()
        self._db = sqlite3.connect(directory / FILE_NAME, isolation_level=None)
        self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        self._db.execute("CREATE TEMP TABLE settled AS SELECT * FROM block WHERE 0")

    def old(self, opened: Opened) -> Iterator[Old]:
        """Yield the rows about the committed bytes of an output, in order, as far as they hold."""
        if (output := self._id_of(opened.place)) is None:
            return
        yield from _in_content(self._db.execute(_OLD, (output, opened.limit)), walk_of(opened))

    def stored(self, opened: Opened) -> list[Stored]:
        """Return the rows about the committed bytes of an output, in order, as they are."""
        output = self._id_of(opened.place)
        return [Stored(*row[1:]) for row in self._db.execute(_STORED, (output, opened.limit))]

    def bounded(self, opened: Opened) -> Opened:
        """Return an open output as far as rows go, if there are any: what is behind them, the sink has yet to tell."""
        query = "SELECT max(end) FROM block WHERE output = ? AND end <= ?"
        [end] = self._db.execute(query, (self._id_of(opened.place), opened.limit)).fetchone()
        return opened if end is None else replace(opened, limit=end)

    def zone_if_settled(self, opened: Opened) -> str | None:
        """Return the zone in which the settled rows of an output hold; None if they do not."""
        query = "SELECT zone, settled_bytes, changed_us FROM output WHERE token = ? AND identity = ?"
        found = self._db.execute(query, (opened.place.token, opened.place.identity)).fetchone()
        holds = found and found[2] == opened.changed_us and (found[1] == opened.size_bytes or opened.is_gzip)
        return found[0] if holds else None

    def is_settled(self, opened: Opened) -> bool:
        """Return True if the settled rows of an output hold."""
        return self.zone_if_settled(opened) is not None

    def save(
        self,
        opened: Opened,
        rows: Iterable[Row],
        zone: str,
        *,
        old: Opened | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> int:
        """Replace the rows of an output, as far as new ones go, by settled ones; return how many there are.

        If the file has changed meanwhile, or `ready` says that it is not, nothing is changed, and the answer is -1.
        `old`: what it takes the place of. What reading the rows raises goes through.
        """
        self._db.execute("DELETE FROM settled")
        count, end = 0, 0
        for row in rows:
            self._db.execute(_KEEP, (0, *values_of(row)))
            count, end = count + 1, row.end.at
        with self._transaction():
            if not (ready or opened.is_same)():
                return -1
            if old:
                values = (opened.place.token, opened.place.identity, old.place.token, old.place.identity)
                self._db.execute(_TAKE_PLACE, values)
            if not (output := self._made(opened.place)):
                return -1
            self._replace(output, end if not opened.finished else 1 << 62)
            told = (key_of(opened.place.path), opened.place.compression, zone, opened.size_bytes, opened.changed_us)
            self._db.execute(_SETTLED, (*told, output))
        return count

    def forget(self, token: bytes) -> None:
        """Delete all rows about an output."""
        with self._transaction():
            delete_output(self._db, token)

    def outputs(self) -> Iterator[tuple[bytes, str]]:
        """Yield the token and the path of each output."""
        for token, path in self._db.execute("SELECT token, path FROM output").fetchall():
            yield token, text_of(path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _replace(self, output: int, end: int) -> None:
        """Replace the rows of an output that begin before `end` by those that were kept."""
        self._db.execute("DELETE FROM block WHERE output = ? AND begin < ?", (output, end))
        self._db.execute("UPDATE settled SET output = ?", (output,))
        self._db.execute(_MOVE)

    def _id_of(self, place: Place) -> int | None:
        query = "SELECT id FROM output WHERE token = ? AND identity = ?"
        found = self._db.execute(query, (place.token, place.identity)).fetchone()
        return found[0] if found else None

    def _made(self, place: Place) -> int | None:
        """Return the id of an output, which is made if it is new; None if its token is another file's by now."""
        values = (place.token, place.identity, key_of(place.path), place.compression)
        self._db.execute("INSERT OR IGNORE INTO output VALUES (NULL, ?, ?, ?, ?, NULL, NULL, NULL)", values)
        return self._id_of(place)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _in_content(rows: Iterable[tuple[int, int, int, int, int, bytes | None, bytes]], walk: Walk) -> Iterator[Old]:
    """Yield rows by where their content is; those that begin nowhere are left out."""
    for begin, _, size_bytes, first_us, last_us, parts, digits in rows:
        content = walk.content_of(begin)
        if content is not None:
            told = None if parts is None else _told(parts)
            yield Old(content, content + size_bytes, first_us, last_us, told, digits)


def _told(packed: bytes) -> tuple[Part, ...] | None:
    found = _parts.decode(packed)
    return None if found is None else tuple(found)


def values_of(row: Row) -> Stored:
    """Return the columns of a settled row."""
    return Stored(
        *(row.begin.at, row.end.at, row.content_bytes, len(row.digits)),
        *(row.origins.first_read_us, row.origins.last_read_us, *row.event_us, 1),
        msgspec.msgpack.encode(counts_of(row.digits)),
        _packed_parts(row),
        frames.compress(row.digits, ZSTD_LEVEL),
        *(row.begin.content, row.first_line, row.before_us),
        msgspec.msgpack.encode(sorted(row.hours.items())),
    )


def _packed_parts(row: Row) -> bytes | None:
    parts = row.origins.parts
    if parts is None or len(parts) > max(PARTS_MIN, row.content_bytes // PART_BYTES):
        return None
    return msgspec.msgpack.encode(parts)
