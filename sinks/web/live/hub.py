"""Between RabbitMQ and the browsers: each batch is offered to all who look, and the last ones are kept for a while.

A browser that lost its connection goes on where it was, if that is still kept; otherwise it is told how many came
meanwhile. `publish` is called by one thread, everything else by another.
"""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock
from typing import Final

from logbus.batch import Batch, select
from logbus.errors import UsageError
from sinks.web.live.entry import Entry, levels_of, newest
from sinks.web.live.filters import Filter, there
from sinks.web.live.ring import RECORDS_MAX, Ring, Taken

KEPT_BYTES: Final = 16 << 20
KEPT_BATCHES: Final = 4_096
VIEWERS_MAX: Final = 64
FIRST: Final = 200
"""So many of the latest records somebody sees who comes anew."""
SEVERITIES: Final = 8


@dataclass(frozen=True, slots=True)
class Place:
    """How far a browser is: so many records of this `hub`, and `into` the entry behind them."""

    hub: str
    place: int
    into: int


@dataclass(frozen=True, slots=True)
class _Kept:
    batch: Batch
    place: int
    count: int


class Viewer:
    """One browser's look: its filter, and what waits for it. `missed`: unfiltered records; None if nobody knows."""

    def __init__(self, chosen: Filter, wake: Callable[[], None], place: int, records_max: int) -> None:
        self.ring = Ring(place, records_max)
        self.missed: int | None = 0
        self.sent = self.skipped = 0
        self._filter = chosen
        self._wake = wake
        self._rates = [0] * SEVERITIES

    def offer(self, batch: Batch, place: int, whole: Callable[[], tuple[Entry, int]]) -> None:
        """Let what the filter wants of a batch wait; `whole` makes the entry of all of it."""
        mask = self._filter.mask(batch)
        if 1 not in mask:
            return
        chosen = batch if mask == there(batch) else select(batch, mask)
        entry, left_out = whole() if chosen is batch else newest(chosen, place, self.ring.records_max)
        self.ring.add(entry, left_out)
        levels = levels_of(chosen)
        self._rates = [had + levels.count(ord("0") + digit) for digit, had in enumerate(self._rates)]
        self._wake()

    def begin(self, *, knew_another: bool) -> None:
        """Begin with the latest; a browser that `knew_another` hub missed nobody knows how many records."""
        self.missed = None if knew_another else 0
        self.ring.keep(FIRST, counted=False)
        self.rates()

    def go_on(self, missed: int, into: int) -> None:
        """Go on behind `into` records of the first entry, unless so many were missed before it."""
        self.missed = missed
        if not missed:
            self.ring.pass_over(into)
        self.rates()

    def rates(self) -> list[int]:
        """Return how many records of each severity, 0 to 7, came since the last call, shown or not."""
        rates, self._rates = self._rates, [0] * SEVERITIES
        return rates

    def take(self, most: int) -> Taken:
        """Return what comes next, and count it."""
        taken = self.ring.take(most)
        self.sent += sum(part.stop - part.start for part in taken.parts)
        self.skipped += sum(taken.skipped.values())
        return taken

    def wake(self) -> None:
        """Tell the browser's task that there is something to do."""
        self._wake()


class Hub:
    """All who look, and the latest batches."""

    def __init__(self, kept_bytes: int = KEPT_BYTES, records_max: int = RECORDS_MAX) -> None:
        self.name = secrets.token_hex(4)
        self.closed = False
        self._lock = Lock()
        self._viewers: list[Viewer] = []
        self._kept: deque[_Kept] = deque()
        self._kept_bytes = 0
        self._kept_max_bytes = kept_bytes
        self._records_max = records_max
        self._place = 0

    def publish(self, batch: Batch) -> None:
        """Offer a batch to all."""
        count = there(batch).count(1)
        if not count:
            return
        with self._lock:
            self._place += count
            self._keep(_Kept(batch, self._place, count))
            whole = cache(partial(newest, batch, self._place, self._records_max))
            for viewer in self._viewers:
                viewer.offer(batch, self._place, whole)

    def look(self, chosen: Filter, wake: Callable[[], None], since: Place | None = None) -> Viewer:
        """Return a new viewer, who goes on where it was, or begins with the latest. Raises UsageError if full."""
        with self._lock:
            if len(self._viewers) >= VIEWERS_MAX:
                raise UsageError("show live records", f"{VIEWERS_MAX} others look already", "try again later")
            known = since if since and since.hub == self.name and since.place <= self._place else None
            viewer = Viewer(chosen, wake, known.place if known else self._place, self._records_max)
            for each in [each for each in self._kept if not known or each.place > known.place]:
                viewer.offer(each.batch, each.place, partial(newest, each.batch, each.place, self._records_max))
            if known:
                viewer.go_on(self._forgotten_since(known.place), known.into)
            else:
                viewer.begin(knew_another=since is not None)
            self._viewers.append(viewer)
            return viewer

    def _forgotten_since(self, place: int) -> int:
        """Return how many records came after a place, and are not kept any more."""
        return max(0, self._kept[0].place - self._kept[0].count - place) if self._kept else 0

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        with self._lock:
            self._viewers.remove(viewer)

    def take(self, viewer: Viewer, most: int) -> Taken:
        """Return what comes next for a viewer: at most so many records."""
        with self._lock:
            return viewer.take(most)

    def rates(self, viewer: Viewer) -> list[int]:
        """Return how many records of each severity came for a viewer since the last call."""
        with self._lock:
            return viewer.rates()

    def find(self, stream: str, offset: int) -> bytes | None:
        """Return the JSON of a record of the latest batches by its stream and offset; None if it is not there."""
        with self._lock:
            near = [each for each in self._kept if each.batch.stream == stream]
        for each in near:
            if each.batch.offset <= offset < each.batch.end:
                begin = b'"offset":%d,' % offset
                return next((line for line in Entry(each.batch, each.place).lines() if begin in line), None)
        return None

    def close(self) -> None:
        """End all looks."""
        with self._lock:
            self.closed = True
            for viewer in self._viewers:
                viewer.wake()

    def _keep(self, kept: _Kept) -> None:
        self._kept.append(kept)
        self._kept_bytes += len(kept.batch.body)
        while self._kept_bytes > self._kept_max_bytes or len(self._kept) > KEPT_BATCHES:
            self._kept_bytes -= len(self._kept.popleft().batch.body)
