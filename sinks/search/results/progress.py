"""A line on a terminal that says how far a search is; elsewhere, nothing."""

import sys
import time
from typing import Final, TextIO

from logbus.errors import counted
from sinks.search.looking import Progress

EVERY_S: Final = 0.2
_ERASE: Final = "\r\x1b[K"
_WIDTH: Final = 20


class Bar:
    """Draws the bar on standard error while there is something to wait for."""

    def __init__(self, progress: Progress, stream: TextIO | None = None) -> None:
        self._progress = progress
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._began_s = self._drawn_s = time.monotonic()
        self._is_drawn = False

    def draw(self) -> None:
        """Draw it, if it is time to."""
        now_s = time.monotonic()
        if self._is_terminal and now_s - self._drawn_s >= EVERY_S:
            self._drawn_s, self._is_drawn = now_s, True
            self._stream.write(_ERASE + line(self._progress, now_s - self._began_s))
            self._stream.flush()

    def erase(self) -> None:
        """Take it away, before anything else is written."""
        if self._is_drawn:
            self._is_drawn = False
            self._stream.write(_ERASE)
            self._stream.flush()


def line(progress: Progress, took_s: float) -> str:
    """Return the bar after so many seconds."""
    done, size = sum(progress.read_bytes), max(1, sum(progress.sizes))
    part = min(1.0, done / size)
    bar = "#" * int(part * _WIDTH)
    left = f", {took_s / part - took_s:.0f} s left" if part > 0 else ""
    hits = counted(progress.hits, "hit")
    return f"[{bar:<{_WIDTH}}] {part:4.0%} of {shown_bytes(size)}, {hits}{left}"


def shown_bytes(size_bytes: int) -> str:
    """Return a size for people."""
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:  # noqa: PLR2004 - of each unit in the next
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"  # noqa: PLR2004 - two digits
