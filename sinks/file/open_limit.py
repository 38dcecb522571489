"""How many outputs may be open at once: as many as the limit on descriptors allows, up to a bound.

An output that was closed must be opened, locked and checked again for its next batch, which takes several times as
long as writing a line.
"""

import resource
from contextlib import suppress
from typing import Final

OPEN_MIN: Final = 128
OPEN_MAX: Final = 8_192
_SHARE: Final = 2
"""Half of the descriptors are for outputs; the rest are for directories, the ledger, sockets and spare."""


def open_max() -> int:
    """Raise this process's soft limit on descriptors as far as useful; return how many outputs may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_MAX * _SHARE
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        with suppress(OSError, ValueError):  # then the limit stays unchanged
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    return wide_enough(soft)


def wide_enough(limit: int) -> int:
    """Return how many outputs may be open with this limit on descriptors."""
    return OPEN_MAX if limit == resource.RLIM_INFINITY else max(OPEN_MIN, min(OPEN_MAX, limit // _SHARE))
