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

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from logbus.errors import StateError, WireError
from sinks.ledger.ledger_file import RESCUE, lock, open_file
from sinks.ledger.ranges import Range
from sinks.ledger.streams import Changes, Source, Streams, key_of, text_of
from sinks.sink import Mark

SPAN_MAX_BYTES = 1 << 30
"""No genuine batch covers more of its source, and a forged one cannot claim a whole file as written."""
OFFSET_MAX = (1 << 63) - 1
PUT_AWAY_EVERY_S = 3600.0


class LedgerUnsaved(StateError):  # noqa: N818 - as in logbus.errors
    """The ledger cannot be saved now (disk full, I/O error); unsaved ranges are kept in memory."""

    retryable = True


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
        self._streams = Streams(self._db)
        self._fresh: dict[Source, Changes] = {}
        self._put_away_s = put_away_s
        self._put_away_at = 0.0 if put_away_s is not None else float("inf")

    def marks(self) -> dict[str, Mark]:
        """Return the committed mark of each output."""
        return dict(self._marks)

    def missing(self, source: Source, offset: int, end: int) -> list[Range]:
        """Return the parts of [offset, end) not written yet. Raises WireError for an impossible range."""
        if not (0 <= offset <= end <= OFFSET_MAX and end - offset <= SPAN_MAX_BYTES):
            raise WireError(f"the range from {offset} to {end} is absurd")
        known = self._streams.at_hand(source, offset)
        if known:
            parts = known.missing(offset, end)
        else:
            with _trouble():
                parts = self._streams.missing(source, offset, end)
        fresh = self._fresh.get(source)
        return [gap for part in parts for gap in fresh.ranges.missing(*part)] if fresh else parts

    def knows(self, source: Source) -> bool:
        """Return True if anything of this stream was written."""
        fresh = self._fresh.get(source)
        with _trouble():
            return bool(fresh and fresh.ranges) or self._streams.knows(source)

    def gap_before(self, source: Source, offset: int) -> int:
        """Return the number of bytes missing before `offset`, back to the last written one."""
        gaps = self.missing(source, max(0, offset - SPAN_MAX_BYTES), offset)
        return gaps[-1][1] - gaps[-1][0] if gaps and gaps[-1][1] == offset else 0

    def add(self, source: Source, path: str, written: Range) -> None:
        """Record that the sink wrote this range of the stream, whose path is now `path`."""
        fresh = self._fresh.get(source)
        if not fresh:
            fresh = self._fresh[source] = Changes()
        fresh.ranges.add(*written)
        fresh.path = path

    def trimmed(self, source: Source, count_bytes: int) -> None:
        """Count redelivered bytes that were skipped."""
        if count_bytes:
            self._fresh.setdefault(source, Changes()).trimmed_bytes += count_bytes

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
            with self._transaction():
                self._streams.put_away(time.time_ns() // 1000 - int((self._put_away_s or 0) * 1e6))
            self._streams.forget()

    def close(self) -> None:
        """Close the file and release the lock; uncommitted ranges are forgotten."""
        self._db.close()
        self._unlock()

    def _save(self, marks: Mapping[str, Mark]) -> None:
        with self._transaction():
            known = self._streams.save(self._fresh)
            gone = [(key_of(name),) for name in self._marks.keys() - marks.keys()]
            self._db.executemany("DELETE FROM output WHERE name = ?", gone)
            old = self._marks
            moved = {name: mark for name, mark in marks.items() if name not in old or old[name] is not mark}
            self._save_marks({name: mark for name, mark in moved.items() if old.get(name) != mark})
        self._marks = dict(marks)
        self._fresh.clear()
        self._streams.learn(known)

    def _save_marks(self, marks: Mapping[str, Mark]) -> None:
        rows = [(key_of(name), mark.length, mark.identity) for name, mark in marks.items()]
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
