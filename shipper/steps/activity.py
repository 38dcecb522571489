"""Once a minute, a log line of what was shipped in it."""

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from logbus.telemetry import disk, gauge, value
from shipper.lives.life import Life
from shipper.settings import Input

logger = logging.getLogger("shipper.activity")

EVERY_S = 60.0


class Totals(Struct, frozen=True):
    """What a shipper has published since its start, in how many files, and what of them is unconfirmed now."""

    records: int
    bytes: int
    files: int
    behind_bytes: int


def by_input(lives: Iterable[Life]) -> tuple[Counter[str], Counter[str]]:
    """Return how many streams each input has, and how many of their bytes are not confirmed, by the input's name."""
    streams: Counter[str] = Counter()
    behind: Counter[str] = Counter()
    for life in lives:
        streams[life.input.name] += 1
        behind[life.input.name] += life.behind
    return streams, behind


def measure(lives: Iterable[Life], inputs: Iterable[Input], state: Path | None) -> None:
    """Set the gauges: how many streams each input has, and their unconfirmed bytes; the free space of the state."""
    if state:
        disk.measure("state", state)
    streams, behind = by_input(lives)
    for each in inputs:
        gauge("logbus_streams", streams[each.name], input=each.name)
        gauge("logbus_behind_bytes", behind[each.name], input=each.name)


class Activity:
    """Logs how totals changed, at most once a minute, and nothing if nothing was published or waits for a confirm."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._before = Totals(0, 0, 0, 0)

    def work(self, now: float, totals: Totals) -> None:
        """Log the difference to the totals of the last time, if it is due."""
        if self._since is None:
            self._since = now
        unconfirmed = value("logbus_in_flight_batches")
        if now < self._since + EVERY_S or not (unconfirmed or totals.bytes != self._before.bytes):
            return
        logger.info(
            "shipped in the last %.0f s: records %d, bytes %d; "
            "files followed: %d, bytes behind: %d, batches unconfirmed: %d",
            now - self._since,
            totals.records - self._before.records,
            totals.bytes - self._before.bytes,
            totals.files,
            totals.behind_bytes,
            unconfirmed,
        )
        self._since, self._before = now, totals
