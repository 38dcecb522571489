"""Looks into files, one thread each: what is read, what is found, and what could not be read."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from logbus.errors import SourceError
from logbus.eventtime import FUTURE_US, TimeRules
from sinks.search.asking import Query, Source
from sinks.search.files.opening import open_listed
from sinks.search.files.reading import PIECE_BYTES, Content
from sinks.search.files.segments import Segments, segments_of
from sinks.search.finding import Finder
from sinks.search.layouts import layout_of
from sinks.search.records import Times, divided
from sinks.search.results.waiting import Stopped
from sinks.search.spans import ALL, NONE, Reading

THREADS_MAX: Final = 4
_HEAD_BYTES: Final = 1 << 14
Worth = Callable[[Source, Query], Reading]
"""Tells what of a file is worth reading."""

Take = Callable[[Finder, Iterator[bytes]], None]
"""Takes what a finder finds in a content."""


def all_that_may_match(source: Source, query: Query) -> Reading:
    """Return the whole file, unless it was written last before the time that is asked for."""
    too_old = query.since_us is not None and source.changed_us + FUTURE_US < query.since_us
    return NONE if too_old else ALL


@dataclass(slots=True)
class Progress:
    """How far a search is. `read_bytes` of each file, as they are on the disk; `flaws`: why an answer is incomplete."""

    sizes: Sequence[int]
    read_bytes: list[int] = field(init=False)
    done: list[int] = field(default_factory=list)
    hits: int = 0
    flaws: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    stopped: Callable[[], bool] = bool

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.read_bytes = [0] * len(self.sizes)

    @property
    def looked_into(self) -> int:
        """The number of files that were read to their ends, or as far as was asked for."""
        return len(self.done)

    def heard(self, number: int) -> Callable[[int], None]:
        """Return what is told how many bytes of a file were read. It raises Stopped if nobody wants more."""

        def hear(size_bytes: int) -> None:
            self.read_bytes[number] += size_bytes
            if self.stopped():
                raise Stopped

        return hear


def look_into(  # noqa: PLR0913, PLR0917 - what a search consists of
    number: int, source: Source, query: Query, progress: Progress, reading: Reading, take: Take
) -> None:
    """Let `take` take what is found in a file, span by span. Raises SourceError, Stopped."""
    opened = open_listed(source.path, source.identity, follow=source.follow)
    try:
        if opened.identity != source.identity or (reading.holds and not reading.holds(opened.fd)):
            reading = ALL
        told, is_finished = reading.told(), True
        for span in reading.spans:
            content = Content(opened.fd, progress.heard(number), ((span.begin, span.end),), reading.kind)
            take(Finder(query, source, number, opened.changed_us, start=span, told=told), content.pieces())
            is_finished &= not content.unfinished
        if not is_finished:
            progress.unfinished.append(str(source.path))
        _refuse_void(reading, opened.fd)
    except SourceError as error:
        raise SourceError(f"search all of {source.path}", error.cause) from error
    finally:
        os.close(opened.fd)


def _refuse_void(reading: Reading, fd: int) -> None:
    """Raise SourceError if what an index told does not hold any more."""
    if reading.holds and not reading.holds(fd):
        raise SourceError("read on", "it was cut off meanwhile (search again)")


def look_back_into(  # noqa: PLR0913, PLR0917 - what a search consists of
    number: int,
    source: Source,
    query: Query,
    progress: Progress,
    reading: Reading,
    take: Callable[[Finder, Segments], Iterator[None]],
) -> Iterator[None]:
    """Let `take` take what is found in a file from its end on, a step at a time. Raises SourceError, Stopped.

    Raises FromBeginning, before it takes anything, if the file has to be read from its beginning.
    """
    opened = open_listed(source.path, source.identity, follow=source.follow)
    try:
        if opened.identity != source.identity or (reading.holds and not reading.holds(opened.fd)):
            reading = ALL
        segments = segments_of(opened.fd, progress.heard(number), reading.stretches())
        if segments is None:
            raise FromBeginning
        yield from take(Finder(query, source, number, opened.changed_us, told=reading.told()), segments)
        if segments.unfinished:
            progress.unfinished.append(str(source.path))
        _refuse_void(reading, opened.fd)
    except SourceError as error:
        raise SourceError(f"search all of {source.path}", error.cause) from error
    finally:
        os.close(opened.fd)


class FromBeginning(Exception):  # noqa: N818 - no error
    """A file cannot be read from its end."""


def first_us(source: Source, query: Query) -> int:
    """Return when the first record happened that says so, in microseconds since 1970. Raises SourceError."""
    opened = open_listed(source.path, source.identity, follow=source.follow)
    try:
        content = Content(opened.fd, lambda _size: None)
        head = next(content.pieces(), b"")[:_HEAD_BYTES]
        layout = layout_of(source.layout, head)
        records = divided(head[: head.rfind(b"\n") + 1] or head, layout)
        times = Times(head, records, layout, TimeRules(query.zone, read_at_us=opened.changed_us), None)
        known = (times.known_us(number) for number in range(len(records)))
        return min(next((each for each in known if each is not None), opened.changed_us), opened.changed_us)
    except SourceError as error:
        raise SourceError(f"search {source.path}", error.cause) from error
    finally:
        os.close(opened.fd)


assert PIECE_BYTES > _HEAD_BYTES  # noqa: S101 - the first piece holds the head
