"""Compressed rotated files: which life is in one, and what it holds of it, in chunks of bounded size.

Nothing is taken from an archive but what a life that the registry remembers had not shipped yet, so its first bytes
must be that life's before anything more is decompressed. What expands a thousandfold is refused (CWE-409).
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
    """What the standard library's decompressors have in common, all but gzip's."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to be had without input."""

    @property
    def unused_data(self) -> bytes:
        """What came after the end of the stream."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """Take `data`, return at most `max_length` bytes."""


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
    """Return the first HEAD_BYTES that an archive holds, none if it cannot be read."""
    try:
        return next(chunks(archive, HEAD_BYTES), b"")
    except (OSError, SourceError):
        return b""


def is_archive(path: str) -> bool:
    """Return True if a name is that of a compressed file that we can read."""
    return os.path.splitext(path)[1] in OPENERS  # noqa: PTH122 - a hostile string, taken as it is


def unpack(archive: str, shipped_bytes: int, fd: int) -> Iterator[None]:
    """Write to `fd` what an archive holds, each byte at its offset, a chunk at a time.

    The `shipped_bytes` at its beginning are left out, all but those that prove the life; no room is taken for them.
    Raises SourceError if the archive is damaged or a bomb, OSError if there is no room.
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
    """Yield what an archive holds, at most `most` bytes at a time. Raises SourceError and OSError as `unpack`."""
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
    """Yield the content of each of the streams in a file; NULs may follow the last."""
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
            raise EOFError("it is cut short")
