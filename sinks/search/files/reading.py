"""Reads a file in pieces, decompressed: gzip, zstd and xz are told by their first bytes, all else is plain.

Memory is bounded whatever a file states. A zstd file that ends within a frame is not damaged: a sink may be writing it,
and what is read ends with the last whole frame. The frames of a sink state their size; of others the beginning counts,
and a cut is reported.
"""

import lzma
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final, Protocol

from logbus.errors import SourceError
from logbus.wire import frames

READ_BYTES: Final = 1 << 19
PIECE_BYTES: Final = 1 << 20
WHOLE_FRAME_BYTES: Final = 4 << 20
"""A frame that states no more than this is taken whole or not at all."""
_XZ_MEMORY_BYTES: Final = 70 << 20
"""What `xz -9` needs; one such file at a time."""
_PACKED_BYTES: Final = WHOLE_FRAME_BYTES + (1 << 16)
"""A frame that takes more than its content and some takes the longer way."""
_WINDOW_BITS: Final = 24
"""16 MiB: more than `zstd -19` needs; what `--long` makes is refused, aloud."""
_XZ: Final = threading.Lock()
_GZIP_BITS: Final = 31
_HEADER_BYTES: Final = 18
_MAGIC: Final = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\0": "xz"}
_ERRORS: Final = (zlib.error, lzma.LZMAError, frames.Error, EOFError)

Heard = Callable[[int], None]
"""Is told how many bytes of the file were read."""


class _Decompressor(Protocol):
    """What the three have in common; `eof` at the end of a member."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the face of the other two."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP_BITS)
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def kind_of(first: bytes) -> str:
    """Return which of the three compressed a file that begins so, "" if none did."""
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), "")


@dataclass(slots=True)
class Content:
    """The content of an open file; `unfinished` afterwards says that the last frame was not complete yet.

    `kind` of compression, "" if none; None if the first bytes have to tell.
    """

    fd: int
    heard: Heard
    ranges: Sequence[tuple[int, int]] | None = None
    kind: str | None = None
    unfinished: bool = field(default=False, init=False)

    def pieces(self) -> Iterator[bytes]:
        """Yield the content in pieces of 1 MiB at most, or of a frame. Raises SourceError."""
        try:
            for begin, end in self.ranges or ((0, 1 << 62),):
                yield from self._range(begin, end)
        except OSError as error:
            raise SourceError("read on", error) from error
        except _ERRORS as error:
            raise SourceError("read on", f"it cannot be decompressed: {error}") from error

    def _range(self, begin: int, end: int) -> Iterator[bytes]:
        raw = self._raw(begin, end)
        first = next(raw, b"")
        kind = kind_of(first) if self.kind is None else self.kind
        if not kind:
            if first:
                yield first
            yield from raw
            return
        with _XZ if kind == "xz" else nullcontext():
            yield from self._frames(first, raw) if kind == "zstd" else _members(first, raw, kind)

    def _raw(self, at: int, end: int) -> Iterator[bytes]:
        while at < end and (data := os.pread(self.fd, min(READ_BYTES, end - at), at)):
            at += len(data)
            self.heard(len(data))
            yield data

    def _frames(self, data: bytes, raw: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the content of zstd frames."""
        at = 0
        while True:
            while len(data) - at < _HEADER_BYTES and (more := next(raw, b"")):
                data, at = data[at:] + more, 0
            if at >= len(data):
                return
            size = frames.content_bytes(data[at : at + _HEADER_BYTES])
            is_whole = size is not None and size <= WHOLE_FRAME_BYTES
            if size is not None and is_whole:
                data, at, end = _with_frame(data, at, raw)
                if end:
                    yield frames.decompressor(_WINDOW_BITS).decompress(data[at:end], size + 1)
                    at = end
                    continue
            decompressor = frames.decompressor(_WINDOW_BITS)
            yield from self._large(decompressor, data[at:], raw, is_whole=is_whole)
            data, at = decompressor.unused_data if decompressor.eof else b"", 0

    def _large(
        self, decompressor: _Decompressor, data: bytes, raw: Iterator[bytes], *, is_whole: bool
    ) -> Iterator[bytes]:
        """Yield the content of a frame, or if it `is_whole` or not at all, only if all of it is there."""
        whole: list[bytes] = []
        begun = False
        for piece in _one(decompressor, data, raw):
            begun = True
            if is_whole:
                whole.append(piece)
            else:
                yield piece
        if not decompressor.eof:
            self.unfinished = True
            if begun and not is_whole:
                raise EOFError("the file ends within a frame")
            return
        yield from whole


def _with_frame(data: bytes, at: int, raw: Iterator[bytes]) -> tuple[bytes, int, int]:
    """Return bytes with more behind them, where the frame in them begins, and where it ends: 0 if that is not there."""
    while not (size_bytes := frames.frame_bytes(memoryview(data)[at:])):
        if len(data) - at > _PACKED_BYTES or not (more := next(raw, b"")):
            return data, at, 0
        data, at = data[at:] + more, 0
    return data, at, at + size_bytes


def _members(data: bytes, raw: Iterator[bytes], kind: str) -> Iterator[bytes]:
    """Yield the content of the members of a gzip or xz file; zeros behind the last one are padding."""
    while data := data.lstrip(b"\0") or next(raw, b"").lstrip(b"\0"):
        decompressor: _Decompressor = _Gzip() if kind == "gzip" else lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
        yield from _one(decompressor, data, raw)
        if not decompressor.eof:
            raise EOFError("the file ends too early")
        data = decompressor.unused_data


def _one(decompressor: _Decompressor, data: bytes, raw: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content of one frame or member, as far as there is any."""
    while True:
        if piece := decompressor.decompress(data, PIECE_BYTES):
            yield piece
        if decompressor.eof:
            return
        data = next(raw, b"") if decompressor.needs_input else b""
        if not data and decompressor.needs_input:
            return
