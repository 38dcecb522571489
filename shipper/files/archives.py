"""Compressed rotated files: identifying the life in an archive, and unpacking it in chunks of bounded size.

Only the unshipped rest of a remembered life is ever taken from an archive. So the archive's first bytes must be the
life's before any more is decompressed. Archives that expand a thousandfold are refused (CWE-409).
"""

import bz2
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from logbus.errors import SourceError
from logbus.wire import frames
from shipper.files.identity import FINGERPRINT_BYTES, HEAD_BYTES
from shipper.files.opening import open_regular

CHUNK_BYTES = 1024 * 1024
INPUT_BYTES = 64 * 1024
XZ_MEMORY_BYTES = 128 * 1024 * 1024
MOST_TIMES = 1100  # gzip cannot expand more than 1,032 times
FREE_BYTES = 64 * 1024 * 1024


class Decompressor(Protocol):
    """The common interface of the standard library's decompressors, all but gzip's."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether more output requires more input."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after the end of the stream."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """Return at most `max_length` decompressed bytes, given `data`."""


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)


OPENERS: dict[str, Callable[[], Decompressor]] = {
    ".gz": _Gzip,
    ".xz": _xz,
    ".bz2": bz2.BZ2Decompressor,
    ".zst": frames.decompressor,
}


def head_of(archive: str) -> bytes:
    """Return the first HEAD_BYTES of an archive's content; none if it cannot be read."""
    try:
        return next(chunks(archive, HEAD_BYTES), b"")
    except (OSError, SourceError):
        return b""


def is_archive(path: str) -> bool:
    """Return True if a path ends like a compressed file that we can read."""
    return os.path.splitext(path)[1] in OPENERS  # noqa: PTH122 - a hostile string, used unchanged


def unpack(archive: str, shipped_bytes: int, fd: int) -> Iterator[None]:
    """Write an archive's content to `fd`, each byte at its offset, a chunk at a time.

    The `shipped_bytes` at its beginning become a hole, except for those that identify the life.
    Raises SourceError if the archive is damaged or a bomb, OSError if the disk is full.
    """
    proof = max(0, shipped_bytes - FINGERPRINT_BYTES)
    position = 0
    for chunk in chunks(archive):
        end = position + len(chunk)
        if position < HEAD_BYTES:
            os.pwrite(fd, chunk[: HEAD_BYTES - position], position)
        if end > proof:
            first = max(position, proof)
            os.pwrite(fd, chunk[first - position :], first)
        position = end
        yield


def chunks(archive: str, most: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield an archive's content, at most `most` bytes at a time. Raises SourceError and OSError, as `unpack` does."""
    make = OPENERS[os.path.splitext(archive)[1]]  # noqa: PTH122 - as above
    with open(open_regular(archive).fd, "rb") as file:  # noqa: PTH123 - a descriptor has no Path
        room = max(FREE_BYTES, MOST_TIMES * os.fstat(file.fileno()).st_size)
        try:
            for chunk in _decompressed(file, make, most):
                room -= len(chunk)
                if room < 0:
                    raise SourceError(f"read {archive}", f"it expands more than {MOST_TIMES}-fold")
                yield chunk
        except (zlib.error, lzma.LZMAError, EOFError, frames.Error) as error:
            raise SourceError(f"read {archive}", error) from error


def _decompressed(file: BinaryIO, make: Callable[[], Decompressor], most: int) -> Iterator[bytes]:
    """Yield the content of each compressed stream in a file; NULs may follow the last one."""
    decompressor = make()
    data = file.read(INPUT_BYTES)
    while True:
        if chunk := decompressor.decompress(data, max_length=most):
            yield chunk
        if decompressor.eof:
            data = (decompressor.unused_data or file.read(INPUT_BYTES)).lstrip(b"\0")
            if not data:
                return
            decompressor = make()
            continue
        data = file.read(INPUT_BYTES) if decompressor.needs_input else b""
        if not (data or chunk):
            raise EOFError("it is truncated")
