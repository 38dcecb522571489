"""Copies of logs under names that rotation does not give, judged by content alone.

An application may write the same lines to `a.log` and to `full.log`. Once `a.log` is truncated, `full.log` holds all of
its bytes, and yet is no copy. So a file that no input names counts as one only if all of this holds:

- it begins with the same HEAD_BYTES,
- it has not changed since the truncation was noticed,
- its further bytes do not contain the line with which the truncated log continues.

Only the bytes that it has then are read from it, never what is added later.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from logbus.errors import SourceError
from shipper.files.identity import FINGERPRINT_BYTES, HEAD_BYTES, FileId
from shipper.files.opening import OpenFile, open_regular

CHUNK_BYTES = 1024 * 1024
LINE_BYTES = 256


@dataclass(frozen=True, slots=True)
class Stranger:
    """What a file at `path` was when it was found: equal to itself under another name, unless it has changed."""

    path: str = field(compare=False)
    file: FileId
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, file: OpenFile) -> "Stranger":
        """Describe an open file."""
        status = os.fstat(file.fd)
        return cls(file.path, file.id, status.st_size, status.st_mtime_ns)


def present_paths(stranger: Stranger, paths: Iterable[str]) -> list[str]:
    """Return the one among `paths` that leads to the stranger now; none if it has changed or is gone."""
    for path in paths:
        with suppress(OSError, SourceError):
            file = open_regular(path)
            try:
                if Stranger.of(file) == stranger:
                    return [path]
            finally:
                file.close()
    return []


def first_line(path: str) -> bytes:
    """Return the first line of a file, LINE_BYTES at most; none if it is empty or gone. Raises OSError, SourceError."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return b""
    try:
        line, end, _ = os.pread(file.fd, LINE_BYTES, 0).partition(b"\n")
    finally:
        file.close()
    return line + end


def copy_rest(path: str, shipped_bytes: int, published_bytes: int, line: bytes, fd: int) -> Iterator[None]:
    """Write a file's bytes to `fd`, each at its offset, a chunk at a time, without what was shipped of them.

    The `shipped_bytes` become a hole, except for those that identify the life. `fd` is left empty if the bytes behind
    `published_bytes` contain `line`. Raises OSError and SourceError.
    """
    file = open_regular(path)
    try:
        os.pwrite(fd, os.pread(file.fd, HEAD_BYTES, 0), 0)
        before = b""
        for chunk, at in _chunks(file.fd, max(0, shipped_bytes - FINGERPRINT_BYTES)):
            os.pwrite(fd, chunk, at)
            fresh = chunk[max(0, published_bytes - at) :]
            if line and line in before + fresh:
                os.ftruncate(fd, 0)
                return
            before = (before + fresh)[-len(line) :] if line else b""
            yield
    finally:
        file.close()


def _chunks(fd: int, start: int) -> Iterator[tuple[bytes, int]]:
    """Yield the bytes of an open file from `start` on, up to its present size, and the offset of each part."""
    size = os.fstat(fd).st_size
    while start < size and (chunk := os.pread(fd, min(CHUNK_BYTES, size - start), start)):
        yield chunk, start
        start += len(chunk)
