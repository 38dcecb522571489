"""Opens outputs beneath a base directory, without following a link that somebody planted there."""

import errno
import os
import stat
from pathlib import Path

from msgspec import Struct

from logbus.inode import generation_of
from logbus.output_mark import is_output, mark_output

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Making(Struct, frozen=True):
    """How files are created: mode, owner and group (-1: our own); directories get the last two."""

    mode: int = FILE_MODE
    uid: int = -1
    gid: int = -1

    def own(self, fd: int) -> None:
        """Set owner and group of a new file or directory. Raises OSError if we may not."""
        if self.uid >= 0 or self.gid >= 0:
            os.fchown(fd, self.uid, self.gid)


AS_WE_ARE = Making()


def open_base(base: Path) -> int:
    """Open the base directory, or create it; it is the operator's, and its path may contain links."""
    if not base.is_dir():
        base.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        sync_directory(base.parent)
    return os.open(base, _DIRECTORY)


class Linked(OSError):  # noqa: N818 - as in logbus.errors
    """A file has several names, and is not known to be an output."""


def open_append(base: int, relative: str, making: Making = AS_WE_ARE, *, known: bool = False) -> int:
    """Open the regular file `relative` beneath the open directory `base` for appending; create what is missing.

    New files and directories are durable when this returns: each directory is synced after an entry was made in it. A
    file with several names is refused unless it is marked as an output, or `known` to be one: somebody may have linked
    another file in its place. A backup's links to our own files are harmless. Raises OSError.
    """
    *folders, name = relative.split("/")
    folder = os.dup(base)
    try:
        for each in folders:
            folder, outer = _enter(folder, each, making), folder
            os.close(outer)
        return _open_file(folder, name, making, known=known)
    finally:
        os.close(folder)


def identity(fd: int) -> str:
    """Return the identity of a file: its inode and, if the file system has one, the inode's generation.

    Without the device: its number may change at a reboot, after which outputs have to be recognised.
    """
    return f"{os.fstat(fd).st_ino:x}.{generation_of(fd) or 0:x}"


def sync_directory(path: Path) -> None:
    """Make the changes to the entries of a directory durable."""
    fd = os.open(path, _DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _enter(folder: int, name: str, making: Making) -> int:
    try:
        os.mkdir(name, DIRECTORY_MODE, dir_fd=folder)
    except FileExistsError:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    fd = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        making.own(fd)
        os.fsync(folder)
    except OSError:
        os.close(fd)
        os.rmdir(name, dir_fd=folder)
        raise
    return fd


def _open_file(folder: int, name: str, making: Making, *, known: bool) -> int:
    try:
        fd = os.open(name, _APPEND, dir_fd=folder)
    except FileNotFoundError:
        fd = _make_file(folder, name, making)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise OSError(errno.ENXIO, "it is not a regular file")
    if status.st_nlink > 1 and not (known or is_output(fd)):
        os.close(fd)
        raise Linked(errno.EMLINK, f"it has {status.st_nlink} names (hard links), and no sink has written to it")
    mark_output(fd)
    return fd


def _make_file(folder: int, name: str, making: Making) -> int:
    """Create a file with the right mode and owner, or none at all."""
    fd = os.open(name, _APPEND | os.O_CREAT | os.O_EXCL, making.mode, dir_fd=folder)
    try:
        os.fchmod(fd, making.mode)
        making.own(fd)
        os.fsync(folder)
    except OSError:
        os.close(fd)
        os.unlink(name, dir_fd=folder)
        raise
    return fd
