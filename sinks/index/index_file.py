"""The index's file: its tables, created anew whenever it is not sound. docs/index-format.md describes it.

It is a SQLite database in WAL mode. Rows are saved unsynced (`synchronous=NORMAL`): a power failure may take the latest
of them, never part of one, and what a row is about was synced before. What deletes wrong rows is synced.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from logging import getLogger
from pathlib import Path
from typing import Final

import msgspec

from sinks.index.blocks import Block, Limits, Origin, Part
from sinks.index.digits import counts_of
from sinks.index.names import FILE_NAME, SCHEMA, SCHEMAS, key_of, text_of
from sinks.index.packing import packed
from sinks.index.place import Place
from sinks.sink import Mark

logger = getLogger("sinks.index")

ORIGINS_MAX: Final = 50_000
"""Origins whose row is remembered; one that was forgotten gets another row."""

_TABLES: Final = """
CREATE TABLE output (
    id INTEGER PRIMARY KEY AUTOINCREMENT, token BLOB NOT NULL UNIQUE, identity TEXT NOT NULL, path BLOB NOT NULL,
    compression INTEGER NOT NULL, zone TEXT, settled_bytes INTEGER, changed_us INTEGER
);
CREATE INDEX output_identity ON output (identity);
CREATE TABLE origin (
    id INTEGER PRIMARY KEY, output INTEGER NOT NULL, stream TEXT NOT NULL, host BLOB NOT NULL, label BLOB NOT NULL,
    path BLOB NOT NULL
);
CREATE INDEX origin_output ON origin (output);
CREATE TABLE block (
    id INTEGER PRIMARY KEY, output INTEGER NOT NULL, begin INTEGER NOT NULL, end INTEGER NOT NULL,
    content_bytes INTEGER NOT NULL, lines INTEGER NOT NULL, first_read_us INTEGER NOT NULL,
    last_read_us INTEGER NOT NULL, first_event_us INTEGER, last_event_us INTEGER, settled INTEGER NOT NULL,
    counts BLOB NOT NULL, parts BLOB, digits BLOB NOT NULL, content_begin INTEGER, first_line INTEGER,
    before_us INTEGER, hours BLOB
);
CREATE UNIQUE INDEX block_place ON block (output, begin);
CREATE TABLE boot (id TEXT NOT NULL);
"""
_TIMES: Final = """
CREATE INDEX IF NOT EXISTS block_times ON block (
    output, begin, end, content_begin, first_line, first_event_us, last_event_us, settled
) WHERE settled = 1
"""
_SAVE_BLOCK: Final = """
INSERT OR REPLACE INTO block SELECT NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, NULL, NULL, NULL, NULL
WHERE NOT ifnull(
    (SELECT settled AND end > ?2 FROM block WHERE output = ?1 AND begin < ?3 ORDER BY begin DESC LIMIT 1), 0
)
"""
"""Bytes that were settled meanwhile keep their rows."""
_CUT: Final = """
DELETE FROM block WHERE output IN (SELECT id FROM output WHERE identity = :identity) AND end > :length
"""
_FILES: Final = ("", "-wal", "-shm")


class IndexFile:
    """The open index. Every method may raise sqlite3.Error, and then has changed nothing."""

    def __init__(self, db: sqlite3.Connection, limits: Limits) -> None:
        self._db = db
        self._limits = limits
        self._outputs: dict[bytes, int] = {}
        self._origins: dict[tuple[int, Origin], int] = {}

    def save(self, blocks: Iterable[Block]) -> None:
        """Save finished blocks."""
        with self._transaction():
            self._db.executemany(_SAVE_BLOCK, [self._row(block) for block in blocks])

    def cut(self, marks: Mapping[str, Mark]) -> None:
        """Delete what is told of bytes beyond the outputs' marks, durably."""
        self._db.execute("PRAGMA synchronous=FULL")
        with self._transaction():
            self._db.executemany(_CUT, [{"identity": m.identity, "length": m.length} for m in marks.values()])
        self._db.execute("PRAGMA synchronous=NORMAL")

    def move(self, token: bytes, path: str) -> None:
        """Record that an output has another path."""
        with self._transaction():
            self._db.execute("UPDATE output SET path = ? WHERE token = ?", (key_of(path), token))

    def pack(self, place: Place, content_bytes: int) -> None:
        """Record that an output's first `content_bytes` are in another file now."""
        with self._transaction():
            values = (place.identity, key_of(place.path), place.compression, place.token)
            self._db.execute("UPDATE output SET identity = ?, path = ?, compression = ? WHERE token = ?", values)
            beyond = "DELETE FROM block WHERE output = (SELECT id FROM output WHERE token = ?) AND end > ?"
            self._db.execute(beyond, (place.token, content_bytes))

    def forget(self, tokens: Iterable[bytes]) -> None:
        """Delete all rows about these outputs."""
        with self._transaction():
            for token in tokens:
                delete_output(self._db, token)
        self._outputs.clear()
        self._origins.clear()

    def outputs(self) -> list[tuple[bytes, str]]:
        """Return the token and the path of each output."""
        return [(token, text_of(path)) for token, path in self._db.execute("SELECT token, path FROM output")]

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _row(self, block: Block) -> tuple[object, ...]:
        output, digits = self._output(block.place), block.digits
        row, counts = packed(digits, block.content_bytes)
        parts = self._parts(output, block, counts)
        first_event_us, last_event_us = block.event_us or (None, None)
        return (
            *(output, block.begin, block.end, block.content_bytes, len(digits)),
            *(block.first_read_us, block.last_read_us, first_event_us, last_event_us),
            msgspec.msgpack.encode(counts),
            None if parts is None else msgspec.msgpack.encode(parts),
            row,
        )

    def _parts(self, output: int, block: Block, counts: list[int]) -> list[list[object]] | None:
        parts = block.told_parts(self._limits)
        if parts is None:
            return None
        return [self._part(output, part, counts if len(parts) == 1 else counts_of(part.digits)) for part in parts]

    def _part(self, output: int, part: Part, counts: list[int]) -> list[object]:
        return [self._origin(output, part.origin), part.offset, part.end, counts]

    def _output(self, place: Place) -> int:
        found = self._outputs.get(place.token)
        if found is None:
            values = (place.token, place.identity, key_of(place.path), place.compression)
            self._db.execute("INSERT OR IGNORE INTO output VALUES (NULL, ?, ?, ?, ?, NULL, NULL, NULL)", values)
            [found] = self._db.execute("SELECT id FROM output WHERE token = ?", (place.token,)).fetchone()
            self._outputs[place.token] = found
        return found

    def _origin(self, output: int, origin: Origin) -> int:
        found = self._origins.get((output, origin))
        if found is None:
            values = (output, origin.stream, *map(key_of, origin[1:]))
            found = self._db.execute("INSERT INTO origin VALUES (NULL, ?, ?, ?, ?, ?)", values).lastrowid or 0
            self._origins[output, origin] = found
        return found

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self._outputs.clear()  # rows that were made in vain
            self._origins.clear()
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        if len(self._origins) + len(self._outputs) > ORIGINS_MAX:
            self._outputs.clear()
            self._origins.clear()


def delete_output(db: sqlite3.Connection, token: bytes) -> None:
    """Delete all rows about an output, within a transaction. Raises sqlite3.Error."""
    for table in ("block", "origin"):
        mine = f"DELETE FROM {table} WHERE output = (SELECT id FROM output WHERE token = ?)"  # noqa: S608
        db.execute(mine, (token,))
    db.execute("DELETE FROM output WHERE token = ?", (token,))


def open_file(directory: Path, limits: Limits, *, boot: str = "") -> IndexFile:
    """Open the index in a state directory; begin it anew if it is not sound, or not of this `boot` (if that is given).

    Raises OSError and sqlite3.Error.
    """
    path = directory / FILE_NAME
    if path.exists() and not path.is_symlink():
        try:
            return IndexFile(_checked(path, boot), limits)
        except (sqlite3.Error, UnicodeError) as error:
            logger.warning("the index %s is not usable: %s; beginning a new one", path, error)
    delete(directory)
    _create(path, boot)
    return IndexFile(_checked(path, boot), limits)


def delete(directory: Path) -> None:
    """Delete the index in a state directory, if there is one. Raises OSError."""
    for suffix in _FILES:
        (directory / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)


def _create(path: Path, boot: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    db = _connect(path)
    try:
        db.executescript(f"PRAGMA journal_mode=WAL; BEGIN; {_TABLES} PRAGMA user_version={SCHEMA}; COMMIT;")
        db.execute("INSERT INTO boot VALUES (?)", (boot,))
    finally:
        db.close()


def _checked(path: Path, boot: str) -> sqlite3.Connection:
    db = _connect(path)
    try:
        _refuse_flaws(db, boot)
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(f"PRAGMA user_version={SCHEMA}")
        db.execute(_TIMES)
    except BaseException:
        db.close()
        raise
    return db


def _refuse_flaws(db: sqlite3.Connection, boot: str) -> None:
    """Raise sqlite3.DatabaseError for another version, or another boot."""
    [version] = db.execute("PRAGMA user_version").fetchone()
    if version not in SCHEMAS:
        raise sqlite3.DatabaseError(f"its version is {version}, and {SCHEMA} is known here")
    [was] = db.execute("SELECT id FROM boot").fetchone() or [""]
    if was != boot:
        raise sqlite3.DatabaseError("outputs are not synced, and this host was restarted, or that setting changed")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
