"""Whether this process can open files now: what cannot be opened for want of descriptors may well be there."""

import errno
import os
from typing import Final

SPARE: Final = 4
"""So many descriptors a search for a file takes at once: a directory, two files that are compared, a temporary file."""
HINT: Final = "allow more open files: LimitNOFILE= in the unit, or ulimit -n"
_LACKING: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def are_lacking(error: Exception) -> bool:
    """Return True if an error says nothing of the file, but that the process, or the system, can open no more."""
    return isinstance(error, OSError) and error.errno in _LACKING


def hint(error: Exception, otherwise: str) -> str:
    """Return what to do about an error of opening a file: `otherwise`, unless descriptors are lacking."""
    return HINT if are_lacking(error) else otherwise


def require(count: int = SPARE) -> None:
    """Raise OSError unless this process can open that many files more."""
    taken: list[int] = []
    try:
        taken.extend(os.eventfd(0, os.EFD_CLOEXEC) for _ in range(count))
    finally:
        for fd in taken:
            os.close(fd)
