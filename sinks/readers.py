"""Who reads standard output: whether they are still there."""

import errno
import os
import select
import stat
from contextlib import suppress
from typing import Final

STDOUT: Final = 1
GONE: Final = frozenset({errno.EPIPE, errno.EIO, errno.ENXIO})
"""Errors of a write to a pipe or terminal whose other end is closed."""


def hang_ups(fd: int) -> "select.poll | None":
    """Return a poll object that reports a closed other end of a pipe or terminal; None for anything else."""
    with suppress(OSError):
        if stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd):
            poll = select.poll()
            poll.register(fd, 0)  # errors and hang-ups are always reported
            return poll
    return None
