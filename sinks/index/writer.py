"""The thread that keeps the index: takes what was committed, and saves blocks about once a second.

Only this thread uses the database once it runs; others send it work, in order, and never wait for it. Where the index
cannot be saved, the blocks at hand are dropped, and counted. One that is damaged is deleted.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable
from logging import getLogger
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from msgspec.structs import replace

from logbus import telemetry
from logbus.native import descriptors
from sinks.index import index_file
from sinks.index.blocks import Block, Limits, Note
from sinks.index.gathering import Gathering
from sinks.index.index_file import IndexFile
from sinks.index.place import Place, token_of

logger = getLogger("sinks.index")

Work = Callable[["Writer"], None]
SAVE_S: Final = 1.0
PAUSE_S: Final = 0.1
"""So many commits are taken up at once: a thread that wakes up for each takes more time, also of others."""
RIPEN_S: Final = 10.0
PRUNE_S: Final = 3600.0
IDLE_S: Final = 60.0


class Writer:
    """Does what it is sent, until it is sent `stop`. `base`: what the outputs' paths are relative to.

    `left` returns what was committed, but not sent, if nothing waits.
    """

    def __init__(
        self, directory: Path, base: Path, file: IndexFile, limits: Limits, left: Callable[[], list[Note]]
    ) -> None:
        self._directory = directory
        self._base = base
        self._file: IndexFile | None = file
        self._gathering = Gathering(limits)
        self._left = left
        self._stopped = False
        self._save_at = self._ripen_at = 0.0
        self._prune_at = time.monotonic() + PRUNE_S

    def run(self, queue: "SimpleQueue[Work]") -> None:
        """Work until stopped."""
        self._try(self._prune)
        work: Work | None = None
        while not self._stopped:
            try:
                work = queue.get(timeout=SAVE_S if work or self._gathering else IDLE_S)
            except Empty:
                work = None
            self._try(lambda work=work: self._turn(work))  # type: ignore[misc]
            if work and queue.empty() and not self._stopped:
                time.sleep(PAUSE_S)
        if self._file:
            self._file.close()

    def add(self, notes: Iterable[Note]) -> None:
        """Add what was written and committed, in order."""
        if self._file:
            self._gathering.add(notes, time.monotonic())

    def move(self, path: Path) -> None:
        """Note that an output was rotated to `path`: nothing is written to it any more."""
        token = token_of(path)
        self._gathering.finish(token)
        self._save()
        if self._file:
            self._file.move(token, self._relative(path))

    def pack(self, place: Place, content_bytes: int) -> None:
        """Note that a rotated output's content is in another file now, which has its token."""
        self._gathering.finish(place.token)
        self._save()
        if self._file:
            self._file.pack(replace(place, path=self._relative(Path(place.path))), content_bytes)

    def forget(self, token: bytes) -> None:
        """Forget an output that is to be deleted."""
        self._gathering.forget(token)
        if self._file:
            self._file.forget([token])

    def stop(self) -> None:
        """Save what there is, and end."""
        self._stopped = True
        self._gathering.finish_all()
        self._save()

    def _turn(self, work: Work | None) -> None:
        if work:
            work(self)
        else:
            self.add(self._left())
        now = time.monotonic()
        if now >= self._ripen_at:
            self._ripen_at = now + RIPEN_S
            self._gathering.ripen(now)
        if now >= self._save_at:
            self._save_at = now + SAVE_S
            self._save()
        if now >= self._prune_at:
            self._prune_at = now + PRUNE_S
            self._prune()

    def _save(self) -> None:
        blocks = self._gathering.take()
        if not blocks or not self._file:
            return
        try:
            self._file.save(blocks)
        except sqlite3.Error:
            _count_dropped(blocks)
            raise

    def _prune(self) -> None:
        """Forget the outputs that are no longer where they were, and nowhere else in that directory."""
        if not self._file:
            return
        there: dict[Path, set[bytes] | None] = {}
        gone = []
        for token, path in self._file.outputs():
            folder = (self._base / path).parent
            if folder not in there:
                there[folder] = _tokens_in(folder)
            if (here := there[folder]) is not None and token not in here:
                gone.append(token)
        self._file.forget(gone)

    def _try(self, do: Callable[[], None]) -> None:
        """Do something; where the index does not let us, go on without it."""
        try:
            do()
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.OperationalError) or descriptors.are_lacking(error):
                logger.info("cannot save the index: %s", error)  # locked, or no space: it may work again
            else:
                self._abandon(error)

    def _abandon(self, error: Exception) -> None:
        logger.warning("the index in %s cannot be used: %s; going on without one", self._directory, error)
        if self._file:
            self._file.close()
            self._file = None
        self._gathering = Gathering(Limits())
        index_file.delete(self._directory)

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._base))


def _tokens_in(folder: Path) -> set[bytes] | None:
    """Return the tokens of the files in a directory, which may be gone; None if it cannot be looked into."""
    try:
        return {token_of(path) for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError:
        return None


def _count_dropped(blocks: Iterable[Block]) -> None:
    telemetry.count("logbus_index_dropped_blocks", sum(1 for _ in blocks), why="unsaved")
