"""What waits for one browser: bounded, the oldest dropped first, every dropped record counted by its stream. Pure."""

from collections import Counter, deque
from typing import Final

from msgspec import Struct

from sinks.web.live.entry import Entry, Stream

RECORDS_MAX: Final = 2_000
BYTES_MAX: Final = 8 << 20
STREAMS_MAX: Final = 200
OTHERS: Final[Stream] = ("", "", "")
"""Stands for all streams beyond so many."""


class Part(Struct, frozen=True):
    """The records `[start, stop)` of an entry."""

    entry: Entry
    start: int
    stop: int


class Taken(Struct, frozen=True):
    """What comes next, and how many records of which streams were dropped before it, `unseen` ones among them.

    `place` and `into`: that so many records of the hub are done with, and so many of the entry behind them.
    """

    parts: list[Part]
    skipped: dict[Stream, int]
    place: int
    into: int
    unseen: int


class Ring:
    """The records that wait; `place` is where it begins."""

    def __init__(self, place: int = 0, records_max: int = RECORDS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._waiting: deque[Entry] = deque()
        self._start = 0
        self._records = self._bytes = 0
        self._skipped: Counter[Stream] = Counter()
        self._place = self._reached = place
        self._unseen = 0
        self.records_max = records_max
        self._bytes_max = bytes_max

    def __len__(self) -> int:
        return self._records

    def add(self, entry: Entry, left_out: int = 0) -> None:
        """Let an entry wait; `left_out` of its records were dropped before."""
        self._skip(entry.stream, left_out)
        self._waiting.append(entry)
        self._records += entry.count
        self._bytes += entry.size_bytes
        self.keep(self.records_max, counted=True)
        while self._bytes > self._bytes_max and len(self._waiting) > 1:
            self._drop(self._waiting[0].count - self._start, counted=True)

    def reach(self, place: int) -> None:
        """Take in that nothing else is wanted up to a place."""
        self._reached = place
        self._settle()

    def pass_by(self, stream: Stream, count: int) -> None:
        """Count records as skipped that nobody looked at."""
        self._skip(stream, count)
        self._unseen += count

    def keep(self, most: int, *, counted: bool) -> None:
        """Drop all but the newest `most` records."""
        while self._records > most:
            self._drop(self._records - most, counted=counted)

    def take(self, most: int) -> Taken:
        """Return at most so many records, the oldest first."""
        parts: list[Part] = []
        while most and self._waiting:
            entry, start = self._waiting[0], self._start
            stop = min(entry.count, start + most)
            parts.append(Part(entry, start, stop))
            most -= stop - start
            self._advance(stop - start)
        skipped, self._skipped = dict(self._skipped), Counter()
        unseen, self._unseen = self._unseen, 0
        return Taken(parts, skipped, self._place, self._start, unseen)

    def pass_over(self, count: int) -> None:
        """Be done with the first `count` records, which a browser has already."""
        if self._waiting and count:
            self._advance(min(count, self._waiting[0].count - self._start))

    def _drop(self, most: int, *, counted: bool) -> None:
        entry = self._waiting[0]
        count = min(most, entry.count - self._start)
        if counted:
            self._skip(entry.stream, count)
        self._advance(count)

    def _advance(self, count: int) -> None:
        """Be done with records of the first entry."""
        entry = self._waiting[0]
        self._records -= count
        self._start += count
        if self._start == entry.count:
            self._waiting.popleft()
            self._bytes -= entry.size_bytes
            self._start, self._place = 0, entry.place
            self._settle()

    def _settle(self) -> None:
        if not self._waiting:
            self._place = max(self._place, self._reached)

    def _skip(self, stream: Stream, count: int) -> None:
        if count:
            known = stream in self._skipped or len(self._skipped) < STREAMS_MAX
            self._skipped[stream if known else OTHERS] += count
