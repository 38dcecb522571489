"""An output belongs to one process at a time, and remembers which sink wrote to it last.

The first is a lock on the file, which ends with the process. The second is an extended attribute: what another sink
appended meanwhile is not ours to cut off. Where the filesystem has no locks or no attributes, nothing is known, and
nothing is refused.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

_WRITER = "user.logbus.writer"
_LOCKS = Path("/proc/locks")


class HeldByAnother(OSError):  # noqa: N818 - as in logbus.errors
    """Another process writes to this file."""


def hold(fd: int) -> None:
    """Lock an open output until it is closed. Raises HeldByAnother, saying who has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HeldByAnother(errno.EBUSY, _who(fd)) from None
    except OSError:  # no locks here
        return


def claim(fd: int, writer: str) -> None:
    """Note that `writer` writes to an output that it holds."""
    if last_writer(fd) != writer:
        with suppress(OSError):
            os.setxattr(fd, _WRITER, os.fsencode(writer))


def last_writer(fd: int) -> str:
    """Return who claimed an output last; "" if nobody knows."""
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
    """Return the number of the process that holds a lock on an inode, "" if the kernel does not tell."""
    with suppress(OSError):
        for line in _LOCKS.read_text().splitlines():
            words = line.split()
            if words[1:2] == ["FLOCK"] and words[5].rpartition(":")[2] == str(inode):
                return words[4]
    return ""
