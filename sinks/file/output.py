"""One append-only file of a sink: opened beneath a directory, locked, appended to, synced."""

import errno
import os
from pathlib import Path

from msgspec import Struct

from logbus.errors import OutputError
from logbus.native import descriptors
from sinks.file import holding, placing, safe_open, writeback
from sinks.index.place import Written
from sinks.sink import Mark

_NO_USE_WAITING = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ENXIO})


class PathUnusable(OutputError):  # noqa: N818 - as in logbus.errors
    """The path itself is unusable: a link, a directory or a pipe is in its place, or it is too long."""


class Output(Struct):
    """An open output; `name` is its path as text, `mark` its length at the last commit, or when it was opened.

    `where`: where writes to it go; None without an index.
    """

    path: Path
    name: str
    fd: int
    mark: Mark
    dirty: bool = False
    where: placing.Placing | None = None

    def take(self, writer: str) -> None:
        """Lock it for `writer`. Raises OutputError if another process has locked it."""
        try:
            holding.hold(self.fd)
        except holding.HeldByAnother as error:
            raise cannot("write", self.path, error) from None
        holding.claim(self.fd, writer)

    def append(self, data: bytes, *, writeback_soon: bool) -> Written | None:
        """Append; return where that went, None without an index.

        Raises OutputError; then its end may be incomplete.
        """
        self.dirty = True
        try:
            _write_all(self.fd, data)
            if writeback_soon:
                writeback.begin(self.fd, len(data))
        except OSError as error:
            raise cannot("write", self.path, error) from error
        return self.where.wrote(len(data)) if self.where else None

    def sync(self, *, data: bool) -> None:
        """Take its length as its mark, after making what was written durable if `data`. Raises OutputError."""
        try:
            if data:
                os.fdatasync(self.fd)
        except OSError as error:
            raise cannot("save", self.path, error) from error
        status = self._status()
        if status.st_nlink == 0:
            raise OutputError(f"save {self.path}", "it was deleted before the commit", "beginning a new one")
        if data:
            writeback.release(self.fd, self.mark.length, status.st_size)
        self.mark = Mark(status.st_size, self.mark.identity)
        self.dirty = False

    def is_moved(self) -> bool:
        """Return True if another file is at its path, or none."""
        mine = self._status()
        try:
            there = os.lstat(self.name)
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)

    def _status(self) -> os.stat_result:
        """Look at the file; what is told of it is void if its length is not the expected one."""
        status = os.fstat(self.fd)
        if self.where:
            self.where.settle(status.st_size)
        return status


def open_output(base: Path, relative: str, making: safe_open.Making, *, known: bool) -> Output:
    """Open or make the file `relative` beneath `base`; `known`: its mark is kept. Raises OutputError."""
    path = base / relative
    fd = _open_file(base, relative, making, known=known)
    return Output(path, str(path), fd, Mark(os.fstat(fd).st_size, safe_open.identity(fd)))


def _open_file(base: Path, relative: str, making: safe_open.Making, *, known: bool) -> int:
    path = base / relative
    try:
        beneath = safe_open.open_base(base)
    except OSError as error:
        raise cannot("open", base, error) from error
    try:
        return safe_open.open_append(beneath, relative, making, known=known)
    except safe_open.Linked as error:
        hint = "move it away, or remove its other names"
        raise OutputError(f"open {path}", error.strerror, hint) from error
    except OSError as error:
        if error.errno in _NO_USE_WAITING:
            raise PathUnusable(f"open {path}", error, "something else is in its place: move that away") from error
        raise cannot("open", path, error) from error
    finally:
        os.close(beneath)


def cannot(verb: str, path: object, error: OSError) -> OutputError:
    """Return the error for what the system refuses to do with an output."""
    if isinstance(error, holding.HeldByAnother):
        return OutputError(f"{verb} {path}", error.strerror, "give each sink a path of its own")
    hint = descriptors.hint(error, "free some space, or give this user write access")
    return OutputError(f"{verb} {path}", error, hint)


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])
