"""Directories that a daemon writes to: whether it may, and how much room their disks have."""

# Paths are passed to the operating system unchanged.
# ruff: noqa: PTH100, PTH112, PTH120

import os
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from logbus.doctor.verdicts import Check, ok, problem, warning
from logbus.errors import describe

AREA: Final = "files"
FULL_BYTES: Final = 16 << 20
"""Less than this is no room for the next commit."""
LOW_PART: Final = 0.05


class Space(NamedTuple):
    """What a file system has for an ordinary user: free and all bytes, free and all inodes (0: it does not count)."""

    free: int
    total: int
    free_inodes: int = 0
    inodes: int = 0


Measure = Callable[[str], Space]


def measure(path: str) -> Space:
    """Return the space of the file system that a path is on. Raises OSError."""
    found = os.statvfs(path)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, found.f_favail, found.f_files)


def directory(name: str, path: str, look: Measure = measure) -> Iterator[Check]:
    """Check that this user can write to a directory, or make it, and that its disk has room."""
    there = nearest(path)
    if not os.path.isdir(there):
        yield problem(AREA, name, f"{there} is no directory", "move it, or choose another path")
        return
    if not os.access(there, os.W_OK | os.X_OK):
        what = f"{path} cannot be written to" if there == path else f"{path} is missing, and cannot be made in {there}"
        yield problem(
            AREA, name, f"{what} by this user", f"make it, owned by the daemon's user: install -d -o USER {path}"
        )
        return
    yield ok(AREA, name, path if there == path else f"{path} is made at the first start")
    try:
        yield room(f"disk of {name}", path, look(there))
    except OSError as error:
        yield problem(AREA, f"disk of {name}", f"{path}: {describe(error)}", "check that it is mounted")


def room(name: str, path: str, space: Space) -> Check:
    """Return the verdict on the space of a disk."""
    found = f"{path}: {_amount(space.free)} of {_amount(space.total)} free"
    if space.free < FULL_BYTES or (space.inodes and not space.free_inodes):
        why = found if space.free < FULL_BYTES else f"{path}: no inode is free"
        return problem(
            AREA, name, why, "make room: without it nothing can be saved, and shippers and queues hold it all"
        )
    if space.free < space.total * LOW_PART or space.free_inodes < space.inodes * LOW_PART:
        inodes = f", {space.free_inodes:,} of {space.inodes:,} inodes" if space.inodes else ""
        return warning(AREA, name, found + inodes, "make room before it is full: less than 5 % is free")
    return ok(AREA, name, found)


def nearest(path: str) -> str:
    """Return the path itself if it exists, or else the nearest directory above it that does."""
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _amount(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:  # noqa: PLR2004 - the next unit
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
