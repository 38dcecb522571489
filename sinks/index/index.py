"""The index of one sink, as the sink sees it: notes what is written, and never waits.

What is written is noted in memory, and handed to the thread once it is committed, so the file never tells of bytes that
the ledger has not, and that might be cut off; `rollback` forgets it. A trickle is handed over once a second: to wake
the thread takes half a millisecond. Behind the last commit, it takes what is left by itself.
"""

import sqlite3
import threading
import time
from collections.abc import Mapping
from functools import partial
from logging import getLogger
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from logbus import telemetry
from logbus.batch import Batch
from logbus.native import descriptors
from logbus.native.threads import begin
from sinks.index import index_file, writer
from sinks.index.blocks import Limits, Note
from sinks.index.index_file import IndexFile, open_file
from sinks.index.names import this_boot
from sinks.index.notes import Notes
from sinks.index.place import Place, Written, token_of
from sinks.index.writer import Work, Writer
from sinks.sink import Mark

logger = getLogger("sinks.index")

QUEUE_MAX: Final = 32
"""Commits that may wait for the thread; what comes on top is left out of the index."""
CLOSE_S: Final = 5.0


class Index:
    """Notes what a sink writes beneath `base`. `synced`: each commit of the outputs is on disk."""

    def __init__(self, directory: Path, base: Path, *, synced: bool = True, limits: Limits | None = None) -> None:
        self._directory = directory
        self._base = base
        self._boot = boot_of(synced=synced)
        self._limits = limits or Limits()
        self._notes = Notes()
        self._is_committed = True  # all that is noted; else the notes are nobody else's
        self._lock = threading.Lock()
        self._hand_over_at = 0.0
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._unusable = False
        self._why = ""

    def note(self, batch: Batch, written: Written, data: bytes, digits: bytes) -> None:
        """Note `data` of a batch, which was written where `written` says; it is forgotten unless it is committed."""
        if self._is_committed:
            with self._lock:
                self._is_committed = False
        self._notes.add(batch, written, data, digits)

    def rollback(self, marks: Mapping[str, Mark]) -> None:
        """Forget what is noted. At the start, forget what is told of bytes beyond the marks."""
        with self._lock:
            self._notes.clear()
            self._is_committed = True
        if not self._thread:
            self._start(marks)

    def committed(self) -> None:
        """Hand over what is noted, if that is due."""
        with self._lock:
            self._is_committed = True
            now = time.monotonic()
            if now >= self._hand_over_at or self._notes.is_plenty():
                self._hand_over_at = now + writer.SAVE_S
                self._hand_over(self._notes.take())

    def moved(self, path: Path) -> None:
        """Note that an output, of which all is committed, was rotated to `path`."""
        with self._lock:
            self._hand_over(self._notes.take_of(token_of(path)))
        self._send(lambda keeper: keeper.move(path))

    def packed(self, place: Place, content_bytes: int) -> None:
        """Note that the content of a rotated output is in another file now."""
        self._send(lambda keeper: keeper.pack(place, content_bytes))

    def forget(self, token: bytes) -> None:
        """Note that the output with this token is to be deleted."""
        self._send(lambda keeper: keeper.forget(token))

    def close(self) -> None:
        """Save what was handed over, if that does not take long."""
        if self._thread:
            with self._lock:
                if self._is_committed:
                    self._hand_over(self._notes.take())
            self._queue.put(Writer.stop)
            self._thread.join(CLOSE_S)
        self._thread = None

    def _hand_over(self, notes: list[Note]) -> None:
        if notes and not self._send(lambda keeper: keeper.add(notes)):
            telemetry.count("logbus_index_dropped_blocks", len(notes), why="busy")

    def _left(self) -> list[Note]:
        """Return what nobody has handed over since the last commit, for the thread, once it has nothing else to do."""
        with self._lock:
            return self._notes.take() if self._is_committed and self._queue.empty() else []

    def _send(self, work: Work) -> bool:
        """Send the thread some work; return False if it has too much, or if there is none."""
        if (self._thread is None and not self._start({})) or self._queue.qsize() >= QUEUE_MAX:
            return False
        self._queue.put(work)
        return True

    def _start(self, marks: Mapping[str, Mark]) -> bool:
        """Open the index, without wrong rows, and start the thread; return False if that is impossible."""
        if self._unusable or not (file := self._opened(marks)):
            return False
        keeper = Writer(self._directory, self._base, file, self._limits, self._left)
        try:
            self._thread = begin(partial(keeper.run, self._queue), "index")
        except OSError as error:
            file.close()
            self._say_why(error)
            self._unusable = True
        return not self._unusable

    def _opened(self, marks: Mapping[str, Mark]) -> IndexFile | None:
        try:
            descriptors.require()
            file = open_file(self._directory, self._limits, boot=self._boot)
            try:
                file.cut(marks)
            except sqlite3.Error:
                file.close()
                index_file.delete(self._directory)
                file = open_file(self._directory, self._limits, boot=self._boot)
        except (OSError, sqlite3.Error) as error:
            self._say_why(error)
            self._unusable = not (descriptors.are_lacking(error) and self._is_deleted())
            return None
        return file

    def _is_deleted(self) -> bool:
        """Delete what could not be opened: its rows may be of bytes that are cut off. Return True if it is gone."""
        try:
            index_file.delete(self._directory)
        except OSError:
            return False
        return True

    def _say_why(self, error: Exception) -> None:
        if str(error) != self._why:
            self._why = str(error)
            logger.warning("cannot keep an index in %s: %s; going on without one", self._directory, error)


def boot_of(*, synced: bool) -> str:
    """Return what an index is good for: this boot of the host, unless each commit is `synced`; then "", for ever."""
    return "" if synced else this_boot()
