"""Opens what is to be searched: regular files only, and the one that was listed, even if it has another name by now."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from logbus.errors import SourceError

DRAFT: Final = ".recompressed"
"""The end of the name of a file that is about to take an output's place; its name begins with a dot."""
REPLACED: Final = "user.logbus.replaced"
"""The attribute of such a file: the inode of the file whose place it took, hexadecimal."""
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
Identity = tuple[int, int]
"""Device and inode."""


class Opened(Struct, frozen=True):
    """An open file; `path` is where it was found, which is where it was listed unless it was renamed."""

    fd: int
    path: Path
    identity: Identity
    size_bytes: int
    changed_us: int


class Gone(SourceError):  # noqa: N818 - as in logbus.errors
    """A file is no longer where it was, nor beside it."""


def identity_of(status: os.stat_result) -> Identity:
    """Return what tells a file from others."""
    return status.st_dev, status.st_ino


def open_listed(path: Path, identity: Identity, *, follow: bool) -> Opened:
    """Open the file with an identity that was listed at `path`. Raises SourceError, Gone if it is nowhere."""
    for candidate in _where(path, identity[1]):
        opened = _open(candidate, follow=follow)
        if opened and (opened.identity == identity or _took_place_of(opened.fd, identity[1])):
            return opened
        if opened:
            os.close(opened.fd)
    packed = _open(path.with_name(f"{path.name}.gz"), follow=False)
    if packed:
        return packed
    raise Gone(f"search {path}", "it was moved or deleted meanwhile", "search again")


def _where(path: Path, inode: int) -> Iterator[Path]:
    """Yield where a file may be: its path, then the others, which are only looked for if it is not there."""
    yield path
    yield from renamed(path, inode)


def _took_place_of(fd: int, inode: int) -> bool:
    """Return True if an open file holds the content of one with this inode, which it replaced."""
    try:
        return os.getxattr(fd, REPLACED) == b"%x" % inode
    except OSError:
        return False


def _open(path: Path, *, follow: bool) -> Opened | None:
    """Open a regular file; None if there is none, or a link that is not to be followed. Raises SourceError."""
    try:
        if not stat.S_ISREG(path.stat(follow_symlinks=follow).st_mode):
            return None
        fd = os.open(path, _FLAGS | (0 if follow else os.O_NOFOLLOW))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SourceError(f"search {path}", error) from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return None
    return Opened(fd, path, identity_of(status), status.st_size, status.st_mtime_ns // 1000)


def renamed(path: Path, inode: int) -> list[Path]:
    """Return where a file with an inode may be now: beside its old name."""
    try:
        with os.scandir(path.parent) as entries:
            return [path.with_name(each.name) for each in entries if each.inode() == inode]
    except OSError:
        return []
