"""Hands a configuration that a reload has checked to the program that replaces this one.

The file may change again between the check and the next start. So the checked content is kept in memory behind an
inherited descriptor, which the next program recognises by name: what was checked is what is used.
"""

import os
from contextlib import suppress

NAME = "logbus-configuration"
DESCRIPTORS = "/proc/self/fd"
_taken = [False]


def hand_over(content: bytes) -> None:
    """Keep `content` across exec, replacing any kept before; do nothing where the system cannot."""
    with suppress(OSError):
        fd = os.memfd_create(NAME, 0)  # 0: not closed by exec
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(fd, rest) :]
        except OSError:
            os.close(fd)
            raise
        for each in _kept():
            if each != fd:
                os.close(each)


def taken_over() -> bytes | None:
    """Return the content that the previous program kept, once; None if there is none."""
    for fd in _kept():
        with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor has no Path
            file.seek(0)
            _taken[0] = True
            return file.read()
    return None


def was_reloaded() -> bool:
    """Return True if this program replaced a running one."""
    return _taken[0]


def _kept() -> list[int]:
    try:
        return [int(name) for name in os.listdir(DESCRIPTORS) if _is_ours(name)]  # noqa: PTH208 - Path is slower here
    except OSError:
        return []


def _is_ours(name: str) -> bool:
    with suppress(OSError):
        return os.readlink(f"{DESCRIPTORS}/{name}").startswith(f"/memfd:{NAME}")  # noqa: PTH115 - no real path
    return False
