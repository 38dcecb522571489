"""What the files of shipper and sinks that remember have in common: a lock, and a version that is checked."""

import fcntl
import os
import sqlite3
from pathlib import Path

from logbus.errors import StateError


def lock(path: Path, flags: int, in_use: StateError) -> int:
    """Open a file or a directory, and lock it until the returned descriptor is closed.

    Raises `in_use` if another process has locked it, and OSError.
    """
    fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if isinstance(error, BlockingIOError):
            raise in_use from None
        raise
    return fd


def check(db: sqlite3.Connection, newest: int, cannot: str) -> int:
    """Return the version of a sound database's tables, 0 if there are none.

    Raises StateError (`cannot` do what) if a newer Logbus wrote it, sqlite3.DatabaseError if it is damaged.
    """
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > newest:
        raise StateError(cannot, f"its version is {version}, written by a newer Logbus", "upgrade Logbus")
    if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(verdict)
    return version
