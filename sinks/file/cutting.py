"""Cuts an output back to its mark, wherever it was moved to, unless another sink has written to it."""

import os
from logging import getLogger
from pathlib import Path

from logbus.errors import counted
from logbus.native import descriptors
from sinks.file import holding, safe_open
from sinks.sink import Mark

logger = getLogger("sinks.file")


def cut(path: Path, fd: int, mark: Mark, writer: str) -> None:
    """Cut an open output back to its mark, unless its last writer is not `writer`. Raises OSError."""
    size, last_writer = os.fstat(fd).st_size, holding.last_writer(fd)
    if size < mark.length:
        lost = mark.length - size
        logger.warning(
            "another program truncated the output %s by %s: leaving it as it is", path, counted(lost, "byte")
        )
    elif size > mark.length and last_writer not in {"", writer}:
        logger.warning(
            "%s holds %s of another sink, with the state directory %s: keeping them; give each sink a path of its own",
            path,
            counted(size - mark.length, "byte"),
            last_writer,
        )
    elif size > mark.length:
        logger.info("cutting %s off %s", counted(size - mark.length, "uncommitted byte"), path)
        os.ftruncate(fd, mark.length)
        os.fdatasync(fd)


def find(path: Path, identity: str) -> Path | None:
    """Return the path of the output: its own, or another name in the same directory. Raises OSError."""
    if _identity_of(path) == identity:
        return path
    inode = identity.partition(".")[0]
    try:
        candidates = [Path(entry.path) for entry in os.scandir(path.parent) if f"{entry.inode():x}" == inode]
    except FileNotFoundError:
        return None
    return next((each for each in candidates if _identity_of(each) == identity), None)


def _identity_of(path: Path) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if descriptors.are_lacking(error):
            raise
        return ""
    try:
        return safe_open.identity(fd)
    finally:
        os.close(fd)
