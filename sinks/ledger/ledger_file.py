"""The ledger's file: locked, created atomically, checked, upgraded.

A damaged ledger is refused, never replaced: with an empty one, redelivered records would be written twice.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from logbus import state_file
from logbus.errors import StateError

SCHEMA = 2
FILE_NAME = "ledger.sqlite"
RESCUE = "restore it from a backup, or move it away: then what RabbitMQ redelivers is written twice"

_TABLES = """
CREATE TABLE stream (
    id INTEGER PRIMARY KEY, user BLOB NOT NULL, host BLOB NOT NULL, stream BLOB NOT NULL, path BLOB NOT NULL,
    first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, trimmed_bytes INTEGER NOT NULL, UNIQUE (user, host, stream)
);
CREATE TABLE held (
    stream INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, PRIMARY KEY (stream, start)
) WITHOUT ROWID;
CREATE TABLE output (name BLOB PRIMARY KEY, length INTEGER NOT NULL, identity TEXT NOT NULL) WITHOUT ROWID;
"""
_SINCE_2 = """
CREATE TABLE finished (digest BLOB PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL) WITHOUT ROWID;
"""


def lock(directory: Path) -> int:
    """Create the state directory if needed, lock it, and return its descriptor. Raises StateError if it is in use."""
    cannot = f"use the state directory {directory}"
    hint = "stop that one, or give each sink a state directory of its own"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        in_use = StateError(cannot, "another sink process uses it", hint)
        return state_file.lock(directory, os.O_RDONLY | os.O_DIRECTORY, in_use)
    except OSError as error:
        raise StateError(cannot, error, "give this user write access") from error


def open_file(directory: Path | None) -> tuple[bool, sqlite3.Connection]:
    """Return True for a new ledger, and the open ledger; None: in memory. Raises StateError."""
    if directory is None:
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.executescript(_TABLES + _SINCE_2)
        return True, db
    path = directory / FILE_NAME
    is_new = not path.exists()
    try:
        if is_new:
            _create(path)
        return is_new, _check(path, sqlite3.connect(path, isolation_level=None))
    except (OSError, sqlite3.OperationalError) as error:
        raise StateError(
            f"open the ledger {path}", error, "give this user write access, and free some space"
        ) from error


def _create(path: Path) -> None:
    """Create an empty ledger atomically: a file without tables counts as damaged, not as new."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    with closing(sqlite3.connect(draft, isolation_level=None)) as db:
        db.executescript(f"PRAGMA synchronous=FULL; BEGIN; {_TABLES} {_SINCE_2} PRAGMA user_version={SCHEMA}; COMMIT;")
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def _check(path: Path, db: sqlite3.Connection) -> sqlite3.Connection:
    """Return `db`, ready for use; a damaged one is left exactly as it is."""
    try:
        schema = _refuse_flaws(path, db)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            db.execute(f"PRAGMA {pragma}")
        if schema < SCHEMA:
            db.executescript(f"BEGIN; {_SINCE_2} PRAGMA user_version={SCHEMA}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def _refuse_flaws(path: Path, db: sqlite3.Connection) -> int:
    """Return the schema of a sound ledger. Raises StateError."""
    try:
        schema = state_file.check(db, SCHEMA, f"open the ledger {path}")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise StateError(f"open the ledger {path}", f"it is damaged: {error}", RESCUE) from error
    if schema < 1:
        raise StateError(f"open the ledger {path}", "it is damaged: it has no tables", RESCUE)
    return schema
