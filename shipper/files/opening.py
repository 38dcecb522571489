"""Opening files by untrusted paths: regular files only, and through a link only if its owner may read the file."""

# Paths are passed to the system unchanged, as in discovery.
# ruff: noqa: PTH116, PTH120

import contextlib
import os
import stat

from msgspec import Struct
from msgspec.structs import replace

from logbus.errors import SourceError
from logbus.native import descriptors
from shipper.files.admission import require_permitted
from shipper.files.identity import FileId


class OpenFile(Struct, frozen=True):
    """A file open for reading; `fd` is -1 once it is closed. `real_path`: the target of a link, "" without a link.

    `real_path` is None for a file that an older Logbus remembered without it.
    """

    path: str
    fd: int
    id: FileId
    real_path: str | None = ""

    @property
    def closed(self) -> "OpenFile":
        """The same file, closed."""
        return replace(self, fd=-1)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.fd)


def open_regular(path: str) -> OpenFile:
    """Open a regular file for reading, and nothing else.

    Raises SourceError for a FIFO, a socket, a device or a directory, and for a link whose owner may not read its
    target; OSError as open() does.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise SourceError(f"read {path}", "it is not a regular file")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    status = os.fstat(fd)
    try:
        real = _permitted(path, fd, status)
        return OpenFile(path, fd, FileId.of(fd, status), real)
    except BaseException:
        os.close(fd)
        raise


def _permitted(path: str, fd: int, status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"read {path}", "it is not a regular file")
    real = real_path(fd, path)
    if real:
        require_permitted(path, status)
    return real


def real_path(fd: int, path: str) -> str:
    """Return the real path of a file opened as `path`; "" if no link led to it.

    /proc names the opened file, even if the link has changed since.
    """
    try:
        found = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - any bytes, used unchanged
    except OSError:
        found = os.path.realpath(path)
    if not os.fstat(fd).st_nlink:
        found = found.removesuffix(" (deleted)")
    return "" if found == path else found


def require_view(path: str) -> None:
    """Raise OSError unless files beside a path can be looked for: what is not found would count as gone, or as new.

    They can where the directory is gone, or may not be listed: that stays so.
    """
    descriptors.require()
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        os.scandir(os.path.dirname(path)).close()


def own_outputs() -> set[tuple[int, int]]:
    """Return device and inode of our own standard output and error: shipping our log would make it grow for ever."""
    outputs = set()
    for fd in (1, 2):
        with contextlib.suppress(OSError):
            status = os.fstat(fd)
            outputs.add((status.st_dev, status.st_ino))
    return outputs
