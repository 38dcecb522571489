"""Keep the C library from returning the memory of each batch to the kernel.

A batch is up to some MiB, and twice that as JSON. That is above the size at which glibc's malloc maps and unmaps each
block by itself, and trims the top of the heap whenever that much of it is free. Every batch then costs page faults
over all its bytes, several times: half of a busy sink's system time. All threads share one heap, as one of their own
would grow and shrink all the time, too. See mallopt(3).
"""

import ctypes
from contextlib import suppress
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
KEPT_BYTES: Final = 16 << 20
"""The most free memory that stays at the top of the heap."""
MAPPED_FROM_BYTES: Final = 16 << 20


def keep_freed() -> None:
    """Make malloc keep freed memory, within bounds. Does nothing with any other C library."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
        mallopt(_M_ARENA_MAX, 1)
