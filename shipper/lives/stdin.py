"""Standard input: read as it arrives, never rewound, not remembered."""

import os
import select
import stat

from logbus.traces import NOTHING, Before
from shipper.files.complaints import report_marked
from shipper.files.identity import Position, random_id
from shipper.lives.tail import Slice
from shipper.records.cuts import Cut
from shipper.records.encoding import marked_encoding
from shipper.records.recorder import Recorder
from shipper.settings import Input
from shipper.state.progress import Progress

READ_BYTES = 512 * 1024


class Stdin:
    """Slices of a pipe, a terminal or a redirected file; `_waiting` is the unfinished end of the input so far."""

    def __init__(self, entry: Input, fd: int = 0) -> None:
        self.input = entry
        self.recorder = Recorder(entry)
        self.fd = fd
        self.stream = random_id()
        self.offset = 0
        self._eof = self._more = False
        self.progress = Progress(Position())
        mode = os.fstat(fd).st_mode
        self.pollable = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)
        self._waiting = b""
        self._before = NOTHING
        self._changed_s = 0.0
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    @property
    def at_end(self) -> bool:
        """Whether all input was read."""
        return self._eof and not self._waiting

    def read(self, now: float = 0.0) -> Slice | None:
        """Return the available input up to its last complete record; at end of input, the unfinished one, too."""
        if self._eof:
            return self._slice(self._waiting) if self._waiting else None
        if self._more:
            return self._slice(self._waiting)
        if not self._poll.poll(0):
            quiet = self._waiting and self.recorder.joins and now >= self._changed_s + self.recorder.flush_s
            return self._slice(self._waiting, flush=True) if quiet else None
        data = os.read(self.fd, READ_BYTES // self.recorder.encoding.unit)  # decoded, it grows by half
        self._eof = not data
        if not (self.offset or self._waiting or self.input.encoding) and (marked := marked_encoding(data)):
            report_marked("standard input", marked)
        self._changed_s = now
        return self._slice(self._waiting + data)

    def done(self) -> bool:
        """Return True if all input was read and confirmed."""
        return self.at_end and self.progress.committed == self.offset

    def before(self, _piece: Slice) -> Before:
        """Return what the first line of a slice may continue."""
        return self._before

    def remember(self, after: Before) -> None:
        """Remember what the next slice may continue."""
        self._before = after

    def _slice(self, data: bytes, *, flush: bool = False) -> Slice | None:
        found = self.recorder.cut(data, flush=flush or self._eof, final=self._eof, at=self.offset)
        partial = not found.end and len(data) >= self.input.max_record_bytes
        if partial or (self._eof and not found.end):
            found = Cut(len(data if self._eof else self.recorder.encoding.whole(data, self.offset)))
        self._waiting, self._more = data[found.end :], found.more
        if not found.end:
            return None
        piece = Slice(self.offset, data[: found.end], partial, found.bounds, marks=found.marks)
        self.offset = piece.end
        self.progress.published(Position(piece.end))
        return piece
