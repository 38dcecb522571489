"""Divides an open file into segments that can be read one by one, the last one first.

Of a `.zst` file, headers of frames and blocks are read, and nothing is decompressed for that. What gzip and xz
compressed cannot be divided, nor can a `.zst` file with large frames or such that do not state their content's size.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from msgspec import Struct

from logbus.errors import SourceError
from logbus.wire import frames
from sinks.search.files.reading import PIECE_BYTES, WHOLE_FRAME_BYTES, Content, Heard, kind_of
from sinks.search.spans import Stretch

_LEAST_BYTES: Final = PIECE_BYTES // 2
"""Of content in a segment of frames, unless they take too much themselves."""
_PACKED_MAX_BYTES: Final = 4 << 20
_HEADER_BYTES: Final = 18
_BLOCK_HEADER_BYTES: Final = 3
_CHECKSUM_BYTES: Final = 4
_DICTIONARY_BYTES: Final = (0, 1, 2, 4)
_RUN_LENGTH: Final = 1
_RESERVED: Final = 3


Bodies = Callable[[int], bytes]
"""Returns the content of the segment with a number. Raises SourceError, Stopped."""


class Segment(Struct, frozen=True):
    """Bytes of a file from `begin` to `end`, and where their content is in the whole content."""

    begin: int
    end: int
    offset: int
    size_bytes: int


class Segments(Struct, frozen=True):
    """The segments of an open file; `unfinished`: it ends within a frame, which is left out."""

    fd: int
    heard: Heard
    several: Sequence[Segment]
    is_plain: bool
    unfinished: bool = False

    def beginning(self, read: Bodies) -> bytes:
        """Return the content of the first segment, if there is any."""
        return read(0) if self.several else b""

    def bodies(self) -> Bodies:
        """Return what reads the segments; the last two stay in memory."""
        return lru_cache(2)(self._body)

    def _body(self, number: int) -> bytes:
        """Return the content of a segment."""
        segment = self.several[number]
        if not self.is_plain:
            return b"".join(Content(self.fd, self.heard, ((segment.begin, segment.end),)).pieces())
        try:
            data = os.pread(self.fd, segment.size_bytes, segment.begin)
        except OSError as error:
            raise SourceError("read on", error) from error
        self.heard(len(data))
        return data


def segments_of(fd: int, heard: Heard, known: Sequence[Stretch] = ()) -> Segments | None:
    """Return the segments of an open file, None if it cannot be divided. Raises SourceError, Stopped.

    `known`: stretches of its frames, from the first on; their headers need not be read.
    """
    try:
        kind = kind_of(os.pread(fd, _HEADER_BYTES, 0))
        size_bytes = os.fstat(fd).st_size
        if not kind:
            return Segments(fd, heard, _plain(size_bytes), is_plain=True)
        return _of_frames(fd, heard, size_bytes, known) if kind == "zstd" else None
    except OSError as error:
        raise SourceError("read on", error) from error


def _plain(size_bytes: int) -> list[Segment]:
    starts = range(0, size_bytes, PIECE_BYTES)
    ends = (*starts[1:], size_bytes)
    return [Segment(begin, end, begin, end - begin) for begin, end in zip(starts, ends, strict=True)]


def _of_frames(fd: int, heard: Heard, size_bytes: int, known: Sequence[Stretch]) -> Segments | None:
    """Return several frames a segment, if they are small. Raises OSError, Stopped."""
    several: list[Segment] = []
    begin = offset = content_bytes = end = 0
    known = known if known and known[-1][0] <= size_bytes else ()
    for end, size in chain(known, frames_in(fd, size_bytes, known[-1][0] if known else 0)):
        if size is None:
            return None
        content_bytes += size
        if content_bytes >= _LEAST_BYTES or end - begin >= _PACKED_MAX_BYTES:
            several.append(Segment(begin, end, offset, content_bytes))
            begin, offset, content_bytes = end, offset + content_bytes, 0
            heard(0)
    if end > begin:
        several.append(Segment(begin, end, offset, content_bytes))
    return Segments(fd, heard, several, is_plain=False, unfinished=end < size_bytes)


def frames_in(fd: int, size_bytes: int, begin: int = 0) -> Iterator[tuple[int, int | None]]:
    """Yield where each frame from `begin` on ends and the size of its content, None if that is unknown or large."""
    at = begin
    while at < size_bytes:
        header = os.pread(fd, _HEADER_BYTES, at)
        size = frames.content_bytes(header)
        if (size is None and len(header) == _HEADER_BYTES) or (size or 0) > WHOLE_FRAME_BYTES:
            yield size_bytes, None
            return
        end = _end_of(fd, at, header[4]) if size is not None else None
        if end is None or end > size_bytes:
            return
        yield end, size
        at = end


def _end_of(fd: int, begin: int, descriptor: int) -> int | None:
    """Return where a frame ends, None if the file ends first; see RFC 8878. A damaged frame may end anywhere."""
    is_single = descriptor >> 5 & 1
    flag = descriptor >> 6
    at = begin + 5 + (not is_single) + _DICTIONARY_BYTES[descriptor & 3] + (1 << flag if flag or is_single else 0)
    while len(header := os.pread(fd, _BLOCK_HEADER_BYTES, at)) == _BLOCK_HEADER_BYTES:
        block = int.from_bytes(header, "little")
        kind = block >> 1 & 3
        if kind == _RESERVED:
            return None
        at += _BLOCK_HEADER_BYTES + (1 if kind == _RUN_LENGTH else block >> 3)
        if block & 1:
            return at + (_CHECKSUM_BYTES if descriptor >> 2 & 1 else 0)
    return None
