"""The outputs of one file sink, as its index has to know them."""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Final

from msgspec import Struct

from logbus.errors import StateError
from logbus.eventtime import host_zone, portable_name
from sinks.file import template
from sinks.file.settings import Settings
from sinks.index.index import boot_of
from sinks.ledger.ledger_file import FILE_NAME
from sinks.search.asking import Source
from sinks.settling.opened import Heard, Opened, open_output
from sinks.settling.settling import rows_of
from sinks.settling.store import Store

LOCK: Final = "index.lock"


class Archive(Struct, frozen=True):
    """What a file sink with these settings and this state directory has written; `zone`: of times that state none."""

    settings: Settings
    state: Path
    zone: tzinfo

    @property
    def base(self) -> Path:
        """The directory beneath which all outputs are."""
        return template.parse(self.settings.path).base

    def open(self, source: Source) -> Opened | None:
        """Open an output; None if it is gone, or can have no token. Raises OSError."""
        return open_output(self.base, str(source.path.relative_to(self.base)), committed(self.state))

    def settle(self, store: Store, opened: Opened, heard: Heard) -> int:
        """Replace the rows of an output by settled ones; return how many, or -1 if it has changed meanwhile.

        Raises SourceError, OSError and sqlite3.Error.
        """
        opened = opened if opened.finished else store.bounded(opened)
        rows = rows_of(opened, store.old(opened), self.settings.format, self.zone, heard)
        return store.save(opened, rows, self.zone_name)

    @property
    def zone_name(self) -> str:
        """The name of the zone by which readers know it."""
        return portable_name(self.zone, 0)


def archive_of(settings: Settings, state: Path) -> Archive:
    """Return the archive of a sink; times that state no zone are of this host."""
    return Archive(settings, state, host_zone())


@contextmanager
def opened_store(archive: Archive) -> Iterator[Store]:
    """Open the index of an archive, for one process at a time. Raises StateError."""
    cannot = f"use the index in {archive.state}"
    try:
        lock = os.open(archive.state / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(cannot, error, "does the sink run here, as this user?") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with closing(Store(archive.state, boot_of(synced=archive.settings.sync == "commit"))) as store:
            yield store
    except BlockingIOError:
        raise StateError(cannot, "another process is settling its outputs", "try again in a minute") from None
    except sqlite3.Error as error:
        raise StateError(cannot, error, "try again, or delete index.db while the sink is stopped") from error
    finally:
        os.close(lock)


def committed(state: Path) -> Callable[[str], int | None]:
    """Return what tells how many bytes of an identity the ledger has committed; None if unknown. Raises StateError."""
    path = state / FILE_NAME
    if not path.exists():
        return lambda _identity: None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db:
            found: dict[str, int] = dict(db.execute("SELECT identity, length FROM output").fetchall())
    except sqlite3.Error as error:
        raise StateError(f"read the ledger {path}", error, "is that the sink's state directory?") from error
    return found.get
