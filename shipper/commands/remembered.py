"""What the registry remembers, held against the files there are now. For people: disturbs no shipper.

The registry is read without its lock and without writing, also while a shipper uses it: WAL shows a reader the last
transaction. A registry without a WAL beside it is in nobody's use, and is opened as one that does not change: SQLite
would otherwise make files that the shipper's user might not be able to write.
"""

import enum
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from logbus.config.settings import load
from logbus.errors import SourceError, StateError, UsageError
from shipper.files.archives import head_of, is_archive
from shipper.files.discovery import Siblings, regular
from shipper.files.opening import OpenFile, open_regular
from shipper.files.rotated_names import Kin
from shipper.files.space import content_end
from shipper.lives.comparing import Verdict, begins_like, recognise
from shipper.settings import Input, Settings
from shipper.state.registry import COLUMNS, Row, from_sql
from shipper.state.registry_file import ADDED, FILE_NAME, SCHEMA_VERSION, columns

WRONG_FILE = (Verdict.OTHER_FILE, Verdict.REPLACED)
ANY = Input(paths=["-"])


class Where(enum.Enum):
    """Where the file of a stream is now."""

    IN_PLACE = "in place"
    ROTATED = "rotated"
    DELETED = "deleted"
    GONE = "gone"
    REPLACED = "replaced"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a stream is. `path`: its file's present name; `since_s`: when it last got on, UTC seconds."""

    row: Row
    where: Where
    path: str
    size: int
    since_s: int

    @property
    def behind(self) -> int:
        """How many bytes of the file are not confirmed; of a deleted one, those that were published."""
        return max(0, self.size - self.row.offset)

    @property
    def nameless(self) -> bool:
        """Whether it is a life that is not over although its name is: the shipper holds on to it."""
        return self.where in (Where.ROTATED, Where.DELETED)

    def waiting_s(self, now_s: float) -> float:
        """Return for how long its oldest unconfirmed byte waits, at most; 0 if there is none."""
        return max(0.0, now_s - self.since_s) if self.behind else 0.0


def state_of(state: Path | None, config: Path | None) -> Path:
    """Return the state directory that is given, or that a configuration gives. Raises UsageError."""
    if bool(state) == bool(config):
        raise UsageError("find the registry", "one of --state and --config is needed", "see --help")
    if state:
        return state
    said = load(config, Settings).state if config else ""
    if not said:
        raise UsageError("find the registry", f"{config} gives no state, so nothing is remembered", "set state: DIR")
    return Path(said)


def remembered(state: Path) -> list[tuple[Row, int]]:
    """Return every stream, the oldest first, with the UTC second at which it last got on. Raises StateError."""
    path = state / FILE_NAME
    with _readable(path), closing(sqlite3.connect(_uri(path), uri=True)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StateError("read the registry", f"its version is {version}, written by a newer Logbus", "upgrade")
        missing = ADDED.keys() - columns(db)  # an older shipper may be using it
        wanted = ", ".join("NULL" if name in missing else name for name in COLUMNS.split(", "))
        found = db.execute(f"SELECT {wanted}, updated_s FROM streams ORDER BY rowid")  # noqa: S608 - our own columns
        return [(from_sql(values[:-1]), values[-1]) for values in found]


def standings(streams: Iterable[tuple[Row, int]]) -> Iterator[Standing]:
    """Yield how far each stream is now."""
    siblings, kin = Siblings(lambda _: ANY), Kin()
    for row, since_s in streams:
        yield _standing(row, since_s, siblings, kin)


def open_life(path: str) -> OpenFile:
    """Open a file to compare it with what is remembered; to be closed. Raises SourceError."""
    try:
        return open_regular(path)
    except OSError as error:
        raise SourceError(f"read {path}", error, "run this as the shipper's user") from error


def stream_of(file: OpenFile, rows: Iterable[Row]) -> tuple[Row, Verdict] | None:
    """Return the newest of the remembered streams that an open file is a life of, and what it is to it."""
    for row in reversed(list(rows)):
        verdict = recognise(file, row) if row.inode == file.id.inode else Verdict.OTHER_FILE
        if verdict not in WRONG_FILE:
            return row, verdict
    return None


def _standing(row: Row, since_s: int, siblings: Siblings, kin: Kin) -> Standing:
    if row.done:
        return Standing(row, Where.DONE, row.path, row.offset, since_s)
    status = regular(row.path)
    if status and status.st_ino == row.inode:
        size = _size_of(row.path, row, status.st_size)
        where = Where.REPLACED if size is None else Where.IN_PLACE
        return Standing(row, where, row.path, row.published if size is None else size, since_s)
    found = siblings.search(row)
    if found and (size := _size_of(found.path, row, found.status.st_size)) is not None:
        return Standing(row, Where.ROTATED, found.path, size, since_s)
    archive = next((each for each in kin.of(row.place) if is_archive(each) and begins_like(head_of(each), row)), "")
    where = Where.ROTATED if archive else Where.GONE if row.settled else Where.DELETED
    return Standing(row, where, archive, row.published, since_s)


def _size_of(path: str, row: Row, size: int) -> int | None:
    """Return how many of the `size` bytes of the file at `path` are content; None if it is another life."""
    try:
        file = open_life(path)
    except SourceError:
        return size  # we may not look into it
    try:
        if recognise(file, row) not in {Verdict.SAME, Verdict.LOST_UNCONFIRMED}:
            return None
        return content_end(file.fd, row.offset)
    finally:
        file.close()


def _uri(path: Path) -> str:
    in_use = os.path.exists(f"{path}-wal")  # noqa: PTH110 - a name beside it, as SQLite makes it
    return f"{path.absolute().as_uri()}?{'mode=ro' if in_use else 'immutable=1'}"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        path.stat()
        yield
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"read the registry {path}", error, "is that the shipper's state directory?") from error
