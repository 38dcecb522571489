"""Between RabbitMQ and the browsers: the last batches are kept, and whoever looks has its filter run on each in turn.

`publish` is called by the thread of RabbitMQ, and runs no filter; `turn` and `look_at` by the thread that does; all
else by the server's. What is forgotten before a viewer's filter got to it counts as skipped. A browser that lost its
connection goes on where it was, if that is still kept; otherwise it is told how many came meanwhile.

When more comes than anyone could see, most batches are published without their bodies: these are kept in their place
among the others, and all their records count as skipped.
"""

import secrets
from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Final

from msgspec import Struct

from logbus.batch import Batch, Head, levels_of
from logbus.errors import UsageError
from sinks.web.live.entry import Entry
from sinks.web.live.filters import Filter
from sinks.web.live.flow import Flow
from sinks.web.live.ring import RECORDS_MAX, Taken
from sinks.web.live.viewer import Kept, Turn, Viewer

KEPT_BYTES: Final = 16 << 20
KEPT_BATCHES: Final = 4_096
VIEWERS_MAX: Final = 64


class Place(Struct, frozen=True):
    """How far a browser is: so many records of this `hub`, and `into` the entry behind them."""

    hub: str
    place: int
    into: int


class Hub:
    """All who look, and the latest batches."""

    def __init__(self, kept_bytes: int = KEPT_BYTES, records_max: int = RECORDS_MAX) -> None:
        self.name = secrets.token_hex(4)
        self.closed = False
        self._lock = Condition()
        self._viewers: list[Viewer] = []
        self._kept: deque[Kept] = deque()
        self._kept_bytes = 0
        self._kept_max_bytes = kept_bytes
        self._records_max = records_max
        self._place = 0
        self._flow = Flow()

    def publish(self, batch: Batch) -> None:
        """Keep a batch for all to look at."""
        levels = levels_of(batch)
        if not levels:
            return
        with self._lock:
            self._place += len(levels)
            up_to_date = [each for each in self._viewers if not each.is_behind]
            self._keep(Kept(batch, self._place, levels, self._records_max))
            if any(each.is_behind for each in up_to_date):  # of all others, the thread knows when their turn is
                self._lock.notify()

    def skims(self, head: Head, now_s: float) -> bool:
        """Return True if a batch is one of too many, and nobody's filter searches for some of its records."""
        with self._lock:
            if self._flow.admits(head.end - head.offset, now_s):
                return False
            return not any(each.searches(head) for each in self._viewers)

    def turn(self, now_s: float) -> Turn | None:
        """Return whose filter is run next, and on what; None if all have looked at all, or used up their time."""
        with self._lock:
            return self._turn(now_s)

    def await_turn(self, clock: Callable[[], float]) -> Turn | None:
        """Return whose filter is run next as soon as there is one; None once the hub is closed."""
        with self._lock:
            while not self.closed:
                now_s = clock()
                if turn := self._turn(now_s):
                    return turn
                self._lock.wait(min((each.wait_s(now_s) for each in self._viewers if each.is_behind), default=None))
            return None

    def look_at(self, turn: Turn, clock: Callable[[], float]) -> None:
        """Run the filter of a viewer, and let what it wants wait for its browser."""
        began_s = clock()
        wanted = turn.viewer.wanted(turn.kept)
        ended_s = clock()
        with self._lock:
            turn.viewer.looked(turn.kept, wanted, ended_s - began_s, ended_s)

    def look(self, chosen: Filter, wake: Callable[[], None], since: Place | None = None) -> Viewer:
        """Return a new viewer, who goes on where it was, or begins with the latest. Raises UsageError if full."""
        with self._lock:
            if len(self._viewers) >= VIEWERS_MAX:
                raise UsageError("show live records", f"{VIEWERS_MAX} others look already", "try again later")
            known = since if since and since.hub == self.name and since.place <= self._place else None
            viewer = Viewer(chosen, wake, known.place if known else self._place, self._records_max)
            if known:
                later = [each for each in self._kept if each.place > known.place]
                viewer.go_on(later, self._place, self._forgotten_since(known.place), known.into)
            else:
                viewer.begin(self._kept, knew_another=since is not None)
            self._viewers.append(viewer)
            self._lock.notify()
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
            near = [each for each in self._kept if each.batch.stream == stream and not each.is_bare]
        for each in near:
            if each.batch.offset <= offset < each.batch.end:
                begin = b'"offset":%d,' % offset
                return next((line for line in Entry(each.batch, each.place).lines() if begin in line), None)
        return None

    def close(self) -> None:
        """End all looks."""
        with self._lock:
            self.closed = True
            self._lock.notify_all()
            for viewer in self._viewers:
                viewer.wake()

    def _turn(self, now_s: float) -> Turn | None:
        """Give the turn to whoever has used the least time."""
        behind = [each for each in self._viewers if each.is_behind and not each.wait_s(now_s)]
        if not behind:
            return None
        viewer = min(behind, key=lambda each: each.spent_s(now_s))
        return Turn(viewer, viewer.next())

    def _keep(self, kept: Kept) -> None:
        self._kept.append(kept)
        for viewer in self._viewers:
            viewer.hear(kept)
        self._kept_bytes += kept.size_bytes
        while len(self._kept) > 1 and (self._kept_bytes > self._kept_max_bytes or len(self._kept) > KEPT_BATCHES):
            self._forget(self._kept.popleft())

    def _forget(self, oldest: Kept) -> None:
        self._kept_bytes -= oldest.size_bytes
        for viewer in self._viewers:
            viewer.forget(oldest)
