"""The bars above the hits: what the search matches, by time and severity, from the index alone where that is exact."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from logbus.errors import LogbusError
from sinks.search.asking import Query, Source
from sinks.search.looking import Progress, first_us, look_into
from sinks.search.results.bars import Bars
from sinks.search.results.waiting import POLL_S, Room
from sinks.search.spans import Reading
from sinks.search.threads import in_threads


@dataclass(frozen=True, slots=True)
class Counting:
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


def within_us(files: Sequence[tuple[Source, Reading]], query: Query, stopped: Callable[[], bool]) -> tuple[int, int]:
    """Return when the first and the last record of files happened, as far as that is known without reading much.

    Where a search has only a beginning, its time lasts until now.
    """
    read = takewhile(lambda _: not stopped(), files)
    known = [each for source, reading in read for each in _ends_us(source, reading, query)]
    now_us = [time.time_ns() // 1000] if query.since_us is not None else []
    return min(known, default=0), max([*known, *now_us], default=-1)


def _ends_us(source: Source, reading: Reading, query: Query) -> Iterator[int]:
    """Yield when the first and the last record of a file happened; without an index, as its head and its time tell."""
    if reading.within_us:
        yield from reading.within_us
        return
    yield source.changed_us
    if query.since_us is None:
        try:
            yield first_us(source, query)
        except LogbusError:
            return  # the search has said so
