"""Many append-only files, some of them open, all of them cut back to their mark after a failure.

The ledger knows an output (`remember`) before its first byte is written; `commit` syncs the outputs that were written
to, and takes their new lengths as marks. After a failed write or sync, nothing since the last commit is trusted:
`restore` reopens each file and cuts it back, and the runner writes everything since then again.

Files are recognised by `safe_open.identity`, so one that logrotate moved between a write and the commit is found in its
directory. A moved or deleted output is noticed before the next write, which begins a new one.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from logging import getLogger
from pathlib import Path

from logbus.errors import OutputError
from sinks.file import cutting, holding, placing, safe_open, writeback
from sinks.file.open_limit import OPEN_MIN
from sinks.file.output import Output, cannot, open_output
from sinks.file.upkeep.rotation import Rotator
from sinks.index.place import Written
from sinks.sink import Mark

logger = getLogger("sinks.file")

CLOSED_MAX = 10_000
"""Outputs closed for lack of descriptors whose marks are kept, so that reopening them costs no transaction."""
SWEEP_S = 1.0
LET_GO_S = 600.0


class Outputs:
    """The files beneath `base`; `remember(name, mark)` records an output durably before its first write."""

    def __init__(  # noqa: PLR0913 - how files are made, kept and left
        self,
        base: Path,
        remember: Callable[[str, Mark], None],
        open_max: int = OPEN_MIN,
        *,
        making: safe_open.Making = safe_open.AS_WE_ARE,
        rotator: Rotator | None = None,
        sync: bool = True,
        is_new: bool = False,
        writer: str = "",
        locate: placing.Locate = placing.nowhere,
        idle_s: float | None = None,
    ) -> None:
        """`idle_s`: an output is let go of when nobody has written to it for so long; it may be replaced then."""
        self._base = base
        self._remember = remember
        self._open_max = open_max
        self._open: OrderedDict[str, Output] = OrderedDict()
        self._dirty: dict[str, Output] = {}
        self._closed: dict[str, Mark] = {}
        self._swept_at = self._let_go_at = 0.0
        self._making = making
        self._rotator = rotator
        self._sync_data = sync
        self._warn = is_new
        self._seen: set[str] = set()
        self._writer = writer
        self._locate = locate
        self._idle_s = idle_s
        self._unsettled: set[str] = set()

    def is_open(self, relative: str) -> bool:
        """Return True if the file `relative` is open."""
        return relative in self._open

    def append(self, relative: str, data: bytes) -> Written | None:
        """Append to the file `relative`; return where that went, None without an index.

        Raises OutputError; then its end may be incomplete.
        """
        output = self._open.get(relative)
        if output and not output.dirty and (output.is_moved() or self._rotate(output)):
            self._drop(relative)
            output = None
        if not output:
            output = self._open_output(relative)
        self._open.move_to_end(relative)
        self._dirty[relative] = output
        return output.append(data, writeback_soon=self._sync_data)

    def commit(self) -> None:
        """Make everything appended durable. Raises OutputError."""
        self._unsettled.clear()
        if self._sync_data and len(self._dirty) > 1:
            writeback.begin_all(output.fd for output in self._dirty.values())
        for output in self._dirty.values():
            output.sync(data=self._sync_data)
        self._dirty.clear()
        if time.monotonic() - self._swept_at >= SWEEP_S:
            self._swept_at = time.monotonic()
            self._sweep()

    def marks(self) -> dict[str, Mark]:
        """Return the mark, as of the last commit, of each output that may have to be cut back."""
        while len(self._closed) > CLOSED_MAX:
            del self._closed[next(iter(self._closed))]
        return self._closed | {output.name: output.mark for output in self._open.values()}

    def restore(self, marks: Mapping[str, Mark]) -> None:
        """Cut each output back to its mark. Raises OutputError; then call this again."""
        self._close_files()
        self._closed.clear()
        self._unsettled.clear()
        for name, mark in marks.items():
            try:
                self._cut_back(Path(name), mark)
            except OSError as error:
                raise cannot("cut back", name, error) from error

    def close(self) -> None:
        """Close all files as they are; finish the work on rotated ones."""
        self._close_files()
        if self._rotator:
            self._rotator.close()

    def _close_files(self) -> None:
        for relative in list(self._open):
            self._drop(relative)

    def _rotate(self, output: Output) -> bool:
        """Rename a fully committed output if its rotation is due; return whether it was."""
        if not self._rotator:
            return False
        status = os.fstat(output.fd)
        if not self._rotator.rotation.is_due(status.st_size, status.st_mtime, time.time()):
            return False
        try:
            self._rotator.rotate(output.path)
        except OSError as error:
            raise cannot("rotate", output.path, error) from error
        return True

    def _open_output(self, relative: str) -> Output:
        if len(self._open) >= self._open_max:
            self._evict()
        path = self._base / relative
        was_closed = str(path) in self._closed
        output = self._open[relative] = open_output(self._base, relative, self._making, known=was_closed)
        self._take(relative, output)
        if relative in self._unsettled and self._closed[output.name].identity != output.mark.identity:
            self._drop(relative)
            raise OutputError(f"write {path}", "it was moved before the commit", "beginning a new one")
        known = self._closed.get(output.name) == output.mark
        if not known:
            self._remember_or_drop(relative, output)
        output.where = self._locate(output.fd, relative, known)
        self._closed.pop(output.name, None)
        if relative not in self._unsettled and self._rotate(output):
            self._drop(relative)
            return self._open_output(relative)
        self._warn_of_old(output)
        return output

    def _take(self, relative: str, output: Output) -> None:
        """Lock an output. Raises OutputError if another process has locked it."""
        try:
            output.take(self._writer)
        except OutputError:
            self._drop(relative)
            raise

    def _warn_of_old(self, output: Output) -> None:
        is_fresh = str(output.path) not in self._seen
        if self._warn:
            self._seen.add(str(output.path))
        if self._warn and is_fresh and output.mark.length:
            logger.warning("%s holds data, and the ledger is new: redelivered records are written again", output.path)
            self._warn = False

    def _remember_or_drop(self, relative: str, output: Output) -> None:
        try:
            self._remember(output.name, output.mark)
        except BaseException:
            self._drop(relative)
            raise

    def _evict(self) -> None:
        relative, output = next(iter(self._open.items()))
        if output.dirty:
            output.sync(data=self._sync_data)
            self._unsettled.add(relative)  # the ledger does not know that yet: do not rotate
        self._drop(relative)
        self._closed[output.name] = output.mark

    def _sweep(self) -> None:
        """Close outputs that were moved or deleted while nothing was written to them, and let go of idle ones.

        The ledger forgets the marks of these as it records the commit, so what they held by then is never cut off.
        """
        for relative, output in list(self._open.items()):
            if output.is_moved() or (self._idle_s and _is_idle(output.name, self._idle_s)):
                self._drop(relative)
        if self._idle_s and time.monotonic() - self._let_go_at >= LET_GO_S:
            self._let_go_at = time.monotonic()
            for name in [each for each in self._closed if _is_idle(each, self._idle_s)]:
                del self._closed[name]

    def _drop(self, relative: str) -> None:
        self._dirty.pop(relative, None)
        with suppress(OSError):  # what matters was synced already
            os.close(self._open.pop(relative).fd)

    def _cut_back(self, path: Path, mark: Mark) -> None:
        found = cutting.find(path, mark.identity)
        if not found:
            logger.warning("the output %s was removed or replaced: not cutting it", path)
            return
        fd = os.open(found, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            holding.hold(fd)
            cutting.cut(found, fd, mark, self._writer)
        finally:
            os.close(fd)
        if found == path:
            self._closed[str(path)] = mark


def _is_idle(name: str, idle_s: float) -> bool:
    try:
        return time.time() - os.lstat(name).st_mtime >= idle_s
    except OSError:
        return False
