"""One open file, read from its offset in slices that end with a record.

A tail reads with pread and keeps no buffer: unpublished bytes are read again. Each read begins FINGERPRINT_BYTES before
the offset, and those bytes must match the previous read, as must the file's head. So the read itself detects truncation
and rewriting in place, whatever the size is.

A line that never ends is searched for its LF only once (`scanned`) and is published in pieces of max_record_bytes.
"""

import os

from msgspec import Struct

from logbus.batch import MAX_BODY_BYTES
from shipper.files.identity import HEAD_BYTES, Head, Position
from shipper.files.opening import OpenFile
from shipper.files.space import content_end, first_byte
from shipper.lives.content import Content
from shipper.records.cuts import Bounds, Records
from shipper.records.encoding import Encoding

BATCH_BYTES = MAX_BODY_BYTES
REWRITTEN_BYTES = 1536 * 1024
"""The limit for an input whose records may be changed: if they become a third longer, that is still one batch."""


class LifeEnded(Exception):  # noqa: N818 - an event, not an error
    """The open file no longer holds what was read from it: truncated or rewritten in place."""


class Slice(Struct, frozen=True):
    """Bytes of a file: `body` begins at `offset`; `partial` if its last record continues in the next slice.

    `bounds`: where its records end in the decoded text, unless each is a line. `forced`: a timeout, not the bytes,
    ended the last record. `marks`: what its lines state, if that is known already.
    """

    offset: int
    body: bytes
    partial: bool = False
    bounds: Bounds | None = None
    forced: bool = False
    marks: bytes | None = None

    @property
    def end(self) -> int:
        """Where the next slice begins."""
        return self.offset + len(self.body)


class Tail:
    """The reader of one open file. Callers use its methods and never write its attributes.

    `position`: the next offset and the bytes before it. After a read, `more` means that the file continues, `fragment`
    that an unfinished line follows; `final` makes that line a record. `pending`: whole lines wait for others that may
    belong to their record; `flush` ends the record. At `boundary` a record was once forced to end, and ends again.
    From `until` on, the content is another life's. `hole`: where a writer may resume after a truncation, leaving NULs
    before. `content` reads everything but space.
    """

    __slots__ = (
        "boundary", "content", "file", "final", "flush", "fragment", "head", "hole", "more", "pending", "position",
        "recorder", "scanned", "until",
    )  # fmt: skip

    def __init__(self, file: OpenFile, recorder: Records) -> None:
        self.file = file
        self.recorder = recorder
        self.position = Position()
        self.scanned = 0
        self.head = Head()
        self.hole = self.boundary = self.until = 0
        self.fragment = self.more = self.pending = self.flush = self.final = False
        self.content = Content(recorder.encoding.unit, has_space=recorder.encoding.has_space)

    @property
    def offset(self) -> int:
        """The offset of the next byte to read."""
        return self.position.offset

    @property
    def fd(self) -> int:
        """The file's descriptor, -1 while it is closed."""
        return self.file.fd

    @property
    def _encoding(self) -> Encoding:
        return self.recorder.encoding

    def begin_at(self, offset: int) -> None:
        """Count everything before `offset` as read."""
        self.position = Position.of(self.fd, offset)
        self.scanned = offset
        self.head = Head.of(self.fd, offset)

    def resume(self, head_length: int, boundary: int) -> None:
        """Resume a file with a head of `head_length` bytes and a record that was once forced to end at `boundary`."""
        self.head = Head.of(self.fd, head_length)
        self.boundary = boundary

    def stop_at(self, offset: int) -> None:
        """Read only up to `offset`, the end of a record: the rest is another life's."""
        self.until = self.boundary = offset

    def read_from(self, file: OpenFile) -> None:
        """Read from another file in place of this one."""
        self.file = file

    def release(self) -> OpenFile:
        """Return the open file and keep it as closed."""
        file, self.file = self.file, self.file.closed
        return file

    def expect_hole(self, offset: int) -> None:
        """Skip NULs up to `offset`: a writer may resume at its position from before a truncation."""
        self.hole = offset

    def flush_record(self) -> None:
        """Make the next read end the pending record."""
        self.flush = True

    def finish_line(self, *, finished: bool = True) -> None:
        """Make the next read end an unfinished line as a record, or cancel that."""
        self.final = finished

    def peek(self) -> bytes:
        """Return the life's next bytes, HEAD_BYTES at most; none before a whole line is there, unless `final`."""
        if self.hole:
            self._skip_hole()
        data = self._content(HEAD_BYTES, 0)
        self.fragment = 0 < len(data) < HEAD_BYTES and not self._encoding.behind_first(data, at=self.offset)
        return b"" if self.fragment and not self.final else data

    def read(self) -> Slice | None:
        """Return the next slice; None at the end, or before an unfinished line (unless `final`).

        Raises LifeEnded if the file no longer continues what was read, OSError as pread does.
        """
        if not self.head.matches(self.fd) or self._is_over():
            raise LifeEnded
        if self.scanned > self.offset:
            return self._read_long_line()
        limit = min(self._limit(), self._to_boundary())
        data, start = self._read_on(limit)
        self.more = len(data) - start == limit
        bound = self.more and limit == self._to_boundary()
        most, at = self.recorder.max_record_bytes, self.offset - start
        if (too_long := _too_long(self._encoding, data, start, most, at)) >= 0:
            data, self.more, bound = data[: max(too_long, start + most)], True, False
        final, flush = bound or (self.final and not self.more), bound or self.flush or self.final
        self.flush = False
        found = self.recorder.cut(data, start, flush=flush, final=final, at=at)
        inside = bound and found.end == start
        end = len(data) if inside else found.end
        self.fragment = end < len(data)
        self.pending = self.recorder.joins and self._encoding.behind_first(data, end, at) > 0
        if end == start:
            return self._unfinished(data, start)
        self.more = self.more or found.more
        partial = inside and end - start > most - self._encoding.longest
        body = found.body if found.body and end == found.end else data[start:end]
        return Slice(self.offset, body, partial, bounds=found.bounds, forced=found.forced, marks=found.marks)

    def read_again(self, piece: Slice) -> None:
        """Make the next read return a slice again that was not published."""
        self.scanned, self.flush = self.offset, piece.forced
        self.content.search_again()

    def leave_rest(self) -> None:
        """Record that less is published than was read: the file continues."""
        self.more = True

    def advance(self, piece: Slice) -> None:
        """Count a slice as published."""
        if not piece.offset:  # bytes that were only peeked at may never be in the life's copy
            self.head = Head()
        self.head.extend(piece.offset, piece.body)
        self.position = self.position.after(piece.body)
        self.scanned = self.offset
        self.content.search_again()

    def reopened_as(self, file: OpenFile) -> bool:
        """Take a newly opened file; False if it is another one, even with the same inode."""
        if file.id != self.file.id:
            file.close()
            return False
        self.file = file
        return True

    def continues(self) -> bool:
        """Return True if the open file still has its head and the bytes before the offset."""
        return self.head.matches(self.fd) and self.position.is_in(self.fd)

    def end_of_records(self) -> int:
        """Return where the last complete line of the file ends (searching the last max_record_bytes only)."""
        size = content_end(self.fd) if self._encoding.has_space else os.fstat(self.fd).st_size
        start = max(0, size - self.recorder.max_record_bytes)
        data = os.pread(self.fd, size - start, start)
        last = self._encoding.behind_last(data, 0, len(data), start)
        return start + last if last or not start else size - size % self._encoding.unit

    def close(self) -> None:
        """Close the file; it may be reopened."""
        if self.fd >= 0:
            self.release().close()

    def _skip_hole(self) -> None:
        """Skip the NULs left by a writer that resumed at its old position after a truncation."""
        first, _ = first_byte(self.fd)
        if first is None:
            return
        if first >= self.hole:
            self.begin_at(first - first % self._encoding.unit)
        self.hole = 0

    def _read_on(self, limit: int) -> tuple[bytes, int]:
        """Return the bytes before the position and up to `limit` new ones, and where the new ones begin."""
        start = len(self.position.before)
        data = self._content(start + limit, start)
        if not data.startswith(self.position.before):
            raise LifeEnded
        return data, start

    def _content(self, most: int, start: int, position: int = -1) -> bytes:
        """Return at most `most` bytes from `start` bytes before `position` (default: the offset) on, without space."""
        position = self.offset if position < 0 else position
        return self.content.read(self.fd, most, position - start, start)

    def _is_over(self) -> bool:
        return 0 < self.until <= self.offset < os.fstat(self.fd).st_size

    def _limit(self) -> int:
        return min(REWRITTEN_BYTES if self.recorder.rewrites else BATCH_BYTES, 2 * self.recorder.max_record_bytes)

    def _to_boundary(self) -> int:
        """Return how many bytes remain before the forced end of a record; more than any limit if there is none."""
        return self.boundary - self.offset if self.offset < self.boundary else 2 * BATCH_BYTES

    def _unfinished(self, data: bytes, start: int) -> Slice | None:
        """Handle an incomplete record: nothing, pending lines, an unfinished line or the start of a very long one."""
        length = len(data) - start
        if not length or self.pending:
            return None
        self.scanned = self.offset + length
        if length >= self.recorder.max_record_bytes:
            return self._piece(data[start:])
        return self._read_long_line() if self.more or self.final else None

    def _read_long_line(self) -> Slice | None:
        """Search for the end of an unfinished line from `scanned` on; return the line once it is complete."""
        room = min(self.recorder.max_record_bytes, self._to_boundary()) - (self.scanned - self.offset)
        half = self.scanned % self._encoding.unit  # the first half of a unit, from the previous search
        data = self._content(min(BATCH_BYTES, room) + half, half, self.scanned)
        fresh = max(0, len(data) - half)
        if not fresh and os.fstat(self.fd).st_size < self.scanned:
            self.scanned = self.offset
            return self.read()
        found = self._encoding.behind_first(data, at=self.scanned - half)
        self.scanned += (found or half + fresh) - half
        self.more = fresh > 0
        self.fragment = not found
        if found and self.recorder.joins and self.scanned - self.offset <= self._limit():
            self.scanned = self.offset
            return self.read()
        too_long = not found and self.scanned - self.offset >= self.recorder.max_record_bytes
        if found or too_long or self.final or self.scanned == self.boundary:
            return self._line_so_far(partial=too_long, forced=not found and not too_long)
        return self._read_long_line() if self.more else None

    def _line_so_far(self, *, partial: bool, forced: bool) -> Slice:
        data, start = self._read_on(self.scanned - self.offset)
        return self._piece(data[start:]) if partial else Slice(self.offset, data[start:], forced=forced)

    def _piece(self, data: bytes) -> Slice:
        """Return the beginning of an overlong line, up to the end of a character."""
        return Slice(self.offset, self._encoding.whole(data, self.offset), partial=True)


def _too_long(encoding: Encoding, data: bytes, start: int, most: int, at: int) -> int:
    """Return where a line of over `most` bytes begins in data[start:], which begins with a line; -1 if none does."""
    while len(data) - start > most:
        end = encoding.behind_last(data, start, start + most, at)
        if not end:
            return start
        start = end
    return -1
