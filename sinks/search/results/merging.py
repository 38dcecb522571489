"""Puts what threads find in several files in the order of event times, as it is found.

A file takes part as soon as the time has come at which it begins. Within a file, the file's own order stands.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

from msgspec import Struct

from logbus.errors import LogbusError
from logbus.eventtime import FUTURE_US
from sinks.search.asking import Found, Query, Source
from sinks.search.files.segments import Segments
from sinks.search.finding import Finder
from sinks.search.looking import FromBeginning, Progress, first_us, look_back_into, look_into
from sinks.search.results.waiting import FOUND_BYTES, Queue, Room
from sinks.search.spans import Reading
from sinks.search.threads import Turns, in_threads

CHUNK_BYTES: Final = 1 << 15
END_WITHIN_S: Final = 0.5
"""So long a thread may take to notice that nobody wants more."""


class _Stream(Struct, frozen=True):
    """A file that takes part in the merge from `bound_us` on; backwards, times are negative."""

    bound_us: int
    number: int
    queue: Queue


def merged(  # noqa: PLR0913 - what a search consists of
    sources: Sequence[tuple[Source, Reading]],
    query: Query,
    progress: Progress,
    room: Room,
    idle: Callable[[], None],
    *,
    newest_first: bool = False,
    most: int | None = None,
) -> Iterator[Found]:
    """Yield what is found in the files, oldest first or newest first; at most about `most`, if that is known."""
    streams = [
        _Stream(bound, number, Queue(room, newest_first=newest_first, most=most, bound_us=bound))
        for number, bound in _bounds(sources, query, progress, idle, newest_first)
    ]
    streams.sort(key=lambda each: (each.bound_us, each.number))
    files = _Files(sources, query, progress, {each.number: each.queue for each in streams}, most)
    if newest_first:
        threads = Turns(files.steps_back, [(each.bound_us, each.number) for each in streams]).start(progress)
    else:
        threads = in_threads(files.read, [each.number for each in streams], progress)
    try:
        yield from _in_order(streams, idle, -1 if newest_first else 1)
    finally:
        room.stop()
        for thread in threads:
            thread.join(END_WITHIN_S)
        for each in streams:
            each.queue.close()


def _bounds(
    sources: Sequence[tuple[Source, Reading]],
    query: Query,
    progress: Progress,
    idle: Callable[[], None],
    newest_first: bool,
) -> Iterator[tuple[int, int]]:
    """Yield the number of each file, and before what time in the order it has nothing."""
    for number, (source, reading) in enumerate(sources):
        if progress.stopped():
            return
        try:
            if newest_first:
                yield number, -(reading.within_us[1] if reading.within_us else source.changed_us + FUTURE_US)
            elif reading.within_us:
                yield number, reading.within_us[0]
            else:
                yield number, first_us(source, query) if len(sources) > 1 else 0
        except LogbusError as error:
            progress.flaws.append(str(error))
        idle()


def _put(queue: Queue, finder: Finder, pieces: Iterator[bytes]) -> None:
    for block in finder.found(pieces):
        _put_block(queue, block)


class _Files(Struct, frozen=True):
    """The files, and the queues into which threads put what they find; backwards, at most `most` of each."""

    sources: Sequence[tuple[Source, Reading]]
    query: Query
    progress: Progress
    queues: Mapping[int, Queue]
    most: int | None

    def read(self, number: int) -> None:
        """Read a file from its beginning to its end."""
        source, reading = self.sources[number]
        queue = self.queues[number]
        queue.begin()
        try:
            look_into(number, source, self.query, self.progress, reading, partial(_put, queue))
            self.progress.done.append(number)
        finally:
            queue.end()

    def steps_back(self, number: int) -> Iterator[int]:
        """Read a file from its end on, and yield after each step how late the rest of it may be; or all at once."""
        source, reading = self.sources[number]
        queue = self.queues[number]
        back = partial(_put_backwards, queue, self.most)
        try:
            if reading.is_whole and not (self.query.before or self.query.after):
                for _ in _each_held(queue, look_back_into(number, source, self.query, self.progress, reading, back)):
                    yield queue.bound_us
                self.progress.done.append(number)
            else:
                self.read(number)
        except FromBeginning:
            self.read(number)
        finally:
            queue.end()


def _each_held(queue: Queue, steps: Iterator[None]) -> Iterator[None]:
    """Yield after each step; between them, no thread reads the file."""
    while True:
        queue.begin()
        try:
            next(steps)
        except StopIteration:
            return
        finally:
            queue.rest()
        yield


def _put_backwards(queue: Queue, most: int | None, finder: Finder, segments: Segments) -> Iterator[None]:
    """Put what is found, the last first, block by block.

    No more than `most` of a file are among the newest so many of all.
    """
    queue.go_backwards()
    left = most
    for end_us, block, begin_us in finder.found_backwards(segments):
        if end_us is not None:
            queue.reach(-end_us)
        left = _put_block(queue, block, left)
        if left == 0:
            return
        if begin_us is not None:
            queue.reach(-begin_us)
        yield


def _put_block(queue: Queue, block: Iterator[Found], most: int | None = None) -> int | None:
    """Put what is found in a block, at most so many; return how many more there may be."""
    chunk: list[Found] = []
    size_bytes = 0
    for found in islice(block, most):
        chunk.append(found)
        size_bytes += len(found.data) + FOUND_BYTES
        most = None if most is None else most - 1
        if size_bytes >= CHUNK_BYTES:
            queue.put(chunk)
            chunk, size_bytes = [], 0
    if chunk:
        queue.put(chunk)
    return most


def _in_order(streams: Sequence[_Stream], idle: Callable[[], None], sign: int) -> Iterator[Found]:
    """Yield what is first in the order, as soon as no file that is not done may have anything before it."""
    queues = {each.number: each.queue for each in streams}
    waiting = [(each.bound_us, each.number) for each in streams]
    ready: list[tuple[int, int, int, list[Found]]] = []
    while ready or waiting:
        while waiting and (not ready or waiting[0][0] <= ready[0][0]):
            bound_us, number = heapq.heappop(waiting)
            chunk = queues[number].next(idle, bound_us)
            if chunk:
                heapq.heappush(ready, (sign * chunk[0].key_us, number, 0, chunk))
            elif chunk is not None:
                heapq.heappush(waiting, (queues[number].bound_us, number))
        if ready:
            _, number, place, chunk = ready[0]
            yield chunk[place]
            if place + 1 < len(chunk):
                heapq.heapreplace(ready, (sign * chunk[place + 1].key_us, number, place + 1, chunk))
            else:
                heapq.heappop(ready)
                heapq.heappush(waiting, (sign * chunk[place].key_us, number))
