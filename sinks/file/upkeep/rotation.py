"""Rotating outputs: a full or old one is renamed to `NAME-20261124T101112Z`, compressed, and kept for a while.

An output is rotated before a write, when every byte of it is committed: the runner writes again only after its ledger
has recorded that. So a rotated file is never cut back, and may be compressed or deleted at any time. That takes long
for a large one, so a separate thread does it, which touches only rotated files.
"""

import gzip
import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from logbus.errors import UsageError
from logbus.native.threads import begin
from sinks.file import safe_open
from sinks.index.place import COMPRESSIONS, Follower, Place, give_token, token_of

if TYPE_CHECKING:
    import threading

logger = logging.getLogger("sinks.rotation")

Positive = Annotated[int, msgspec.Meta(ge=1)]

_ROTATED = re.compile(r"-\d{8}T\d{6}Z(\.\d+)?(\.gz)?")
_ANY_ROTATED = re.compile(r".+" + _ROTATED.pattern)


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `rotate` section of a file sink.

    An output is rotated when it has `max_bytes` or more, and at the first write in a new period of `every_s` seconds
    (3600: hourly, 86400: daily, in UTC). The newest `keep_files` rotated files are kept, up to `keep_bytes` in total.
    `compress`: how they are compressed.
    """

    max_bytes: Positive | None = None
    every_s: Positive | None = None
    keep_files: Positive | None = None
    keep_bytes: Positive | None = None
    compress: Literal["none", "gzip"] = "none"

    def __post_init__(self) -> None:
        """Raise UsageError if nothing would ever be rotated."""
        if not (self.max_bytes or self.every_s):
            raise UsageError("rotate outputs", "no limit is set", "give max_bytes, or every_s, as in every_s: 86400")

    def is_due(self, size_bytes: int, changed_s: float, now_s: float) -> bool:
        """Return True if an output of this size, last changed at `changed_s` (seconds since 1970), is due."""
        too_large = self.max_bytes is not None and size_bytes >= self.max_bytes
        too_old = self.every_s is not None and now_s // self.every_s > changed_s // self.every_s
        return size_bytes > 0 and (too_large or too_old)


class Rotator:
    """Renames outputs at once, and compresses and deletes rotated ones in a thread."""

    def __init__(
        self, rotation: Rotation, index: Follower | None = None, rotated: Callable[[], None] = lambda: None
    ) -> None:
        """`rotated` is called, in the thread, when all is done for a rotated output."""
        self.rotation = rotation
        self._rotated = rotated
        self._index = index
        self._renamed: SimpleQueue[Path | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def rotate(self, path: Path) -> None:
        """Rename the output `path`. Raises OSError."""
        renamed = free_name(path, time.time())
        path.rename(renamed)
        if self._index:
            self._index.moved(renamed)
        self._renamed.put(path)
        if self._thread is None:
            try:
                self._thread = begin(self._tidy, "rotation")
            except OSError as error:
                logger.warning("cannot clean up after rotating %s before it is rotated again: %s", path, error)

    def close(self) -> None:
        """Finish pending work."""
        if self._thread:
            self._renamed.put(None)
            self._thread.join()
            self._thread = None

    def _tidy(self) -> None:
        while path := self._renamed.get():
            try:
                tidy(path, self.rotation, self._index)
                self._rotated()
            except OSError as error:
                logger.warning("cannot clean up after rotating %s: %s", path, error.strerror or error)


def free_name(path: Path, now_s: float) -> Path:
    """Return an unused name for the rotated `path`."""
    name = f"{path.name}-{datetime.fromtimestamp(now_s, UTC):%Y%m%dT%H%M%SZ}"
    candidates = (path.with_name(f"{name}.{n}" if n else name) for n in count())
    return next(each for each in candidates if not (each.exists() or each.with_name(f"{each.name}.gz").exists()))


def rotated(path: Path) -> list[Path]:
    """Return the rotated files of `path`, oldest first."""
    with suppress(FileNotFoundError):
        names = [entry.name for entry in os.scandir(path.parent) if entry.name.startswith(path.name)]
        found = [path.with_name(name) for name in names if _ROTATED.fullmatch(name, len(path.name))]
        return sorted(found, key=lambda each: (each.stat().st_mtime_ns, each.name))
    return []


def is_rotated(path: Path) -> bool:
    """Return True if a file has the name of a rotated output."""
    return bool(_ANY_ROTATED.fullmatch(path.name))


def tidy(path: Path, rotation: Rotation, index: Follower | None = None) -> None:
    """Compress rotated files, and delete those beyond the limits; tell the index. Raises OSError."""
    if rotation.compress == "gzip":
        for each in rotated(path):
            if each.suffix != ".gz":
                _compress(each, index)
    kept_bytes = 0
    for number, each in enumerate(reversed(rotated(path)), start=1):
        kept_bytes += each.stat().st_size
        if number > (rotation.keep_files or number) or kept_bytes > (rotation.keep_bytes or kept_bytes):
            logger.info("deleting %s", each)
            if index and (token := token_of(each)):
                index.forget(token)
            each.unlink()


def _compress(path: Path, index: Follower | None) -> None:
    """Replace a file by its gzip, which is complete and on disk before the file is deleted."""
    draft, done = path.with_name(f"{path.name}.gz.new"), path.with_name(f"{path.name}.gz")
    draft.unlink(missing_ok=True)
    status = path.stat()
    fd = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, status.st_mode & 0o777)
    with path.open("rb") as plain, os.fdopen(fd, "wb") as target:
        with suppress(PermissionError):  # a user without that right cannot have given away the output either
            os.fchown(fd, status.st_uid, status.st_gid)
        with gzip.GzipFile(path.name, "wb", fileobj=target, mtime=status.st_mtime) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
        target.flush()
        place, content_bytes = _place_of(path, fd, done), plain.tell()
        os.fsync(fd)
    os.utime(draft, ns=(status.st_atime_ns, status.st_mtime_ns))
    draft.rename(done)
    safe_open.sync_directory(path.parent)
    if index and place:
        index.packed(place, content_bytes)
    path.unlink()


def _place_of(plain: Path, fd: int, done: Path) -> Place | None:
    """Give an open file, later `done`, the token of `plain`, whose content it has; return its place, if it has one."""
    token = token_of(plain)
    if not token or not give_token(fd, token):
        return None
    return Place(token, safe_open.identity(fd), str(done), COMPRESSIONS["gzip"])
