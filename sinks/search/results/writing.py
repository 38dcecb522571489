"""Writes results to standard output: in portions, and soon. Notices a reader that goes away."""

import os
import time
from typing import Final

from logbus.errors import OutputError
from sinks.readers import GONE, STDOUT, hang_ups
from sinks.search.results.progress import Bar

_PORTION_BYTES: Final = 1 << 16
_EVERY_S: Final = 0.1


class Unread(Exception):  # noqa: N818 - no error: who read our output has seen enough
    """Nobody reads standard output any more."""


class Output:
    """Standard output; the bar is erased before anything is written."""

    def __init__(self, bar: Bar, fd: int = STDOUT) -> None:
        self.bar = bar
        self._fd = fd
        self._waiting: list[bytes] = []
        self._size_bytes = 0
        self._written_s = 0.0
        self._poll = hang_ups(fd)

    def write(self, data: bytes) -> None:
        """Write later, or now if there is much or the last time is long ago. Raises Unread, OutputError."""
        self._waiting.append(data)
        self._size_bytes += len(data)
        if self._size_bytes >= _PORTION_BYTES or time.monotonic() - self._written_s >= _EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write now. Raises Unread, OutputError."""
        data = memoryview(b"".join(self._waiting))
        self._waiting, self._size_bytes, self._written_s = [], 0, time.monotonic()
        if data:
            self.bar.erase()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            if error.errno in GONE:
                raise Unread from None
            raise OutputError("write to standard output", error, "check what it is connected to") from error

    def idle(self) -> None:
        """Write what waits, and draw the bar. Raises Unread, even with nothing to write."""
        self.flush()
        if self._poll and self._poll.poll(0):
            raise Unread
        self.bar.draw()
