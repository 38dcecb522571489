"""Puts what threads find in several files in the order of event times, as it is found.

A file takes part as soon as the time has come at which it begins. Within a file, the file's own order stands.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from logbus.errors import LogbusError
from logbus.eventtime import FUTURE_US
from sinks.search.asking import Found, Query, Source
from sinks.search.finding import Finder
from sinks.search.looking import Progress, Ranges, first_us, in_threads, look_into
from sinks.search.results.waiting import FOUND_BYTES, Queue, Room

CHUNK_BYTES: Final = 1 << 15


@dataclass(frozen=True, slots=True)
class _Stream:
    """A file that takes part in the merge from `bound_us` on; backwards, times are negative."""

    bound_us: int
    number: int
    queue: Queue


def merged(  # noqa: PLR0913 - what a search consists of
    sources: Sequence[tuple[Source, Ranges]],
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
        _Stream(bound, number, Queue(room, newest_first=newest_first, most=most))
        for number, bound in _bounds([source for source, _ in sources], query, progress, idle, newest_first)
    ]
    streams.sort(key=lambda each: (each.bound_us, each.number))
    queues = {each.number: each.queue for each in streams}

    def work(number: int) -> None:
        source, ranges = sources[number]
        queue = queues[number]
        queue.begin()
        try:
            look_into(number, source, query, progress, ranges, partial(_put, queue))
            progress.done.append(number)
        finally:
            queue.end()

    in_threads(work, [each.number for each in streams], progress)
    try:
        yield from _in_order(streams, idle, -1 if newest_first else 1)
    finally:
        room.stop()


def _bounds(
    sources: Sequence[Source], query: Query, progress: Progress, idle: Callable[[], None], newest_first: bool
) -> Iterator[tuple[int, int]]:
    """Yield the number of each file, and before what time in the order it has nothing."""
    for number, source in enumerate(sources):
        if progress.stopped():
            return
        try:
            if newest_first:
                yield number, -(source.changed_us + FUTURE_US)
            else:
                yield number, first_us(source, query) if len(sources) > 1 else 0
        except LogbusError as error:
            progress.flaws.append(str(error))
        idle()


def _put(queue: Queue, finder: Finder, pieces: Iterator[bytes]) -> None:
    for block in finder.found(pieces):
        _put_block(queue, block)


def _put_block(queue: Queue, block: Iterator[Found]) -> None:
    chunk: list[Found] = []
    size_bytes = 0
    for found in block:
        chunk.append(found)
        size_bytes += len(found.data) + FOUND_BYTES
        if size_bytes >= CHUNK_BYTES:
            queue.put(chunk)
            chunk, size_bytes = [], 0
    if chunk:
        queue.put(chunk)


def _in_order(streams: Sequence[_Stream], idle: Callable[[], None], sign: int) -> Iterator[Found]:
    waiting = deque(streams)
    heap: list[tuple[int, int, Found, Iterator[Found]]] = []
    while heap or waiting:
        while waiting and (not heap or waiting[0].bound_us <= heap[0][0]):
            stream = waiting.popleft()
            _push(heap, stream.number, _taken(stream.queue, idle), sign)
        if heap:
            _, number, found, rest = heap[0]
            yield found
            if (following := next(rest, None)) is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (sign * following.key_us, number, following, rest))


def _push(heap: list[tuple[int, int, Found, Iterator[Found]]], number: int, rest: Iterator[Found], sign: int) -> None:
    found = next(rest, None)
    if found is not None:
        heapq.heappush(heap, (sign * found.key_us, number, found, rest))


def _taken(queue: Queue, idle: Callable[[], None]) -> Iterator[Found]:
    try:
        while (chunk := queue.next(idle)) is not None:
            yield from chunk
    finally:
        queue.close()
