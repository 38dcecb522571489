"""A sink's memory: which bytes of which stream are written, and how far each output is committed.

    missing() --> the sink writes --> add() --> the sink commits --> commit() --> acknowledge

`add` notes a range in memory only; `commit` makes all of them durable in one transaction, together with the outputs'
lengths; `rollback` forgets them. So the ledger never says more than the outputs hold, and on start whatever they hold
more is cut off.

Ranges, not the highest offset seen: a batch that was nacked arrives after its successors. Streams are told apart by the
AMQP user that RabbitMQ vouched for and the host, so nobody's forged position hides another's lines.

A damaged ledger is refused, never replaced: with an empty one, what is delivered again would be written twice.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from logbus.errors import StateError, WireError
from sinks.ranges import Range, Ranges
from sinks.sink import Mark

SCHEMA = 1
FILE_NAME = "ledger.sqlite"
SPAN_MAX_BYTES = 1 << 30
"""No honest batch stands for more of its source; a forged one cannot mark a whole file as written."""
OFFSET_MAX = (1 << 63) - 1
CACHED_IDS = 50_000
RESCUE = "restore it from a backup, or move it away: then what RabbitMQ delivers again is written twice"

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
_SAVE_STREAM = """
INSERT INTO stream (user, host, stream, path, first_us, last_us, trimmed_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (user, host, stream) DO UPDATE SET
    path = excluded.path, last_us = excluded.last_us, trimmed_bytes = trimmed_bytes + excluded.trimmed_bytes
RETURNING id
"""
_NEAR = """
SELECT start, end FROM held WHERE stream = :stream AND start <= :end AND
    start >= ifnull((SELECT max(start) FROM held WHERE stream = :stream AND start <= :offset), :offset)
"""


class LedgerUnsaved(StateError):  # noqa: N818 - as in logbus.errors
    """The ledger cannot be saved now (disk full, I/O error); what it was to note is kept."""

    retryable = True


class Source(NamedTuple):
    """Whose stream: the AMQP user that RabbitMQ vouched for ("": nobody), the host and the stream's id."""

    user: str
    host: str
    stream: str


@dataclass(slots=True)
class _Fresh:
    """What is new about a stream since the last commit."""

    ranges: Ranges = field(default_factory=Ranges)
    path: str = ""
    trimmed_bytes: int = 0


class Ledger:
    """The ledger in `directory`, which no other process may use meanwhile; None: in memory.

    Raises StateError if the directory is in use, or if the ledger in it is damaged or of a newer version. Every method
    raises LedgerUnsaved when the file cannot be read or written now, StateError when it turns out to be damaged.
    """

    def __init__(self, directory: Path | None) -> None:
        self._lock = _lock(directory) if directory else -1
        try:
            self.is_new, self._db = _open(directory)
            with _trouble():
                rows = self._db.execute("SELECT name, length, identity FROM output").fetchall()
        except BaseException:
            self._unlock()
            raise
        self._marks = {text_of(name): Mark(length, identity) for name, length, identity in rows}
        self._ids: dict[Source, int] = {}
        self._fresh: dict[Source, _Fresh] = {}

    def marks(self) -> dict[str, Mark]:
        """Return how far each output is committed."""
        return dict(self._marks)

    def missing(self, source: Source, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) not written yet. Raises WireError for a range that no file can have."""
        if not (0 <= offset <= end <= OFFSET_MAX and end - offset <= SPAN_MAX_BYTES):
            raise WireError(f"the range from {offset} to {end} is absurd")
        with _trouble():
            stream_id = self._id(source)
            parts = [(offset, end)] if stream_id is None else self._near(stream_id, offset, end).missing(offset, end)
        fresh = self._fresh.get(source)
        return [gap for part in parts for gap in fresh.ranges.missing(*part)] if fresh else parts

    def knows(self, source: Source) -> bool:
        """Tell whether anything of this stream was written."""
        fresh = self._fresh.get(source)
        with _trouble():
            return bool(fresh and fresh.ranges) or self._id(source) is not None

    def gap_before(self, source: Source, offset: int) -> int:
        """Return how many bytes before `offset` are missing, back to the last one written."""
        gaps = self.missing(source, max(0, offset - SPAN_MAX_BYTES), offset)
        return gaps[-1][1] - gaps[-1][0] if gaps and gaps[-1][1] == offset else 0

    def add(self, source: Source, path: str, written: Range) -> None:
        """Note that the sink wrote this range of the stream, which now goes by the name `path`."""
        fresh = self._fresh.setdefault(source, _Fresh())
        fresh.ranges.add(*written)
        fresh.path = path

    def trimmed(self, source: Source, count_bytes: int) -> None:
        """Count bytes that came again and were not written again; saved with the stream's next range."""
        if count_bytes:
            self._fresh.setdefault(source, _Fresh()).trimmed_bytes += count_bytes

    def rollback(self) -> None:
        """Forget every range since the last commit."""
        self._fresh.clear()

    def remember(self, output: str, mark: Mark) -> None:
        """Note durably, at once, how far an output went before its first write."""
        with self._transaction():
            self._save_mark(output, mark)
        self._marks[output] = mark

    def commit(self, marks: Mapping[str, Mark]) -> None:
        """Make the ranges since the last commit durable, with the marks; after LedgerUnsaved, call it again."""
        fresh = {source: each for source, each in self._fresh.items() if each.ranges}
        if not fresh and marks == self._marks:
            return
        with self._transaction():
            ids = {source: self._save_stream(source, each) for source, each in fresh.items()}
            for name in self._marks.keys() - marks.keys():
                self._db.execute("DELETE FROM output WHERE name = ?", (_key(name),))
            for name, mark in marks.items():
                if self._marks.get(name) != mark:
                    self._save_mark(name, mark)
        self._marks = dict(marks)
        for source in fresh:
            del self._fresh[source]
        if len(self._ids) > CACHED_IDS:
            self._ids.clear()
        self._ids.update(ids)

    def close(self) -> None:
        """Release the file and the lock; what is not committed is forgotten."""
        self._db.close()
        self._unlock()

    def _id(self, source: Source) -> int | None:
        if source not in self._ids:
            query = "SELECT id FROM stream WHERE user = ? AND host = ? AND stream = ?"
            found = self._db.execute(query, [_key(part) for part in source]).fetchone()
            if not found:
                return None
            self._ids[source] = found[0]
        return self._ids[source]

    def _near(self, stream_id: int, offset: int, end: int) -> Ranges:
        """Return the held ranges that overlap or touch [offset, end), and perhaps the one before."""
        return Ranges(self._db.execute(_NEAR, {"stream": stream_id, "offset": offset, "end": end}))

    def _save_stream(self, source: Source, fresh: _Fresh) -> int:
        now_us = time.time_ns() // 1000
        values = (*map(_key, source), _key(fresh.path), now_us, now_us, fresh.trimmed_bytes)
        (stream_id,) = self._db.execute(_SAVE_STREAM, values).fetchone()
        for part in fresh.ranges:
            start, end = self._near(stream_id, *part).add(*part)
            self._db.execute("DELETE FROM held WHERE stream = ? AND start BETWEEN ? AND ?", (stream_id, start, end))
            self._db.execute("INSERT INTO held VALUES (?, ?, ?)", (stream_id, start, end))
        return int(stream_id)

    def _save_mark(self, name: str, mark: Mark) -> None:
        self._db.execute("INSERT OR REPLACE INTO output VALUES (?, ?, ?)", (_key(name), mark.length, mark.identity))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _trouble():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error:
                with suppress(sqlite3.Error):  # it may have been rolled back already
                    self._db.execute("ROLLBACK")
                raise

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise LedgerUnsaved("use the ledger", error, "free some space: it goes on by itself") from error
    except sqlite3.DatabaseError as error:
        raise StateError("use the ledger", error, RESCUE) from error


def _key(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def text_of(key: bytes) -> str:
    """Return the text that a key stands for; any surrogates in it survive the round trip."""
    return key.decode("utf-8", "surrogatepass")


def _lock(directory: Path) -> int:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StateError(f"use the state directory {directory}", error, "give this user write access") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        hint = "stop that one, or give each sink a state directory of its own"
        raise StateError(f"use the state directory {directory}", "another sink process uses it", hint) from error
    return fd


def _open(directory: Path | None) -> tuple[bool, sqlite3.Connection]:
    """Return whether the ledger is new, and the ledger."""
    if directory is None:
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.executescript(_TABLES)
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
    """Make an empty ledger that appears whole or not at all: a file without tables is damage, not a beginning."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    with closing(sqlite3.connect(draft, isolation_level=None)) as db:
        db.executescript(f"PRAGMA synchronous=FULL; BEGIN; {_TABLES} PRAGMA user_version={SCHEMA}; COMMIT;")
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def _check(path: Path, db: sqlite3.Connection) -> sqlite3.Connection:
    """Return `db`, ready for use; one that is damaged is left exactly as it is."""
    try:
        _refuse_flaws(path, db)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            db.execute(f"PRAGMA {pragma}")
    except BaseException:
        db.close()
        raise
    return db


def _refuse_flaws(path: Path, db: sqlite3.Connection) -> None:
    try:
        (schema,) = db.execute("PRAGMA user_version").fetchone()
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        schema, verdict = SCHEMA, error
    if schema > SCHEMA:
        raise StateError(f"open the ledger {path}", "a newer Logbus wrote it", "upgrade this one")
    if schema < SCHEMA:
        verdict = "it has no tables"
    if verdict != "ok":
        raise StateError(f"open the ledger {path}", f"it is damaged: {verdict}", RESCUE)
