"""Reads the index of a sink, for whoever searches its outputs: never creates it, never makes its writer wait.

What it says is checked as docs/index-format.md tells. An index that cannot be read is none: all bytes are read then.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from logbus.errors import WireError
from logbus.inode import generation_of
from sinks.index.names import FILE_NAME, SCHEMA, SCHEMAS, text_of, this_boot
from sinks.index.packing import unpacked
from sinks.index.place import COMPRESSIONS, token_of

LINES_MAX: Final = 16 << 20
"""No block has more; nobody's digits are decompressed beyond that."""
_BLOB_MAX_BYTES: Final = 64 << 20
_BUSY_S: Final = 0.2
_NARROW: Final = """
    id, begin, end, content_bytes, lines, first_read_us, last_read_us, first_event_us, last_event_us, settled,
    content_begin, first_line, before_us, counts"""
_OUTPUT: Final = """
SELECT id, compression, zone, settled_bytes, changed_us FROM output WHERE token = ? AND identity = ?
"""
_ROWS: Final = f"SELECT {_NARROW}, %s FROM block WHERE output = ? AND end <= ? ORDER BY begin"  # noqa: S608
_SUMMARY: Final = """
SELECT (SELECT count(*) FROM block WHERE output = ?1), count(*), max(end), min(first_event_us), max(last_event_us),
    min(begin) = 0 AND sum(end - begin) = max(end)
    AND count(*) = min(count(content_begin), count(first_line), count(first_event_us), count(last_event_us))
FROM block WHERE output = ?1 AND settled = 1 AND end <= ?2
"""
"""The index `block_times` has all that is asked for of settled rows; rows themselves are large."""
_MANY_BYTES: Final = (1 << 63) - 1
_GZIP: Final = COMPRESSIONS["gzip"]

Part = tuple[int, int, int, list[int]]
"""The id of its origin, the bytes [offset, end) of its stream, and how many lines of each severity begin in them."""
Hours = list[tuple[int, list[int]]]
"""Hours since 1970 in UTC, and how many records of each severity happened in each."""
_numbers: Final = msgspec.msgpack.Decoder(list[int])
_parts: Final = msgspec.msgpack.Decoder(list[Part])
_hours: Final = msgspec.msgpack.Decoder(Hours)


class Unusable(Exception):  # noqa: N818 - as in logbus.errors
    """An index is damaged, newer, or cannot be opened; its text says why."""


class Row(NamedTuple):
    """What is told of the bytes [begin, end) of an output; docs/index-format.md says what each column means."""

    id: int
    begin: int
    end: int
    content_bytes: int
    lines: int
    first_read_us: int
    last_read_us: int
    first_event_us: int | None
    last_event_us: int | None
    settled: int
    content_begin: int | None
    first_line: int | None
    before_us: int | None
    counts: bytes
    parts: bytes | None
    hours: bytes | None

    def severities(self) -> list[int]:
        """Return how many lines have each severity, 0 to 7. Raises Unusable."""
        found: list[int] = _decoded(_numbers, self.counts)
        return found

    def told_parts(self) -> list[Part] | None:
        """Return the parts, None if they are not told or were not read. Raises Unusable."""
        found: list[Part] | None = _decoded(_parts, self.parts)
        return found

    def told_hours(self) -> Hours | None:
        """Return the records of each hour, None if they are not told or were not read. Raises Unusable."""
        found: Hours | None = _decoded(_hours, self.hours)
        return found


class Summary(NamedTuple):
    """If rows leave nothing out: where the last one of an output ends, and when its first and last record happened."""

    end: int
    within_us: tuple[int, int] | None


class Name(NamedTuple):
    """The host and the label of records, "" if unknown."""

    host: str
    label: str


class Known(NamedTuple):
    """An output that the index knows: the id of its row, its token, and 0, 1 or 2 for none, zstd or gzip.

    `zone`: in which its settled rows tell times, "" if they do not hold; they are then as good as unsettled ones.
    """

    output: int
    token: bytes
    compression: int
    size_bytes: int
    zone: str


class Reader:
    """An open index; several threads may use it. Every method may raise Unusable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db, self._is_still = _opened(path)

    def known(self, fd: int) -> Known | None:
        """Return what the index knows an open file as, None if it does not."""
        token, status = token_of(fd), os.fstat(fd)
        identity = f"{status.st_ino:x}.{generation_of(fd) or 0:x}"
        for output, compression, zone, settled_bytes, changed_us in self._all(_OUTPUT, (token, identity)):
            is_gzip = compression == _GZIP
            holds = changed_us == status.st_mtime_ns // 1000 and (is_gzip or settled_bytes == status.st_size)
            size_bytes = _MANY_BYTES if is_gzip else status.st_size
            return Known(output, token, compression, size_bytes, zone or "" if holds else "")
        return None

    def rows(self, known: Known, *, parts: bool = False, hours: bool = False) -> list[Row]:
        """Return the rows that hold of an output, in order; parts and hours only if they are asked for."""
        wanted = f"{'parts' if parts else 'NULL'}, {'hours' if hours else 'NULL'}"
        found = [Row(*row) for row in self._all(_ROWS % wanted, (known.output, known.size_bytes))]
        return list(_sound(found))

    def summary(self, known: Known) -> Summary | None:
        """Return what all rows of an output tell together, None if it has none; they may be damaged."""
        [found] = self._all(_SUMMARY, (known.output, known.size_bytes))
        rows, settled, end, first_us, last_us, is_exact = found
        if is_exact and rows == settled and {*map(type, found)} == _INTEGERS:
            return Summary(end, (first_us, last_us))
        return Summary(0, None) if rows else None

    def names(self, known: Known) -> dict[int, Name]:
        """Return the host and label of each origin of an output, by its id."""
        rows = self._all("SELECT id, host, label FROM origin WHERE output = ?", (known.output,))
        return {number: Name(text_of(host), text_of(label)) for number, host, label in rows}

    def digits(self, block: int) -> bytes:
        """Return the digit of each line of a block, by its row's id; b"" if it is gone."""
        for (digits,) in self._all("SELECT digits FROM block WHERE id = ?", (block,)):
            try:
                return unpacked(bytes(digits), LINES_MAX)
            except WireError as error:
                raise Unusable(f"it is damaged: {error}") from error
        return b""

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _all(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Return what a query finds; again, if a writer began meanwhile."""
        with self._lock, _sqlite_errors():
            found = self._db.execute(query, values).fetchall()
            if self._is_still and _has_writer(self._path):
                self._db.close()
                self._db, self._is_still = _opened(self._path)
                found = self._db.execute(query, values).fetchall()
            return found


def opened(state: Path) -> Reader | None:
    """Open the index in a sink's state directory, None if there is none. Raises Unusable."""
    path = state / FILE_NAME
    if path.is_symlink():
        raise Unusable("it is a link")
    return Reader(path) if path.is_file() else None


def _opened(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Return a connection, and whether nobody writes: then nothing is locked, nor made beside it. Raises Unusable."""
    is_still = not _has_writer(path)
    name = quote(os.fsencode(path.absolute()))
    with _sqlite_errors():
        uri = f"file:{name}?mode=ro{'&immutable=1' if is_still else ''}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        with ExitStack() as leaving:
            leaving.callback(db.close)
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _BLOB_MAX_BYTES)
            _refuse_flaws(db)
            leaving.pop_all()
        return db, is_still


def _refuse_flaws(db: sqlite3.Connection) -> None:
    """Raise Unusable for another version, or if this host was restarted and outputs are not synced."""
    db.execute("PRAGMA trusted_schema=OFF")
    [version] = db.execute("PRAGMA user_version").fetchone()
    if version not in SCHEMAS:
        raise Unusable(f"its version is {version}, and {SCHEMA} is known here")
    db.execute(f"SELECT {_NARROW} FROM block LIMIT 0")  # noqa: S608 - raises if a column is missing
    [boot] = db.execute("SELECT id FROM boot").fetchone() or [""]
    if boot and boot != this_boot():
        raise Unusable("outputs are not synced, and this host was restarted")


def _has_writer(path: Path) -> bool:
    return os.path.exists(f"{path}-wal")  # noqa: PTH110 - asked for each query, and a path takes longer


@contextmanager
def _sqlite_errors() -> Iterator[None]:
    """Turn what SQLite raises into Unusable."""
    try:
        yield
    except (sqlite3.Error, UnicodeError) as error:
        raise Unusable(f"it cannot be read: {error}") from error


_INTEGERS: Final = {int}


def _sound(rows: list[Row]) -> Iterator[Row]:
    """Yield the rows that follow one another. Raises Unusable."""
    behind = 0
    for row in rows:
        if {*map(type, row[1:5])} != _INTEGERS or not behind <= row.begin < row.end:
            raise Unusable(f"it is damaged: a block at {row.begin!r}")
        behind = row.end
        yield row


def _decoded(decoder: msgspec.msgpack.Decoder[Any], data: bytes | None) -> Any:  # noqa: ANN401 - what the decoder is of
    try:
        return None if data is None else decoder.decode(data)
    except (msgspec.DecodeError, TypeError) as error:
        raise Unusable(f"it is damaged: {error}") from error
