"""Keep the C library from giving batches' memory back to the kernel after each of them.

A batch is up to some MiB, and twice that as JSON: above the size from which glibc's malloc maps and unmaps each piece
of memory by itself, and the top of the heap is cut off again whenever that much of it is free. Every batch then costs
page faults over all its bytes, several times: half of a busy sink's system time. See mallopt(3).
"""

import ctypes
from contextlib import suppress
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
KEPT_BYTES: Final = 16 << 20
"""At most this much stays at the top of the heap when it is free."""
MAPPED_FROM_BYTES: Final = 16 << 20


def keep_freed() -> None:
    """Have malloc keep what is freed, within bounds. Does nothing where the C library is another one."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
