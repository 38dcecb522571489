"""Opening files that others name: nothing but regular files, and as root no file that the link's owner may not read."""

# As in discovery: a path goes to the system as it is.
# ruff: noqa: PTH116

import contextlib
import os
import stat
from itertools import accumulate

from logbus.errors import SourceError


def open_regular(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading and return its descriptor and status; nothing else is ever opened.

    Raises SourceError for a FIFO, a socket, a device or a directory, and for a link that shows root what its owner may
    not see; OSError as open() does.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise SourceError(f"read {path}", "it is no regular file")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    status = os.fstat(fd)
    try:
        _require_plain(path, status)
    except BaseException:
        os.close(fd)
        raise
    return fd, status


def _require_plain(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"read {path}", "it is no regular file")
    if os.geteuid() == 0 and os.path.realpath(path) != path:
        _require_readable_by_owners(path, status)


def _require_readable_by_owners(path: str, status: os.stat_result) -> None:
    """Raise SourceError if a link on the way belongs to a user who may not read the file that root just opened."""
    for each in accumulate(path.strip("/").split("/"), os.path.join, initial="/"):
        link = os.lstat(each)
        if stat.S_ISLNK(link.st_mode) and link.st_uid and not may_read(link.st_uid, link.st_gid, status):
            raise SourceError(
                f"read {path}",
                f"the link {each} is user {link.st_uid}'s, who may not read what it leads to",
                "name the file itself, or run the shipper as a user of its own",
            )


def may_read(uid: int, gid: int, status: os.stat_result) -> bool:
    """Tell whether a file's mode lets a user of this group read it."""
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IRUSR)
    return bool(status.st_mode & (stat.S_IRGRP if status.st_gid == gid else stat.S_IROTH))


def real_path(fd: int, path: str) -> str:
    """Return the path of the file opened as `path` where a link led to it; "" where `path` is its own.

    /proc names the file that was opened, whatever the link means by now.
    """
    try:
        found = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - any bytes, taken as they are
    except OSError:
        found = os.path.realpath(path)
    if not os.fstat(fd).st_nlink:
        found = found.removesuffix(" (deleted)")
    return "" if found == path else found


def place_of(path: str, real: str | None) -> str:
    """Return the path beside which the rotated forms of a life are: its own, or that of the file a link led to.

    `real` is None where that was not remembered: then what the link leads to now is the best guess.
    """
    return os.path.realpath(path) if real is None else real or path


def own_outputs() -> set[tuple[int, int]]:
    """Return device and inode of our own standard output and error: to ship what we say would make us say more."""
    outputs = set()
    for fd in (1, 2):
        with contextlib.suppress(OSError):
            status = os.fstat(fd)
            outputs.add((status.st_dev, status.st_ino))
    return outputs
