"""Opening outputs beneath a base directory, without following a link that somebody planted there."""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640

_FS_IOC_GETVERSION = 0x80087601
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_base(base: Path) -> int:
    """Open the base directory, which is the operator's and may be reached through links; make it if need be."""
    if not base.is_dir():
        base.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        sync_directory(base.parent)
    return os.open(base, _DIRECTORY)


def open_append(base: int, relative: str, mode: int = FILE_MODE) -> int:
    """Open the regular file `relative` beneath the open directory `base` for appending; make what is missing of it.

    What is new is durable when this returns: each directory is synced after something was made in it. Raises OSError.
    """
    *folders, name = relative.split("/")
    folder = os.dup(base)
    try:
        for each in folders:
            folder, outer = _enter(folder, each), folder
            os.close(outer)
        return _open_file(folder, name, mode)
    finally:
        os.close(folder)


def identity(fd: int) -> str:
    """Return which file this is: inode and, where the file system has it, the inode's generation.

    Not the device: its number may differ after a reboot, which is when outputs have to be recognised.
    """
    generation = bytearray(8)
    with suppress(OSError):  # not every file system has one
        fcntl.ioctl(fd, _FS_IOC_GETVERSION, generation)
    return f"{os.fstat(fd).st_ino:x}.{int.from_bytes(generation, 'little'):x}"


def sync_directory(path: Path) -> None:
    """Make durable what was made, renamed or removed in a directory."""
    fd = os.open(path, _DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _enter(folder: int, name: str) -> int:
    try:
        os.mkdir(name, DIRECTORY_MODE, dir_fd=folder)
        os.fsync(folder)
    except FileExistsError:
        pass
    return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)


def _open_file(folder: int, name: str, mode: int) -> int:
    try:
        fd = os.open(name, _APPEND, dir_fd=folder)
    except FileNotFoundError:
        fd = os.open(name, _APPEND | os.O_CREAT | os.O_EXCL, mode, dir_fd=folder)
        os.fchmod(fd, mode)
        os.fsync(folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.ENXIO, "it is not a regular file")
    return fd
