"""The index of one sink, as the sink sees it: notes what is written, and never waits.

What was written since the last commit is noted in memory; `committed` hands it to the thread, `rollback` forgets it. So
the file never tells of bytes that the ledger has not, and that might be cut off.
"""

import sqlite3
from collections.abc import Mapping
from functools import partial
from logging import getLogger
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from logbus import telemetry
from logbus.batch import Batch
from logbus.native.threads import begin
from sinks.index import index_file
from sinks.index.blocks import Limits
from sinks.index.index_file import IndexFile, open_file
from sinks.index.names import this_boot
from sinks.index.notes import Notes
from sinks.index.place import Place, Written
from sinks.index.writer import Work, Writer
from sinks.sink import Mark

if TYPE_CHECKING:
    import threading

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
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._unusable = False

    def note(self, batch: Batch, written: Written, data: bytes, digits: bytes) -> None:
        """Note `data` of a batch, which was written where `written` says; it is forgotten unless it is committed."""
        self._notes.add(batch, written, data, digits)

    def rollback(self, marks: Mapping[str, Mark]) -> None:
        """Forget what was noted since the last commit. At the start, forget what is told of bytes beyond the marks."""
        self._notes.clear()
        if not self._thread:
            self._start(marks)

    def committed(self) -> None:
        """Hand over what was noted since the last commit."""
        notes = self._notes.take()
        if notes and not self._send(lambda writer: writer.add(notes)):
            telemetry.count("logbus_index_dropped_blocks", len(notes), why="busy")

    def moved(self, path: Path) -> None:
        """Note that an output was rotated to `path`."""
        self._send(lambda writer: writer.move(path))

    def packed(self, place: Place, content_bytes: int) -> None:
        """Note that the content of a rotated output is in another file now."""
        self._send(lambda writer: writer.pack(place, content_bytes))

    def forget(self, token: bytes) -> None:
        """Note that the output with this token is to be deleted."""
        self._send(lambda writer: writer.forget(token))

    def close(self) -> None:
        """Save what was handed over, if that does not take long."""
        if self._thread:
            self._queue.put(Writer.stop)
            self._thread.join(CLOSE_S)
        self._thread = None

    def _send(self, work: Work) -> bool:
        """Send the thread some work; return False if it has too much, or if there is none."""
        if (self._thread is None and not self._start({})) or self._queue.qsize() >= QUEUE_MAX:
            return False
        self._queue.put(work)
        return True

    def _start(self, marks: Mapping[str, Mark]) -> bool:
        """Open the index, without wrong rows, and start the thread; return False if that is impossible."""
        if self._unusable or not (file := self._opened(marks)):
            self._unusable = True
            return False
        writer = Writer(self._directory, self._base, file, self._limits)
        try:
            self._thread = begin(partial(writer.run, self._queue), "index")
        except OSError as error:
            file.close()
            self._say_why(error)
            self._unusable = True
        return not self._unusable

    def _opened(self, marks: Mapping[str, Mark]) -> IndexFile | None:
        try:
            file = open_file(self._directory, self._limits, boot=self._boot)
            try:
                file.cut(marks)
            except sqlite3.Error:
                file.close()
                index_file.delete(self._directory)
                file = open_file(self._directory, self._limits, boot=self._boot)
        except (OSError, sqlite3.Error) as error:
            self._say_why(error)
            return None
        return file

    def _say_why(self, error: Exception) -> None:
        logger.warning("cannot keep an index in %s: %s; going on without one", self._directory, error)


def boot_of(*, synced: bool) -> str:
    """Return what an index is good for: this boot of the host, unless each commit is `synced`; then "", for ever."""
    return "" if synced else this_boot()
