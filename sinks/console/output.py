"""What is on its way to standard output: a slow reader blocks nothing, and one that has left is noticed."""

import os
import stat

from logbus.errors import OutputError
from sinks.readers import GONE, hang_ups
from sinks.sink import OutputClosed


class Output:
    """Writes to `fd` what there is room for, and keeps the rest."""

    def __init__(self, fd: int) -> None:
        self._shared = fd
        self._fd = _without_blocking(fd)
        self._poll = hang_ups(self._fd)
        self._rest = memoryview(b"")

    def add(self, data: bytes) -> None:
        """Write as much as there is room for. Raises as `ready` does."""
        self._rest = memoryview(bytes(self._rest) + data)
        self.ready()

    def ready(self) -> bool:
        """Write as much of the rest as there is room for; return True if that was all.

        Raises OutputClosed when the reader is gone, OutputError.
        """
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._fd, self._rest) :]
        except BlockingIOError:
            self._require_reader()
            return False
        except OSError as error:
            if error.errno in GONE:
                raise OutputClosed from None
            raise OutputError("write to standard output", error, "check what it is connected to") from error
        self._require_reader()
        return True

    def close(self) -> None:
        """Close the descriptor opened here; standard output itself is not ours to close."""
        if self._fd != self._shared:
            os.close(self._fd)
            self._fd = self._shared

    def _require_reader(self) -> None:
        """Raise OutputClosed if the other end of the pipe or terminal is closed, even with nothing to write."""
        if self._poll and self._poll.poll(0):
            raise OutputClosed


def columns_of(fd: int) -> int:
    """Return how many columns the terminal `fd` has now; 0 if it does not tell, or is none."""
    try:
        return os.get_terminal_size(fd).columns
    except OSError:
        return 0


def _without_blocking(fd: int) -> int:
    """Return `fd`, or for a pipe or terminal a second descriptor of it, on which a write never blocks.

    O_NONBLOCK on `fd` itself would also apply to the shell and everyone else who shares it.
    """
    try:
        if stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd):
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return fd
    return fd
