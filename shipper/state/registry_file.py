"""The registry's file: locked, checked, and set aside if it is damaged or not ours. Never deleted."""

import logging
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from logbus import state_file
from logbus.errors import StateError

logger = logging.getLogger("shipper.registry")

FILE_NAME = "registry.sqlite"
APPLICATION_ID = 0x4C427368  # "LBsh"
SCHEMA_VERSION = 1
HEADER_BYTES = 100  # of SQLite, which treats a shorter file as a new database

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
BEGIN;
CREATE TABLE streams (
    stream TEXT PRIMARY KEY, device INTEGER, inode INTEGER, generation INTEGER, path BLOB,
    offset INTEGER, mark BLOB, published INTEGER, published_mark BLOB, head_length INTEGER, head BLOB,
    done INTEGER, updated_s INTEGER, real_path BLOB, settled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX streams_by_inode ON streams (inode);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
COMMIT;
"""
ADDED = {"real_path": "BLOB", "settled": "INTEGER NOT NULL DEFAULT 0"}
"""Columns added to version 1 later: an older Logbus ignores them, and they keep their defaults."""
_PASSING = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
}  # fmt: skip


def open_file(directory: Path) -> tuple[int, sqlite3.Connection]:
    """Return a descriptor that locks other shippers out of the directory, and the registry in it.

    Raises StateError if the directory cannot be used, another shipper uses it, or a newer Logbus wrote the registry.
    """
    cannot = f"use the state directory {directory}"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        in_use = StateError(cannot, "another shipper uses it", "give each shipper its own --state")
        fd = state_file.lock(directory / "lock", os.O_RDWR | os.O_CREAT, in_use)
        try:
            return fd, _open(directory / FILE_NAME)
        except BaseException:
            os.close(fd)
            raise
    except (OSError, sqlite3.Error) as error:
        raise StateError(cannot, error, "it must be writable by this user, and its disk must have room") from error


def _open(path: Path) -> sqlite3.Connection:
    """Open the registry; set it aside if it is damaged or not ours."""
    known = path.exists()
    if known and path.stat().st_size < HEADER_BYTES:
        _set_aside(path, "it is truncated")
    try:
        return connect(str(path))
    except sqlite3.DatabaseError as error:
        if not known or _may_pass(error):
            raise
        _set_aside(path, str(error))
    return connect(str(path))


def _may_pass(error: sqlite3.DatabaseError) -> bool:
    """Return True if an error is not the registry's own fault: a full disk, no permission, an I/O error."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in _PASSING and code != sqlite3.SQLITE_IOERR_SHORT_READ


def connect(path: str) -> sqlite3.Connection:
    """Return a checked connection with our tables. Raises sqlite3.DatabaseError if the file is damaged or not ours."""
    old_umask = os.umask(0o077)
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        try:
            _prepare(db)
        except BaseException:
            db.close()
            raise
    finally:
        os.umask(old_umask)
    return db


def _prepare(db: sqlite3.Connection) -> None:
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    fresh = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not fresh and owner != APPLICATION_ID:
        raise sqlite3.DatabaseError("it is not a registry")
    state_file.check(db, SCHEMA_VERSION, "use the registry")
    db.execute("PRAGMA journal_mode = WAL")
    if fresh:
        db.executescript(_SCHEMA)
    for name in ADDED.keys() - columns(db):
        db.execute(f"ALTER TABLE streams ADD COLUMN {name} {ADDED[name]}")


def columns(db: sqlite3.Connection) -> set[str]:
    """Return the columns of the table of streams: an older Logbus created fewer."""
    return {name for _, name, *_ in db.execute("PRAGMA table_info(streams)")}


def _set_aside(path: Path, cause: str) -> None:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"registry.corrupt-{stamp}")
    while target.exists():
        target = target.with_name(f"{target.name}x")
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(target.with_name(target.name + suffix))
    logger.error(
        "the registry is damaged (%s): kept as %s; all files are read from their start again, and file sinks skip "
        "what they already have",
        cause,
        target,
    )
