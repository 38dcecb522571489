"""A sink's memory: which bytes of which stream are written, and how far each output is committed.

    missing() --> the sink writes --> add() --> the sink commits --> commit() --> acknowledge

`add` notes a range in memory only; `commit` makes all of them durable in one transaction, together with the outputs'
lengths; `rollback` forgets them. So the ledger never says more than the outputs hold, and on start whatever they hold
more is cut off.

Ranges, not the highest offset seen: a batch that was nacked arrives after its successors. Streams are told apart by the
AMQP user that RabbitMQ vouched for and the host, so nobody's forged position hides another's lines.

A stream to which nothing was written for long, and which has no hole, can be put away: what is left of it is a digest
of who it is, and its range. So it is still known when it comes again, whoever kept it for so long.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from logbus.errors import StateError, WireError
from sinks.ledgerfile import RESCUE, lock, open_file
from sinks.ranges import Range, Ranges
from sinks.sink import Mark

SPAN_MAX_BYTES = 1 << 30
"""No honest batch stands for more of its source; a forged one cannot mark a whole file as written."""
OFFSET_MAX = (1 << 63) - 1
CACHED_IDS = 50_000
PUT_AWAY_EVERY_S = 3600.0
PUT_AWAY_AT_ONCE = 10_000

_SAVE_STREAM = """
INSERT INTO stream (user, host, stream, path, first_us, last_us, trimmed_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (user, host, stream) DO UPDATE SET
    path = excluded.path, last_us = excluded.last_us, trimmed_bytes = trimmed_bytes + excluded.trimmed_bytes
RETURNING id
"""
_SAVE_TRIMMED = """
UPDATE stream SET trimmed_bytes = trimmed_bytes + ? WHERE user = ? AND host = ? AND stream = ?
"""
_WHOLE_SINCE = """
SELECT id, user, host, stream.stream, min(start), max(end) FROM stream JOIN held ON held.stream = id
WHERE last_us <= ? GROUP BY id HAVING count(*) = 1 LIMIT ?
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

    `put_away_s`: a stream without a hole, to which nothing was written for so many seconds, is put away; None: never.
    Raises StateError if the directory is in use, or if the ledger in it is damaged or of a newer version. Every method
    raises LedgerUnsaved when the file cannot be read or written now, StateError when it turns out to be damaged.
    """

    def __init__(self, directory: Path | None, put_away_s: float | None = None) -> None:
        self._lock = lock(directory) if directory else -1
        try:
            self.is_new, self._db = open_file(directory)
            with _trouble():
                rows = self._db.execute("SELECT name, length, identity FROM output").fetchall()
        except BaseException:
            self._unlock()
            raise
        self._marks = {text_of(name): Mark(length, identity) for name, length, identity in rows}
        self._ids: dict[Source, int] = {}
        self._fresh: dict[Source, _Fresh] = {}
        self._put_away_s = put_away_s
        self._put_away_at = 0.0 if put_away_s is not None else float("inf")

    def marks(self) -> dict[str, Mark]:
        """Return how far each output is committed."""
        return dict(self._marks)

    def missing(self, source: Source, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) not written yet. Raises WireError for a range that no file can have."""
        if not (0 <= offset <= end <= OFFSET_MAX and end - offset <= SPAN_MAX_BYTES):
            raise WireError(f"the range from {offset} to {end} is absurd")
        with _trouble():
            stream_id = self._id(source)
            held = self._finished(source) if stream_id is None else self._near(stream_id, offset, end)
        parts = held.missing(offset, end)
        fresh = self._fresh.get(source)
        return [gap for part in parts for gap in fresh.ranges.missing(*part)] if fresh else parts

    def knows(self, source: Source) -> bool:
        """Tell whether anything of this stream was written."""
        fresh = self._fresh.get(source)
        with _trouble():
            return bool(fresh and fresh.ranges) or self._id(source) is not None or bool(self._finished(source))

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
        """Count bytes that came again and were not written again."""
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
        if self._fresh or marks != self._marks:
            self._save(marks)
        if time.monotonic() >= self._put_away_at:
            self._put_away_at = time.monotonic() + PUT_AWAY_EVERY_S
            self._put_away()

    def close(self) -> None:
        """Release the file and the lock; what is not committed is forgotten."""
        self._db.close()
        self._unlock()

    def _save(self, marks: Mapping[str, Mark]) -> None:
        ids = {}
        with self._transaction():
            for source, fresh in self._fresh.items():
                if fresh.ranges:
                    ids[source] = self._save_stream(source, fresh)
                else:
                    self._db.execute(_SAVE_TRIMMED, (fresh.trimmed_bytes, *map(_key, source)))
            for name in self._marks.keys() - marks.keys():
                self._db.execute("DELETE FROM output WHERE name = ?", (_key(name),))
            for name, mark in marks.items():
                if self._marks.get(name) != mark:
                    self._save_mark(name, mark)
        self._marks = dict(marks)
        self._fresh.clear()
        if len(self._ids) > CACHED_IDS:
            self._ids.clear()
        self._ids.update(ids)

    def _put_away(self) -> None:
        """Make streams digests. One that goes on is a stream again, see `_save_stream`."""
        before_us = time.time_ns() // 1000 - int((self._put_away_s or 0) * 1e6)
        with self._transaction():
            for stream_id, *source, start, end in self._db.execute(
                _WHOLE_SINCE, (before_us, PUT_AWAY_AT_ONCE)
            ).fetchall():
                self._db.execute("INSERT INTO finished VALUES (?, ?, ?)", (_digest(source), start, end))
                self._db.execute("DELETE FROM held WHERE stream = ?", (stream_id,))
                self._db.execute("DELETE FROM stream WHERE id = ?", (stream_id,))
        self._ids.clear()

    def _finished(self, source: Source) -> Ranges:
        """Return the range that is left of a stream that was put away."""
        query = "SELECT start, end FROM finished WHERE digest = ?"
        return Ranges(self._db.execute(query, (_digest(map(_key, source)),)))

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
        finished = [] if source in self._ids else list(self._finished(source))
        if finished:
            self._db.execute("DELETE FROM finished WHERE digest = ?", (_digest(map(_key, source)),))
        for part in [*finished, *fresh.ranges]:
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


def _digest(source: Iterable[bytes]) -> bytes:
    """Return who a stream is, in 16 bytes that nobody can make another's collide with."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in source)).digest()[:16]


def text_of(key: bytes) -> str:
    """Return the text that a key stands for; any surrogates in it survive the round trip."""
    return key.decode("utf-8", "surrogatepass")
