"""When did each line get there? Lines say themselves when they were written: `t=1795494750889435`, UTC microseconds."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

STAMP = re.compile(rb'[ "]t(?:=|": )([0-9]+)')


class Stopwatch:
    """Follows files as they grow; `at_most` lines read at once are timed, more are a backlog and are not."""

    def __init__(self, paths: Iterable[Path], at_most: int = 500) -> None:
        self._waited_for = set(paths)
        self._open: dict[Path, BinaryIO] = {}
        self._begun: dict[Path, bytes] = {}
        self._at_most = at_most
        self.timed_us: list[tuple[int, int]] = []

    def look(self) -> int:
        """Read what is new; return how many lines were timed so far.

        `timed_us` has when each was written, and its latency.
        """
        for path in [path for path in self._waited_for if path.exists()]:
            self._waited_for.discard(path)
            self._open[path], self._begun[path] = path.open("rb", buffering=0), b""
        for path, file in self._open.items():
            data, now_us = self._begun[path] + file.read(), time.time_ns() // 1000
            whole, _, self._begun[path] = data.rpartition(b"\n")
            self._note(whole, now_us)
        return len(self.timed_us)

    def _note(self, whole: bytes, now_us: int) -> None:
        stamps = STAMP.findall(whole)
        if len(stamps) < self._at_most:
            self.timed_us += [(written_us, now_us - written_us) for written_us in map(int, stamps)]

    def latencies_us(self, but: range = range(0)) -> list[int]:
        """Return the latencies of the lines that were not written in the time `but`."""
        return [latency_us for written_us, latency_us in self.timed_us if written_us not in but]


def percentile_ms(latencies_us: list[int], percent: float) -> float:
    """Return a percentile in milliseconds; 0 of none."""
    ordered = sorted(latencies_us) or [0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] / 1000
