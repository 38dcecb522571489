"""The remembered streams compared with the present files, for people. Disturbs no running shipper.

The registry is read without its lock and without writing, even while a shipper uses it: WAL shows a reader the last
transaction. A registry without a WAL beside it is not in use, and is opened as immutable: otherwise SQLite would create
files that the shipper's user might not be able to write.
"""

import enum
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from msgspec import Struct

from logbus.command_line.completion import directories
from logbus.config.settings import load
from logbus.errors import SourceError, StateError, UsageError
from shipper.files.archives import head_of, is_archive
from shipper.files.discovery import Siblings, regular
from shipper.files.opening import OpenFile, open_regular
from shipper.files.rotated_names import Kin
from shipper.files.space import content_end
from shipper.lives.comparing import Verdict, begins_like, recognise
from shipper.settings import Input, Settings
from shipper.state.registry import COLUMNS, Row, from_sql, signed
from shipper.state.registry_file import ADDED, FILE_NAME, SCHEMA_VERSION, columns

state_option = click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    shell_complete=directories,
    help="The shipper's state directory.",
)
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


class Standing(Struct, frozen=True):
    """The state of a stream. `path`: its file's present path; `since_s`: its last progress, in UTC seconds."""

    row: Row
    where: Where
    path: str
    size: int
    since_s: int

    @property
    def behind(self) -> int:
        """How many bytes of the file are not confirmed; of a deleted one, how many of those published."""
        return max(0, self.size - self.row.offset)

    @property
    def nameless(self) -> bool:
        """Whether its path no longer leads to it, but the life is not over: a shipper keeps it open."""
        return self.where in (Where.ROTATED, Where.DELETED)

    def waiting_s(self, now_s: float) -> float:
        """Return the longest that its oldest unconfirmed byte may have waited; 0 if there is none."""
        return max(0.0, now_s - self.since_s) if self.behind else 0.0


def state_of(state: Path | None, config: Path | None) -> Path:
    """Return the given state directory, or the one of a configuration. Raises UsageError."""
    if bool(state) == bool(config):
        raise UsageError("find the registry", "one of --state and --config is needed", "see --help")
    if state:
        return state
    configured = load(config, Settings).state if config else ""
    if not configured:
        raise UsageError("find the registry", f"{config} gives no state, so nothing is remembered", "set state: DIR")
    return Path(configured)


def remembered(state: Path, inode: int | None = None) -> list[tuple[Row, int]]:
    """Return every stream, oldest first, with the time of its last progress in UTC seconds. Raises StateError.

    With an `inode`, only those whose file has it, which takes no longer with many streams.
    """
    path = state / FILE_NAME
    with _readable(path), closing(sqlite3.connect(_uri(path), uri=True)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StateError("read the registry", f"its version is {version}, written by a newer Logbus", "upgrade")
        missing = ADDED.keys() - columns(db)  # an older shipper may be using it
        wanted = ", ".join("NULL" if name in missing else name for name in COLUMNS.split(", "))
        which, values = ("", ()) if inode is None else ("WHERE inode = ?", (signed(inode),))
        select = f"SELECT {wanted}, updated_s FROM streams {which} ORDER BY rowid"  # noqa: S608 - our own columns
        found = db.execute(select, values)
        return [(from_sql(each[:-1]), each[-1]) for each in found]


def fact(state: Path, name: str) -> str:
    """Return a fact that the registry holds, "" without one. Raises StateError."""
    path = state / FILE_NAME
    with _readable(path), closing(sqlite3.connect(_uri(path), uri=True)) as db:
        found = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""


def standings(streams: Iterable[tuple[Row, int]]) -> Iterator[Standing]:
    """Yield the present state of each stream."""
    siblings, kin = Siblings(lambda _: ANY), Kin()
    for row, since_s in streams:
        yield _standing(row, since_s, siblings, kin)


def open_life(path: str) -> OpenFile:
    """Open a file to compare it with remembered streams; the caller closes it. Raises SourceError."""
    try:
        return open_regular(path)
    except OSError as error:
        raise SourceError(f"read {path}", error, "run this as the shipper's user") from error


def stream_of(file: OpenFile, rows: Iterable[Row]) -> tuple[Row, Verdict] | None:
    """Return the newest remembered stream that an open file belongs to, and the verdict on it."""
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
    """Return how many of the file's `size` bytes are content; None if it holds another life."""
    try:
        file = open_life(path)
    except SourceError:
        return size  # we may not read it
    try:
        if recognise(file, row) not in {Verdict.SAME, Verdict.LOST_UNCONFIRMED}:
            return None
        return content_end(file.fd, row.offset)
    finally:
        file.close()


def _uri(path: Path) -> str:
    in_use = os.path.exists(f"{path}-wal")  # noqa: PTH110 - a path beside it, as SQLite forms it
    return f"{path.absolute().as_uri()}?{'mode=ro' if in_use else 'immutable=1'}"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        path.stat()
        yield
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"read the registry {path}", error, "is that the shipper's state directory?") from error
