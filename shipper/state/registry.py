"""The shipper's memory: its streams, and how far each is confirmed. SQLite, one transaction per save.

A stream is written here, durably, before anything of it is published. Later saves are not synced: bytes whose confirms
a power failure erases are sent again under the same ids and trimmed by the sinks.

One shipper owns a state directory (flock). A registry that is damaged or not ours is set aside and never deleted:
everything is then read again, and sinks trim the duplicates of all streams whose ids could be derived again.
"""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from logbus.errors import counted
from shipper.state.registry_file import connect, open_file

logger = logging.getLogger("shipper.registry")

SHRINK_FROM_PAGES = 1000
EXPIRE_ROWS = 20_000
_INODE_SPAN = 1 << 64


def place_of(path: str, real: str | None) -> str:
    """Return the path beside which rotation puts a life's files: its own, or the target of a link.

    `real` is None where the target was not remembered: then the link's present target is the best guess.
    """
    return os.path.realpath(path) if real is None else real or path


class Row(Struct, frozen=True):
    """One remembered stream: offsets in bytes; `head` is a fingerprint, too.

    `real_path`: the target if a link led to the file; None if an older Logbus did not remember it.
    `settled`: no more data is expected, as the file was rotated, read to its end and quiet, or was already reported
    missing. A settled stream whose file is gone is not reported.
    """

    stream: str
    device: int
    inode: int
    generation: int | None
    path: str
    offset: int
    fingerprint: bytes
    published: int
    published_fingerprint: bytes
    head_length: int
    head: bytes
    done: bool = False
    real_path: str | None = ""
    settled: bool = False

    @property
    def place(self) -> str:
        """The path beside which rotation puts the life's files."""
        return place_of(self.path, self.real_path)

    def ended(self) -> "Row":
        """Return the same stream as done."""
        return replace(self, done=True)


_COLUMN_OF = {"fingerprint": "mark", "published_fingerprint": "published_mark"}  # as older versions wrote them
_NAMES = list(Row.__struct_fields__)
_COLUMNS = [_COLUMN_OF.get(name, name) for name in _NAMES]
COLUMNS = ", ".join(_COLUMNS)
_VALUES = attrgetter(*_NAMES)  # `astuple` also copies each value: a sixth of the time of a start with 10,000 files
_UPDATED = [column for column in _COLUMNS if column != "stream"]
_OUTLINE = "stream, inode, path, real_path"
_HOLES = ", ".join("?" * (len(_NAMES) + 1))
_SAVE = (
    f"INSERT INTO streams ({COLUMNS}, updated_s) VALUES ({_HOLES}) ON CONFLICT (stream) DO UPDATE SET "  # noqa: S608 - names of our own fields
    + ", ".join(f"{name} = excluded.{name}" for name in _UPDATED)
    + ", updated_s = CASE WHEN excluded.offset > offset OR offset >= published OR excluded.done THEN"
    " excluded.updated_s ELSE updated_s END"  # while bytes are unconfirmed, the time since when
)


class Outline(NamedTuple):
    """Where the file of a stream was; `place` is as in `Row`."""

    stream: str
    inode: int
    path: str
    real_path: str | None

    @property
    def place(self) -> str:
        """The path beside which rotation puts the life's files."""
        return place_of(self.path, self.real_path)


class Registry:
    """Streams and offsets, in `directory`, or only in memory if it is None.

    Raises StateError if the directory cannot be used, another shipper uses it, or a newer Logbus wrote it.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory
        self.persistent = directory is not None
        self._full = False
        self._lock, self._db = open_file(directory) if directory else (-1, connect(":memory:"))

    def candidates(self, inode: int) -> list[Row]:
        """Return the streams with an inode number that are not done, newest first."""
        return self._rows("WHERE inode = ? AND NOT done ORDER BY rowid DESC", (signed(inode),))

    def unfinished(self) -> list[Row]:
        """Return the streams that are not done, oldest first."""
        return self._rows("WHERE NOT done ORDER BY rowid", ())

    def outline(self) -> list[Outline]:
        """Return the outlines of the streams that are not done, oldest first: light enough for a million."""
        found = self._db.execute(f"SELECT {_OUTLINE} FROM streams WHERE NOT done ORDER BY rowid")  # noqa: S608 - our own columns
        return [_outline(values) for values in found]

    def row(self, stream: str) -> Row | None:
        """Return a remembered stream; None if there is none."""
        return next(iter(self._rows("WHERE stream = ?", (stream,))), None)

    def has(self, stream: str) -> bool:
        """Return True if a stream id was ever used here."""
        return bool(self._db.execute("SELECT 1 FROM streams WHERE stream = ?", (stream,)).fetchone())

    def head_lengths(self) -> list[int]:
        """Return the lengths of heads that occur."""
        return [length for (length,) in self._db.execute("SELECT DISTINCT head_length FROM streams")]

    def with_head(self, length: int, head: bytes) -> list[Row]:
        """Return the streams, done or not, with this head."""
        return self._rows("WHERE head_length = ? AND head = ?", (length, head))

    def expire(self, before_s: float, is_there: Callable[[Outline], bool], after: int = 0) -> int:
        """Forget streams that were not saved since `before_s` and whose file is gone, a part at a time.

        Return the value of `after` for the next part; 0 after the last one.
        """
        query = f"SELECT rowid, {_OUTLINE} FROM streams WHERE updated_s < ? AND rowid > ? LIMIT {EXPIRE_ROWS}"  # noqa: S608 - our own number
        old = self._db.execute(query, (before_s, after)).fetchall()
        gone: list[tuple[object, ...]] = [(rowid,) for rowid, *values in old if not is_there(_outline(values))]
        if gone and self._write([("DELETE FROM streams WHERE rowid = ?", gone)], sync=False):
            logger.info("forgot %s deleted long ago", counted(len(gone), "file"))
            self._shrink()
        return old[-1][0] if len(old) == EXPIRE_ROWS else 0

    def fact(self, name: str) -> str:
        """Return a remembered fact; "" if there is none."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def facts(self, beginning: str) -> list[str]:
        """Return the names of the facts that start with `beginning`, without it."""
        found = self._db.execute("SELECT name FROM facts WHERE substr(name, 1, ?) = ?", (len(beginning), beginning))
        return [name[len(beginning) :] for (name,) in found]

    def remember(self, name: str, value: str, *, sync: bool = True) -> None:
        """Remember a fact."""
        self._write([("INSERT OR REPLACE INTO facts VALUES (?, ?)", [(name, value)])], sync=sync)

    def forget(self, beginning: str) -> None:
        """Forget all facts whose names start with `beginning`."""
        self._write([("DELETE FROM facts WHERE substr(name, 1, ?) = ?", [(len(beginning), beginning)])], sync=False)

    def add(self, rows: Iterable[Row], later: Collection[Row] = ()) -> bool:
        """Add new streams, synced to disk, and move the `later` ones behind them; False if the write failed."""
        forgotten: list[tuple[object, ...]] = [(row.stream,) for row in later]
        again = [("DELETE FROM streams WHERE stream = ?", forgotten), (_SAVE, _values(later))]
        return self._write([(_SAVE, _values(rows)), *again], sync=True)

    def save(self, rows: Iterable[Row]) -> bool:
        """Save new offsets in one transaction; False if the write failed, which is reported once."""
        return self._write([(_SAVE, _values(rows))], sync=False)

    def close(self) -> None:
        """Release the database and the directory."""
        self._db.close()
        if self._lock >= 0:
            os.close(self._lock)

    def _write(self, statements: list[tuple[str, list[tuple[object, ...]]]], *, sync: bool) -> bool:
        try:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
            with self._db:
                self._db.execute("BEGIN")
                for statement, values in statements:
                    self._db.executemany(statement, values)
        except sqlite3.OperationalError as error:
            if not self._full:
                logger.warning("cannot save the registry: %s (free some space; nothing is lost, retrying)", error)
            self._full = True
            return False
        if self._full:
            logger.warning("the registry can be saved again")
        self._full = False
        return True

    def _shrink(self) -> None:
        """Return room to the filesystem if most of the file is empty."""
        pages, free = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        if free > SHRINK_FROM_PAGES and 2 * free > pages:
            with contextlib.suppress(sqlite3.OperationalError):
                self._db.execute("VACUUM")

    def _rows(self, where: str, values: tuple[object, ...]) -> list[Row]:
        query = f"SELECT {COLUMNS} FROM streams {where}"  # noqa: S608 - both parts are literals of this module
        return [from_sql(values) for values in self._db.execute(query, values)]


def _outline(values: Sequence[Any]) -> Outline:
    stream, inode, path, real_path = values
    return Outline(stream, inode % _INODE_SPAN, os.fsdecode(path), _text(real_path))


def _values(rows: Iterable[Row]) -> list[tuple[object, ...]]:
    now_s = int(time.time())
    return [_to_sql(row, now_s) for row in rows]


def _to_sql(row: Row, now_s: int) -> tuple[object, ...]:
    stream, device, inode, generation, path, *rest, real, settled = _VALUES(row)
    return (stream, signed(device), signed(inode), generation, os.fsencode(path), *rest, _bytes(real), settled, now_s)


def from_sql(values: tuple[object, ...]) -> Row:
    """Return the row with these values of COLUMNS."""
    stream, device, inode, generation, path, *rest, done, real, settled = values
    where = device % _INODE_SPAN, inode % _INODE_SPAN, generation, os.fsdecode(path)  # type: ignore[operator, arg-type] # our own columns
    return Row(stream, *where, *rest, bool(done), _text(real), bool(settled))  # type: ignore[arg-type, call-arg] # our own columns


def _bytes(path: str | None) -> bytes | None:
    return None if path is None else os.fsencode(path)


def _text(path: bytes | None) -> str | None:
    return os.fsdecode(path) if path else path if path is None else ""  # most are "", so they are cheap


def signed(number: int) -> int:
    """Return an unsigned 64-bit number as SQLite's signed one."""
    return number - _INODE_SPAN if number >= _INODE_SPAN >> 1 else number
