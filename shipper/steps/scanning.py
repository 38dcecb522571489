"""When to scan: a path with a hint at once, everything at intervals."""

# Paths are passed to the system unchanged, as in discovery.
# ruff: noqa: PTH120

import os
from collections.abc import Callable, Iterator
from itertools import islice

from shipper.files.discovery import Discovery, Found
from shipper.files.watcher import Watcher
from shipper.lives.following import Following

PATHS_A_STEP = 512
POLL_EVERY_S = 0.25
SCAN_SHARE = 200
"""A scan may take half a percent of a core."""
BLIND_SHARE = 20
"""Where only scans find new files, they may take ten times as much."""


class Scanner:
    """Observes hinted paths and scans. `stopwatch` measures the processor time of scans, in seconds."""

    def __init__(
        self,
        discovery: Discovery,
        watcher: Watcher | None,
        following: Following,
        interval_s: float,
        stopwatch: Callable[[], float],
    ) -> None:
        self._discovery = discovery
        self._watcher = watcher
        self._following = following
        self._interval_s = interval_s
        self._stopwatch = stopwatch
        self._scan: Iterator[Found] | None = None
        self._next_scan = self._scan_s = 0.0
        self._gone: set[str] = set()
        self._unannounced: set[str] = set()

    def began(self, now: float) -> None:
        """Record that everything was just scanned."""
        self._next_scan = now + self._interval_s

    def scan_now(self) -> None:
        """Make the next step start a scan."""
        self._next_scan = 0.0

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next scan is due."""
        return 0.0 if self._scan is not None else max(0.0, self._next_scan - now)

    def work(self, now: float) -> None:
        """Observe the paths with hints, and continue or begin a scan if one is due."""
        if self._watcher:
            for path in self._watcher.take():
                self._following.observe_path(self._discovery.aliases.get(path, path), now) if path else self._scan_soon(
                    now
                )
        if self._scan is None and now >= self._next_scan:
            self._scan = self._discovery.scan()
            self._scan_s = 0.0
            self._gone = self._following.paths()
            self._unannounced.clear()
        if self._scan is not None:
            self._continue_scan(now)

    def _continue_scan(self, now: float) -> None:
        began = self._stopwatch()
        observed = 0
        for found in islice(self._scan or (), PATHS_A_STEP):
            self._gone.discard(found.path)
            if self._following.observe(found, now):
                self._unannounced.add(os.path.dirname(found.path))
            observed += 1
        if observed == PATHS_A_STEP:
            self._scan_s += self._stopwatch() - began
            return
        for path in self._gone:
            self._following.observe_path(path, now)
        self._scan = None
        self._scan_s += self._stopwatch() - began
        if self._watcher:
            self._watcher.missed(self._unannounced)
        blind = self._watcher is None or not self._watcher.reliable
        interval_s = min(POLL_EVERY_S, self._interval_s) if blind and self._watcher else self._interval_s
        self._next_scan = now + max(interval_s, (BLIND_SHARE if blind else SCAN_SHARE) * self._scan_s)

    def _scan_soon(self, now: float) -> None:
        self._next_scan = min(self._next_scan, now + 10 * self._scan_s)
