"""Replaces a finished `.zst` output of tiny frames by one with frames of about 1 MiB, at once or not at all.

A trickle makes a frame a commit, which takes several times the space. The new file is complete and on disk, and its
rows are at hand, before it is renamed over the old one. That happens only if nobody can write to the old one: the
ledger has no mark of it, it is as it was read, and we hold the lock that a sink takes before it writes. A sink that
opened it just before sees that it has no name any more, as after any rotation, and begins anew what it did not commit.

What dies on the way leaves the old file or the new one. Rows of the old one never fit the new one, which has another
token.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from logbus.errors import SourceError
from logbus.wire import frames
from sinks.file import holding, safe_open
from sinks.index.place import COMPRESSIONS, give_token
from sinks.search.asking import Query, Source
from sinks.search.files.opening import DRAFT, REPLACED, identity_of
from sinks.search.files.reading import Content
from sinks.search.finding import Finder
from sinks.settling.archive import Archive, committed
from sinks.settling.borders import Border, frame_borders
from sinks.settling.opened import Opened, folder_of
from sinks.settling.rows import ROW_BYTES
from sinks.settling.settling import rows_of
from sinks.settling.store import Store

FRAMES_LEAST: Final = 8
TINY_BYTES: Final = 128 << 10
FRAME_MAX_BYTES: Final = 2 << 20
ZSTD_LEVEL: Final = 3
_OURS: Final = "user.logbus."
_LARGE: Final = "user.logbus.large_frames"
"""The attribute of an output that need not be looked at again."""
_NEW: Final = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def is_worthwhile(opened: Opened) -> bool:
    """Return True for a series of whole, tiny frames; remember the opposite. Raises SourceError, OSError."""
    if opened.place.compression != COMPRESSIONS["zstd"] or _LARGE in os.listxattr(opened.fd):
        return False
    count, last = 0, Border(0, 0)
    for border in frame_borders(opened.fd, opened.size_bytes):
        count, last = count + 1, border
    if count >= FRAMES_LEAST and last.content < count * TINY_BYTES and last.at == opened.size_bytes:
        return True
    os.setxattr(opened.fd, _LARGE, b"1")
    return False


def recompress(archive: Archive, store: Store, old: Opened) -> bool:
    """Replace an output, and its rows; return False if somebody may write to it.

    Raises SourceError, OSError and sqlite3.Error.
    """
    folder, name = folder_of(archive.base, old.place.path)
    draft = f".{os.fstat(old.fd).st_ino:x}{DRAFT}"
    try:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)
        fd = os.open(draft, _NEW, 0o600, dir_fd=folder)
        try:
            new = _written(archive, old, fd)
            if _digest(new) != _digest(old):
                raise SourceError(f"replace {old.path}", "the new file has another content", "the old one is kept")
            rows = rows_of(new, store.old(old), archive.settings.format, archive.zone, lambda _size: None)
            move = _Move(folder, draft, name, old, archive)
            return store.save(new, rows, archive.zone_name, old=old, ready=move.now) >= 0
        finally:
            os.close(fd)
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=folder)
    finally:
        os.close(folder)


class _Move(Struct, frozen=True):
    """A draft that is to take the place of an output in the open directory `folder`."""

    folder: int
    draft: str
    name: str
    old: Opened
    archive: Archive

    def now(self) -> bool:
        """Rename the draft over the output if nobody can write to that; return whether that was so. Raises OSError."""
        try:
            holding.hold(self.old.fd)
        except holding.HeldByAnother:
            return False
        there = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        is_there = identity_of(there) == identity_of(os.fstat(self.old.fd))
        if not (is_there and self.old.is_same()) or committed(self.archive.state)(self.old.place.identity) is not None:
            return False
        os.rename(self.draft, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        os.fsync(self.folder)
        return True


def _written(archive: Archive, old: Opened, fd: int) -> Opened:
    """Write an output's content to an open file, durably, with all that the old file is known by but its token."""
    for frame in _frames(archive, old):
        view = memoryview(frame)
        while view:
            view = view[os.write(fd, view) :]
    status = os.fstat(old.fd)
    with suppress(PermissionError):  # a user without that right cannot have given away the output either
        os.fchown(fd, status.st_uid, status.st_gid)
    os.fchmod(fd, status.st_mode & 0o777)
    for attribute in (each for each in os.listxattr(old.fd) if each.startswith(_OURS)):
        os.setxattr(fd, attribute, os.getxattr(old.fd, attribute))
    os.setxattr(fd, _LARGE, b"1")
    os.setxattr(fd, REPLACED, b"%x" % status.st_ino)
    token = give_token(fd)
    os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.fsync(fd)
    if not token:
        raise OSError(errno.ENOTSUP, "it can have no token")
    place = replace(old.place, token=token, identity=safe_open.identity(fd))
    size_bytes = os.fstat(fd).st_size
    return replace(old, fd=fd, place=place, size_bytes=size_bytes, limit=size_bytes)


def _digest(opened: Opened) -> bytes:
    """Return a digest of a file's content, as anybody reads it. Raises SourceError."""
    digest = hashlib.blake2b()
    for piece in Content(opened.fd, lambda _size: None, ((0, opened.limit),)).pieces():
        digest.update(piece)
    return digest.digest()


def _frames(archive: Archive, old: Opened) -> Iterator[bytes]:
    """Yield frames that begin and end where a record does, unless that is very long."""
    source = Source(
        old.path, identity_of(os.fstat(old.fd)), old.size_bytes, old.changed_us, {}, archive.settings.format
    )
    finder = Finder(Query(zone=archive.zone, needs_times=False), source, 0, old.changed_us)
    body = b""
    for view in finder.views(Content(old.fd, lambda _size: None, ((0, old.limit),)).pieces()):
        body += view.block.body
        if len(body) >= ROW_BYTES:
            yield from _compressed(body)
            body = b""
    if body:
        yield from _compressed(body)


def _compressed(body: bytes) -> Iterator[bytes]:
    for at in range(0, len(body), FRAME_MAX_BYTES):
        yield frames.compress(body[at : at + FRAME_MAX_BYTES], ZSTD_LEVEL)
