"""Opens an output, without following a link beneath its base, and tells whether it is still as it was then."""

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from sinks.file import safe_open
from sinks.index.place import COMPRESSIONS, Place, keep_token, token_of
from sinks.search.files.reading import kind_of
from sinks.settling.borders import Walk, frame_borders

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MAGIC_BYTES: Final = 18
QUIET_S: Final = 120.0
"""So long after the last write, the sink's thread has told all that it will."""
_NO_OUTPUT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""There is nothing, or a link, or a pipe."""
Heard = Callable[[int], None]
"""Is told how many bytes of an output were read."""


class Opened(Struct, frozen=True):
    """An open output: where the index has it, and its size and last change when it was opened.

    `limit` is how many of its bytes are committed; `finished`: all are, and nobody has written to it for a while.
    `is_closed`: no sink remembers it.
    """

    fd: int
    path: Path
    place: Place
    size_bytes: int
    changed_us: int
    limit: int
    finished: bool
    is_closed: bool = False

    @property
    def is_gzip(self) -> bool:
        """Whether it is a rotated output that was compressed as a whole."""
        return self.place.compression == COMPRESSIONS["gzip"]

    def is_same(self) -> bool:
        """Return True if nobody has changed the file since, so that what was read of it holds."""
        status = os.fstat(self.fd)
        if token_of(self.fd) != self.place.token:
            return False
        unchanged = (status.st_size, status.st_mtime_ns // 1000) == (self.size_bytes, self.changed_us)
        return unchanged or (not self.finished and status.st_size >= self.limit)


def open_output(base: Path, relative: str, limit: Callable[[str], int | None] | None = None) -> Opened | None:
    """Open an output beneath the base of its sink; None if there is no regular file, or it can have no token.

    `limit` tells of an identity how many bytes are committed, if the sink may still write there. Raises OSError.
    """
    fd = open_beneath(base, relative)
    if fd is None:
        return None
    opened = _opened(fd, base / relative, relative, limit)
    if opened is None:
        os.close(fd)
    return opened


def folder_of(base: Path, relative: str) -> tuple[int, str]:
    """Open the directory of a path beneath the base, without following a link; return it, and the name in it.

    Raises OSError.
    """
    *folders, name = relative.split("/")
    folder = os.open(base, _DIRECTORY)
    try:
        for each in folders:
            inner = os.open(each, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
    except OSError:
        os.close(folder)
        raise
    return folder, name


def open_beneath(base: Path, relative: str) -> int | None:
    """Open a file for reading without following a link beneath the base; None if there is none. Raises OSError."""
    try:
        folder, name = folder_of(base, relative)
        try:
            return os.open(name, _FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno in _NO_OUTPUT:
            return None
        raise


def _opened(fd: int, path: Path, relative: str, limit: Callable[[str], int | None] | None) -> Opened | None:
    status = os.fstat(fd)
    token = keep_token(fd) if stat.S_ISREG(status.st_mode) else b""
    if not token:
        return None
    identity = safe_open.identity(fd)
    compression = COMPRESSIONS.get(kind_of(os.pread(fd, _MAGIC_BYTES, 0)), COMPRESSIONS["none"])
    committed = limit(identity) if limit else None
    return Opened(
        fd,
        path,
        Place(token, identity, relative, compression),
        status.st_size,
        status.st_mtime_ns // 1000,
        status.st_size if committed is None else min(committed, status.st_size),
        committed is None or (committed == status.st_size and time.time() - status.st_mtime >= QUIET_S),
        limit is not None and committed is None,
    )


def walk_of(opened: Opened) -> Walk:
    """Return what goes over the places of an output where rows may begin."""
    is_frames = opened.place.compression == COMPRESSIONS["zstd"]
    return Walk(frame_borders(opened.fd, opened.limit) if is_frames else None)
