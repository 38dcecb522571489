"""Once a minute, a log line of what a sink wrote in it."""

import logging
import time
from collections.abc import Callable
from typing import Final

from logbus import telemetry
from logbus.batch import Batch

logger = logging.getLogger("sinks.activity")

EVERY_S: Final = 60.0
US: Final = 1_000_000
LAGS_MAX: Final = 1024
"""Batches of one commit whose lag is measured."""


class Activity:
    """Adds up what is written, and logs it at most once a minute, and nothing if nothing arrived or waits.

    `total_lines` since the start; `newest_us`: when the last batch was read by its shipper, in microseconds since 1970;
    `waiting` deliveries are not committed.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._since: float | None = None
        self._lines = self._bytes = self._newest_us = 0
        self.total_lines = self.newest_us = self.waiting = 0
        self._lags: list[tuple[int, int]] = []

    def wrote(self, batch: Batch, written_bytes: int) -> None:
        """Record a batch of which `written_bytes` were written, and the rest was there already."""
        self._lines += len(batch.levels)
        self._bytes += written_bytes
        self._newest_us = self.newest_us = batch.read_at_us
        self.total_lines += len(batch.levels)
        if batch.read_at_us and len(self._lags) < LAGS_MAX:
            self._lags.append((batch.read_at_us, batch.times.last_us if batch.times else 0))

    def committed(self, size_bytes: int) -> None:
        """Count what was written since the last commit, and how late it is."""
        telemetry.count("logbus_written_bytes", size_bytes)
        now_us = int(self._clock() * US)
        for read_us, event_us in self._lags:
            telemetry.observe("logbus_read_to_commit_seconds", max(0, now_us - read_us) / US)
            if event_us:
                telemetry.observe("logbus_event_to_commit_seconds", max(0, now_us - event_us) / US)
        self._lags.clear()

    def work(self, now: float, waiting: int) -> None:
        """Log what was written since the last time, if it is due; `waiting` deliveries are not committed yet."""
        self.waiting = waiting
        if self._since is None:
            self._since = now
        if now < self._since + EVERY_S or not (self._lines or waiting):
            return
        logger.info(
            "written in the last %.0f s: records %d, bytes %d%s; batches waiting: %d",
            now - self._since,
            self._lines,
            self._bytes,
            self._lag(),
            waiting,
        )
        self._since, self._lines, self._bytes, self._newest_us = now, 0, 0, 0

    def _lag(self) -> str:
        """Return how long ago the last batch was read from its file, by the shipper's clock."""
        lag_s = self._clock() - self._newest_us / US
        return f", the last one read {max(0.0, lag_s):.1f} s ago" if self._newest_us else ""
