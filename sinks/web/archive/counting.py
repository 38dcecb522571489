"""The bars above the hits: what the search matches, by time and severity, from the index alone where that is exact."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Final

from msgspec import Struct

from logbus.errors import LogbusError
from sinks.search.asking import Query, Source
from sinks.search.looking import Progress, first_us, look_into
from sinks.search.results.bars import Bars
from sinks.search.results.waiting import POLL_S, Room
from sinks.search.spans import Reading
from sinks.search.threads import in_threads

NEVER_US: Final = 1 << 62
"""Behind every time: what begins there is empty."""


class Counting(Struct, frozen=True):
    """A count that was begun: `files` to read, how far it is, and `room`, by which it is stopped."""

    query: Query
    bars: Bars
    files: list[tuple[Source, Reading]]
    progress: Progress
    room: Room

    def run(self, idle: Callable[[], None]) -> None:
        """Count until all is counted, or it is stopped; `idle` is called meanwhile."""
        threads = in_threads(self._read, range(len(self.files)), self.progress)
        while running := [each for each in threads if each.is_alive()]:
            running[0].join(POLL_S)
            idle()

    def stop(self) -> None:
        """Let it end; from any thread."""
        self.room.stop()

    def _read(self, number: int) -> None:
        source, reading = self.files[number]
        look_into(number, source, self.query, self.progress, reading, self.bars.take)
        self.progress.done.append(number)


def begun(query: Query, bars: Bars, files: list[tuple[Source, Reading]]) -> Counting:
    """Begin to count what is in files, besides what bars have already."""
    room = Room()
    sizes = [reading.size_bytes(source.size_bytes) for source, reading in files]
    return Counting(query, bars, files, Progress(sizes, stopped=lambda: room.stopped), room)


def within_us(
    files: Sequence[tuple[Source, Reading]], query: Query, times_us: Sequence[int], stopped: Callable[[], bool]
) -> tuple[int, int]:
    """Return when the first and the last record of files happened, as far as that is known without reading much.

    `times_us`: of the newest hits, behind which nothing is wanted. With a beginning only, a search lasts until now.
    """
    if query.since_us is not None:
        return query.since_us, time.time_ns() // 1000
    read = takewhile(lambda _: not stopped(), files)
    known = [each for source, reading in read for each in _first_us(source, reading, query)]
    return min([*known, *times_us], default=NEVER_US), max(times_us, default=-1)


def _first_us(source: Source, reading: Reading, query: Query) -> Iterator[int]:
    """Yield when the first record of a file happened; without an index, as its head tells."""
    if reading.within_us:
        yield reading.within_us[0]
        return
    try:
        yield first_us(source, query)
    except LogbusError:
        return  # the search has said so
