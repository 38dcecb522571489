"""One browser's look: what its filter has not seen yet, what waits for it, and how much time its filter may take.

The hub's lock guards everything here but `wanted` and `Kept.whole`, which only the thread that filters calls.
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import islice
from operator import add
from typing import Final

from msgspec import Struct

from logbus.batch import Batch, Head, levels_of, select, there
from logbus.severity.tally import SEVERITIES, counts_of
from sinks.web.live.entry import Entry, Stream, newest, stream_of
from sinks.web.live.filters import Filter
from sinks.web.live.ring import Ring, Taken

FIRST: Final = 200
"""So many of the latest records somebody sees who comes anew."""
SHARE: Final = 0.25
"""So much of the time one viewer's filter may take in the long run."""
BURST_S: Final = 0.5
"""So much of it at once."""


class Kept:
    """A batch that the hub keeps: `levels` of the records that are there; `place`: how many came up to its end."""

    def __init__(self, batch: Batch, place: int, levels: bytes, records_max: int) -> None:
        self.batch = batch
        self.place = place
        self.levels = levels
        self._records_max = records_max
        self._whole: weakref.ref[Entry] | None = None

    @property
    def count(self) -> int:
        """How many records it has."""
        return len(self.levels)

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return len(self.batch.body)

    @property
    def is_bare(self) -> bool:
        """True if only its records' number is known."""
        return isinstance(self.batch, Head)

    @cached_property
    def counts(self) -> list[int]:
        """How many records have each severity, 0 to 7: counted once for all viewers."""
        return counts_of(self.levels)

    @cached_property
    def stream(self) -> Stream:
        """Whose records they are."""
        return stream_of(self.batch)

    def whole(self) -> tuple[Entry, int]:
        """Return an entry of its newest records, one for all as long as one has it, and how many it lacks."""
        entry = self._whole() if self._whole else None
        if entry is None:
            entry, _ = newest(self.batch, self.place, self._records_max)
            self._whole = weakref.ref(entry)
        return entry, self.count - entry.count


class Wanted(Struct, frozen=True):
    """What a filter wants of a batch: an entry, how many older records it lacks, and how many of both by severity."""

    entry: Entry
    left_out: int
    counts: list[int]


class Viewer:
    """One browser's look, which is at `place`. `missed`: unfiltered records; None if nobody knows."""

    def __init__(self, chosen: Filter, wake: Callable[[], None], place: int, records_max: int) -> None:
        self.ring = Ring(place, records_max)
        self.missed: int | None = 0
        self.sent = self.skipped = 0
        self._filter = chosen
        self._wake = wake
        self._rates = [0] * SEVERITIES
        self._unseen: deque[Kept] = deque()
        self._in_hand: Kept | None = None
        self._is_anew = False
        self._began = place
        self._into = 0
        self._forgot = False
        self._spent_s = self._spent_at_s = 0.0

    @property
    def is_behind(self) -> bool:
        """True if there is something its filter has not seen."""
        return bool(self._unseen)

    def spent_s(self, now_s: float) -> float:
        """Return how much time its filter took, of which a share is forgiven as time passes."""
        return max(0.0, self._spent_s - SHARE * (now_s - self._spent_at_s))

    def wait_s(self, now_s: float) -> float:
        """Return in how many seconds its filter may run again; 0.0 if it may now."""
        return max(0.0, self.spent_s(now_s) - BURST_S) / SHARE

    def begin(self, kept: Iterable[Kept], *, knew_another: bool) -> None:
        """Begin with the latest of `kept`; a browser that `knew_another` hub missed nobody knows how many records."""
        self.missed = None if knew_another else 0
        self._unseen.extend(kept)
        self._is_anew = True

    def go_on(self, kept: Iterable[Kept], place: int, missed: int, into: int) -> None:
        """Go on with `kept`, the hub being at `place`, behind `into` wanted records, unless so many were missed."""
        self.missed = missed
        self._unseen.extend(kept)
        self._began = place
        self._into = 0 if missed else into

    def hear(self, kept: Kept) -> None:
        """Let a new batch wait for the filter; count one without its body at once, if nothing is before it."""
        if kept.is_bare and not self._unseen and not self._in_hand:
            self._be_done_with(kept, None)
        else:
            self._unseen.append(kept)

    def forget(self, oldest: Kept) -> None:
        """Count the records of a batch that is kept no more as skipped, if the filter has not seen it."""
        if not self._unseen or self._unseen[0] is not oldest:
            return
        self._unseen.popleft()
        self._pass_by(oldest)
        if self._in_hand:  # whose records are before these
            self._forgot = True
        else:
            self._into = 0
            self.ring.reach(oldest.place)

    def searches(self, head: Head) -> bool:
        """Return True if its filter wants some of the records of a batch, which only their text may tell."""
        return self._filter.searches(head)

    def next(self) -> Kept:
        """Return what the filter is to be run on, and hold it until it has `looked`."""
        self._in_hand = self._unseen.popleft()
        return self._in_hand

    def wanted(self, kept: Kept) -> Wanted | None:
        """Run the filter; return None if it wants nothing."""
        mask = b"" if kept.is_bare else self._filter.mask(kept.batch)
        if 1 not in mask:
            return None
        if mask == there(kept.batch):
            return Wanted(*kept.whole(), kept.counts)
        chosen = select(kept.batch, mask)
        return Wanted(*newest(chosen, kept.place, self.ring.records_max), counts_of(levels_of(chosen)))

    def looked(self, kept: Kept, wanted: Wanted | None, took_s: float, now_s: float) -> None:
        """Let what the filter wanted wait for the browser; the filter took so long, up to now."""
        self._spent_s, self._spent_at_s = self.spent_s(now_s) + took_s, now_s
        self._in_hand = None
        self._be_done_with(kept, wanted)
        if len(self.ring) and not self._is_beginning:
            self._wake()

    def _be_done_with(self, kept: Kept, wanted: Wanted | None) -> None:
        if wanted:
            self._add(kept, wanted)
        elif kept.is_bare and self._filter.may_want(kept.batch):
            self._pass_by(kept)
        if wanted or self._forgot:
            self._into, self._forgot = 0, False
        self.ring.reach(kept.place)

    def rates(self) -> list[int]:
        """Return how many records of each severity, 0 to 7, came since the last call, shown or not."""
        rates, self._rates = self._rates, [0] * SEVERITIES
        return rates

    def take(self, most: int) -> Taken:
        """Return what comes next, and count it; nothing before the latest records, to begin with, are found."""
        taken = self.ring.take(0 if self._is_beginning else most)
        self.sent += sum(part.stop - part.start for part in taken.parts)
        self.skipped += sum(taken.skipped.values())
        return taken

    def wake(self) -> None:
        """Tell the browser's task that there is something to do."""
        self._wake()

    @property
    def _is_beginning(self) -> bool:
        """True while not all was looked at that came before this look, of which the latest are shown."""
        return any(each is not None and self._is_old(each) for each in (self._in_hand, *islice(self._unseen, 1)))

    def _is_old(self, kept: Kept) -> bool:
        return self._is_anew and kept.place <= self._began

    def _known_of(self, kept: Kept) -> int:
        """Return how many records of a batch the browser has already."""
        return 0 if self._in_hand else min(self._into, kept.count)

    def _add(self, kept: Kept, wanted: Wanted) -> None:
        is_told = self._into or self._is_old(kept)  # whoever has some of an entry was told what that lacks
        self.ring.add(wanted.entry, 0 if is_told else wanted.left_out)
        self.ring.pass_over(self._into)
        if self._is_old(kept):
            self.ring.keep(FIRST, counted=False)
        self._count(kept, wanted.counts)

    def _pass_by(self, kept: Kept) -> None:
        """Count the records of a batch as skipped that the filter has not seen."""
        if not self._is_old(kept):
            self.ring.pass_by(kept.stream, kept.count - self._known_of(kept))
        self._count(kept, kept.counts)

    def _count(self, kept: Kept, counts: list[int]) -> None:
        if kept.place > self._began:
            self._rates = list(map(add, self._rates, counts))


class Turn(Struct, frozen=True):
    """Whose filter is run next, and on what."""

    viewer: Viewer
    kept: Kept
