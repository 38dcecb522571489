"""A sink's memory: the written bytes of each stream, and the committed length of each output.

    missing() --> the sink writes --> add() --> the sink commits --> commit() --> acknowledge

`add` records a range in memory only; `commit` makes all of them durable in one transaction, together with the lengths
of the outputs; `rollback` forgets them. So the ledger never claims more than the outputs have, and on start anything
the outputs have beyond it is cut off.

It keeps ranges, not the highest offset: a batch that was nacked arrives after its successors. Streams are distinguished
by the host and the AMQP user that RabbitMQ vouched for, so that no forged position hides another user's lines.

A stream without a hole that was not written to for a long time can be put away: only a digest of its identity and its
range remain. So the stream is still recognised if it is redelivered, however late.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from logbus.errors import StateError, WireError
from sinks.ledger.ledger_file import RESCUE, lock, open_file
from sinks.ledger.ranges import Range, Ranges
from sinks.sink import Mark

SPAN_MAX_BYTES = 1 << 30
"""No genuine batch covers more of its source, and a forged one cannot claim a whole file as written."""
OFFSET_MAX = (1 << 63) - 1
CACHED_STREAMS = 50_000
PUT_AWAY_EVERY_S = 3600.0
PUT_AWAY_AT_ONCE = 10_000

_SAVE_STREAM = """
INSERT INTO stream (user, host, stream, path, first_us, last_us, trimmed_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (user, host, stream) DO UPDATE SET
    path = excluded.path, last_us = excluded.last_us, trimmed_bytes = trimmed_bytes + excluded.trimmed_bytes
RETURNING id
"""
_TOUCH_STREAM = "UPDATE stream SET path = ?, last_us = ?, trimmed_bytes = trimmed_bytes + ? WHERE id = ?"
_GROW = "UPDATE held SET end = ? WHERE stream = ? AND start = ?"
_SAVE_TRIMMED = """
UPDATE stream SET trimmed_bytes = trimmed_bytes + ? WHERE user = ? AND host = ? AND stream = ?
"""
_KNOWN = """
SELECT id, start, end FROM stream JOIN held ON held.stream = id WHERE user = ? AND host = ? AND stream.stream = ?
ORDER BY start DESC LIMIT 1
"""
_LAST = "SELECT start, end FROM held WHERE stream = ? ORDER BY start DESC LIMIT 1"
_WHOLE_SINCE = """
SELECT id, user, host, stream.stream, min(start), max(end) FROM stream JOIN held ON held.stream = id
WHERE last_us <= ? GROUP BY id HAVING count(*) = 1 LIMIT ?
"""
_NEAR = """
SELECT start, end FROM held WHERE stream = :stream AND start <= :end AND
    start >= ifnull((SELECT max(start) FROM held WHERE stream = :stream AND start <= :offset), :offset)
"""


class LedgerUnsaved(StateError):  # noqa: N818 - as in logbus.errors
    """The ledger cannot be saved now (disk full, I/O error); unsaved ranges are kept in memory."""

    retryable = True


class Source(NamedTuple):
    """The identity of a stream: the AMQP user that RabbitMQ vouched for ("": none), the host and the stream's id."""

    user: str
    host: str
    stream: str


class _Known(NamedTuple):
    """A stream in the file: its row, and its last written range. Most batches continue where that ends."""

    id: int
    start: int
    end: int

    def missing(self, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) not written yet; `offset` must not be before the last range."""
        return [(max(offset, self.end), end)] if self.end < end else []

    def grown(self, ranges: Ranges) -> "_Known | None":
        """Return the stream with `ranges` added, if that is one range that starts within the last one or at its end."""
        ((start, end), *others) = ranges
        return None if others or not self.start <= start <= self.end else self._replace(end=max(end, self.end))


@dataclass(slots=True)
class _Fresh:
    """Changes of a stream since the last commit."""

    ranges: Ranges = field(default_factory=Ranges)
    path: str = ""
    trimmed_bytes: int = 0


class Ledger:
    """The ledger in `directory`, which this process locks; None: in memory.

    `put_away_s`: a stream without a hole is put away if nothing was written to it for this many seconds; None: never.
    Raises StateError if the directory is in use, or if its ledger is damaged or of a newer version. Every method raises
    LedgerUnsaved when the file cannot be read or written now, StateError when it proves to be damaged.
    """

    def __init__(self, directory: Path | None, put_away_s: float | None = None) -> None:
        self._lock = lock(directory) if directory else -1
        with ExitStack() as opened:
            opened.callback(self._unlock)
            self.is_new, self._db = open_file(directory)
            opened.callback(self._db.close)
            with _trouble():
                rows = self._db.execute("SELECT name, length, identity FROM output").fetchall()
            opened.pop_all()
        self._marks = {text_of(name): Mark(length, identity) for name, length, identity in rows}
        self._known: dict[Source, _Known] = {}
        self._fresh: dict[Source, _Fresh] = {}
        self._put_away_s = put_away_s
        self._put_away_at = 0.0 if put_away_s is not None else float("inf")

    def marks(self) -> dict[str, Mark]:
        """Return the committed mark of each output."""
        return dict(self._marks)

    def missing(self, source: Source, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) not written yet. Raises WireError for an impossible range."""
        if not (0 <= offset <= end <= OFFSET_MAX and end - offset <= SPAN_MAX_BYTES):
            raise WireError(f"the range from {offset} to {end} is absurd")
        known = self._known.get(source)
        if known and known.start <= offset:
            parts = known.missing(offset, end)
        else:
            with _trouble():
                known = self._find(source)
                held = self._near(known.id, offset, end) if known else self._finished(source)
            parts = held.missing(offset, end)
        fresh = self._fresh.get(source)
        return [gap for part in parts for gap in fresh.ranges.missing(*part)] if fresh else parts

    def knows(self, source: Source) -> bool:
        """Return True if anything of this stream was written."""
        fresh = self._fresh.get(source)
        with _trouble():
            return bool(fresh and fresh.ranges) or self._find(source) is not None or bool(self._finished(source))

    def gap_before(self, source: Source, offset: int) -> int:
        """Return the number of bytes missing before `offset`, back to the last written one."""
        gaps = self.missing(source, max(0, offset - SPAN_MAX_BYTES), offset)
        return gaps[-1][1] - gaps[-1][0] if gaps and gaps[-1][1] == offset else 0

    def add(self, source: Source, path: str, written: Range) -> None:
        """Record that the sink wrote this range of the stream, whose path is now `path`."""
        fresh = self._fresh.get(source)
        if not fresh:
            fresh = self._fresh[source] = _Fresh()
        fresh.ranges.add(*written)
        fresh.path = path

    def trimmed(self, source: Source, count_bytes: int) -> None:
        """Count redelivered bytes that were skipped."""
        if count_bytes:
            self._fresh.setdefault(source, _Fresh()).trimmed_bytes += count_bytes

    def rollback(self) -> None:
        """Forget every range since the last commit."""
        self._fresh.clear()

    def remember(self, output: str, mark: Mark) -> None:
        """Save the mark of an output at once, before its first write."""
        with self._transaction():
            self._save_marks({output: mark})
        self._marks[output] = mark

    def commit(self, marks: Mapping[str, Mark]) -> None:
        """Make the ranges since the last commit durable, with the marks; after LedgerUnsaved, call this again."""
        if self._fresh or marks != self._marks:
            self._save(marks)
        if time.monotonic() >= self._put_away_at:
            self._put_away_at = time.monotonic() + PUT_AWAY_EVERY_S
            self._put_away()

    def close(self) -> None:
        """Close the file and release the lock; uncommitted ranges are forgotten."""
        self._db.close()
        self._unlock()

    def _save(self, marks: Mapping[str, Mark]) -> None:
        with self._transaction():
            known = self._save_streams()
            gone = [(_key(name),) for name in self._marks.keys() - marks.keys()]
            self._db.executemany("DELETE FROM output WHERE name = ?", gone)
            old = self._marks
            moved = {name: mark for name, mark in marks.items() if name not in old or old[name] is not mark}
            self._save_marks({name: mark for name, mark in moved.items() if old.get(name) != mark})
        self._marks = dict(marks)
        self._fresh.clear()
        if len(self._known) > CACHED_STREAMS:
            self._known.clear()
        self._known.update(known)

    def _save_streams(self) -> dict[Source, _Known]:
        """Save the changes of each stream; return the new state of those that were written to."""
        now_us = time.time_ns() // 1000
        known, touched, grown_by = {}, [], []
        for source, fresh in self._fresh.items():
            before = self._known.get(source)
            if not fresh.ranges:
                self._db.execute(_SAVE_TRIMMED, (fresh.trimmed_bytes, *map(_key, source)))
            elif before and (grown := before.grown(fresh.ranges)):
                known[source] = grown
                touched.append((_key(fresh.path), now_us, fresh.trimmed_bytes, grown.id))
                grown_by.append((grown.end, grown.id, grown.start))
            else:
                known[source] = self._save_stream(source, fresh, now_us)
        self._db.executemany(_TOUCH_STREAM, touched)
        self._db.executemany(_GROW, grown_by)
        return known

    def _put_away(self) -> None:
        """Reduce idle streams to digests. One that continues becomes a stream again, see `_save_stream`."""
        before_us = time.time_ns() // 1000 - int((self._put_away_s or 0) * 1e6)
        with self._transaction():
            for stream_id, *source, start, end in self._db.execute(
                _WHOLE_SINCE, (before_us, PUT_AWAY_AT_ONCE)
            ).fetchall():
                self._db.execute("INSERT INTO finished VALUES (?, ?, ?)", (_digest(source), start, end))
                self._db.execute("DELETE FROM held WHERE stream = ?", (stream_id,))
                self._db.execute("DELETE FROM stream WHERE id = ?", (stream_id,))
        self._known.clear()

    def _finished(self, source: Source) -> Ranges:
        """Return the range of a stream that was put away."""
        query = "SELECT start, end FROM finished WHERE digest = ?"
        return Ranges(self._db.execute(query, (_digest(map(_key, source)),)))

    def _find(self, source: Source) -> _Known | None:
        if source not in self._known:
            found = self._db.execute(_KNOWN, [_key(part) for part in source]).fetchone()
            if not found:
                return None
            self._known[source] = _Known(*found)
        return self._known[source]

    def _near(self, stream_id: int, offset: int, end: int) -> Ranges:
        """Return the written ranges that overlap or touch [offset, end), and perhaps the one before."""
        return Ranges(self._db.execute(_NEAR, {"stream": stream_id, "offset": offset, "end": end}))

    def _save_stream(self, source: Source, fresh: _Fresh, now_us: int) -> _Known:
        values = (*map(_key, source), _key(fresh.path), now_us, now_us, fresh.trimmed_bytes)
        (stream_id,) = self._db.execute(_SAVE_STREAM, values).fetchone()
        finished = [] if source in self._known else list(self._finished(source))
        if finished:
            self._db.execute("DELETE FROM finished WHERE digest = ?", (_digest(map(_key, source)),))
        for part in [*finished, *fresh.ranges]:
            start, end = self._near(stream_id, *part).add(*part)
            self._db.execute("DELETE FROM held WHERE stream = ? AND start BETWEEN ? AND ?", (stream_id, start, end))
            self._db.execute("INSERT INTO held VALUES (?, ?, ?)", (stream_id, start, end))
        return _Known(stream_id, *self._db.execute(_LAST, (stream_id,)).fetchone())

    def _save_marks(self, marks: Mapping[str, Mark]) -> None:
        rows = [(_key(name), mark.length, mark.identity) for name, mark in marks.items()]
        self._db.executemany("INSERT OR REPLACE INTO output VALUES (?, ?, ?)", rows)

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
        raise LedgerUnsaved("use the ledger", error, "free some space: it resumes by itself") from error
    except sqlite3.DatabaseError as error:
        raise StateError("use the ledger", error, RESCUE) from error


def _key(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(source: Iterable[bytes]) -> bytes:
    """Return the identity of a stream in 16 bytes, for which nobody can forge a collision."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in source)).digest()[:16]


def text_of(key: bytes) -> str:
    """Return the text of a key; surrogates survive the round trip."""
    return key.decode("utf-8", "surrogatepass")
