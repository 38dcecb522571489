"""Ensures that one process at a time writes to an output, and records which sink wrote to it last.

The first is a lock on the file, which ends with the process. The second is an extended attribute: what another sink
has appended is not ours to cut off. On a filesystem without locks or attributes nothing is known, and nothing refused.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

_WRITER = "user.logbus.writer"
_LOCKS = Path("/proc/locks")


class HeldByAnother(OSError):  # noqa: N818 - as in logbus.errors
    """Another process is writing to this file."""


def hold(fd: int) -> None:
    """Lock an open output until it is closed. Raises HeldByAnother, which names the holder."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HeldByAnother(errno.EBUSY, _who(fd)) from None
    except OSError:  # no locks here
        return


def claim(fd: int, writer: str) -> None:
    """Record `writer` as the writer of an output that it has locked."""
    if last_writer(fd) != writer:
        with suppress(OSError):
            os.setxattr(fd, _WRITER, os.fsencode(writer))


def last_writer(fd: int) -> str:
    """Return the last writer of an output; "" if unknown."""
    try:
        return os.fsdecode(os.getxattr(fd, _WRITER))
    except OSError:
        return ""


def _who(fd: int) -> str:
    writer = last_writer(fd)
    of = f" of the sink with the state directory {writer}" if writer else ""
    number = _holder(os.fstat(fd).st_ino)
    return f"another process{f' ({number})' if number else ''}{of} writes to it"


def _holder(inode: int) -> str:
    """Return the pid of the process that has locked an inode, "" if the kernel does not say."""
    with suppress(OSError):
        for line in _LOCKS.read_text().splitlines():
            words = line.split()
            if words[1:2] == ["FLOCK"] and words[5].rpartition(":")[2] == str(inode):
                return words[4]
    return ""
