"""Marks the files that sinks write, so that no shipper ships them in a loop.

The mark is an extended attribute, so it stays with a renamed file, and is not copied with its bytes. On a filesystem
without extended attributes the loop is not noticed.
"""

import os
from contextlib import suppress

_MARK = "user.logbus.output"


def mark_output(fd: int) -> None:
    """Mark an open file as a sink's output, if its filesystem supports that."""
    with suppress(OSError):
        os.setxattr(fd, _MARK, b"1")


def is_output(fd: int) -> bool:
    """Return True if an open file is marked as a sink's output."""
    try:
        return bool(os.getxattr(fd, _MARK))
    except OSError:
        return False
