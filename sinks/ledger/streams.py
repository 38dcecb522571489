"""The streams in the ledger's file: the written ranges of each, or a digest of one that was put away.

Whoever calls begins and ends the transactions, and translates SQLite's errors.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct, field

from sinks.ledger.ranges import Range, Ranges

CACHED_STREAMS = 50_000
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


class Source(NamedTuple):
    """The identity of a stream: the AMQP user that RabbitMQ vouched for ("": none), the host and the stream's id."""

    user: str
    host: str
    stream: str


class Known(NamedTuple):
    """A stream in the file: its row, and its last written range. Most batches continue where that ends."""

    id: int
    start: int
    end: int

    def missing(self, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) not written yet; `offset` must not be before the last range."""
        return [(max(offset, self.end), end)] if self.end < end else []

    def grown(self, ranges: Ranges) -> "Known | None":
        """Return the stream with `ranges` added, if that is one range that starts within the last one or at its end."""
        ((start, end), *others) = ranges
        return None if others or not self.start <= start <= self.end else self._replace(end=max(end, self.end))


class Changes(Struct):
    """What happened to a stream since the last commit."""

    ranges: Ranges = field(default_factory=Ranges)
    path: str = ""
    trimmed_bytes: int = 0


class Streams:
    """The streams in `db`; the last ranges of many of them are kept in memory."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[Source, Known] = {}

    def at_hand(self, source: Source, offset: int) -> Known | None:
        """Return a stream that is in memory, and whose last range starts at or before `offset`."""
        known = self._known.get(source)
        return known if known and known.start <= offset else None

    def missing(self, source: Source, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) not written yet."""
        known = self._find(source)
        held = self._near(known.id, offset, end) if known else self._finished(source)
        return held.missing(offset, end)

    def knows(self, source: Source) -> bool:
        """Return True if anything of this stream was written."""
        return self._find(source) is not None or bool(self._finished(source))

    def learn(self, known: Mapping[Source, Known]) -> None:
        """Keep in memory what `save` returned: it is committed."""
        if len(self._known) > CACHED_STREAMS:
            self._known.clear()
        self._known.update(known)

    def forget(self) -> None:
        """Forget what is in memory: the file has changed."""
        self._known.clear()

    def save(self, changes: Mapping[Source, Changes]) -> dict[Source, Known]:
        """Save the changes of each stream; return the new state of those that were written to."""
        now_us = time.time_ns() // 1000
        known, touched, grown_by = {}, [], []
        for source, fresh in changes.items():
            before = self._known.get(source)
            if not fresh.ranges:
                self._db.execute(_SAVE_TRIMMED, (fresh.trimmed_bytes, *map(key_of, source)))
            elif before and (grown := before.grown(fresh.ranges)):
                known[source] = grown
                touched.append((key_of(fresh.path), now_us, fresh.trimmed_bytes, grown.id))
                grown_by.append((grown.end, grown.id, grown.start))
            else:
                known[source] = self._save_stream(source, fresh, now_us)
        self._db.executemany(_TOUCH_STREAM, touched)
        self._db.executemany(_GROW, grown_by)
        return known

    def put_away(self, before_us: int) -> None:
        """Reduce to digests the streams without a hole to which nothing was written since `before_us`, a few at a time.

        One that continues becomes a stream again, see `_save_stream`.
        """
        for stream_id, *source, start, end in self._db.execute(_WHOLE_SINCE, (before_us, PUT_AWAY_AT_ONCE)).fetchall():
            self._db.execute("INSERT INTO finished VALUES (?, ?, ?)", (_digest(source), start, end))
            self._db.execute("DELETE FROM held WHERE stream = ?", (stream_id,))
            self._db.execute("DELETE FROM stream WHERE id = ?", (stream_id,))

    def _finished(self, source: Source) -> Ranges:
        """Return the range of a stream that was put away."""
        query = "SELECT start, end FROM finished WHERE digest = ?"
        return Ranges(self._db.execute(query, (_digest(map(key_of, source)),)))

    def _find(self, source: Source) -> Known | None:
        if source not in self._known:
            found = self._db.execute(_KNOWN, [key_of(part) for part in source]).fetchone()
            if not found:
                return None
            self._known[source] = Known(*found)
        return self._known[source]

    def _near(self, stream_id: int, offset: int, end: int) -> Ranges:
        """Return the written ranges that overlap or touch [offset, end), and perhaps the one before."""
        return Ranges(self._db.execute(_NEAR, {"stream": stream_id, "offset": offset, "end": end}))

    def _save_stream(self, source: Source, fresh: Changes, now_us: int) -> Known:
        values = (*map(key_of, source), key_of(fresh.path), now_us, now_us, fresh.trimmed_bytes)
        (stream_id,) = self._db.execute(_SAVE_STREAM, values).fetchone()
        finished = [] if source in self._known else list(self._finished(source))
        if finished:
            self._db.execute("DELETE FROM finished WHERE digest = ?", (_digest(map(key_of, source)),))
        for part in [*finished, *fresh.ranges]:
            start, end = self._near(stream_id, *part).add(*part)
            self._db.execute("DELETE FROM held WHERE stream = ? AND start BETWEEN ? AND ?", (stream_id, start, end))
            self._db.execute("INSERT INTO held VALUES (?, ?, ?)", (stream_id, start, end))
        return Known(stream_id, *self._db.execute(_LAST, (stream_id,)).fetchone())


def key_of(text: str) -> bytes:
    """Return a text as the file holds it."""
    return text.encode("utf-8", "surrogatepass")


def _digest(source: Iterable[bytes]) -> bytes:
    """Return the identity of a stream in 16 bytes, for which nobody can forge a collision."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in source)).digest()[:16]


def text_of(key: bytes) -> str:
    """Return the text of a key; surrogates survive the round trip."""
    return key.decode("utf-8", "surrogatepass")
