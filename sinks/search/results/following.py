"""Goes on with what comes: looks again and again at the files, and searches what was added to them.

A file is known by its identity, so one that is renamed goes on where it was. What a sink compressed anew, or what was
compressed by gzip or xz, is finished: nothing is added to it. Lines are read once they end.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from logbus.errors import SourceError
from sinks.search.asking import Found, Query, Source
from sinks.search.files.opening import Identity, open_listed
from sinks.search.files.reading import Content, kind_of
from sinks.search.files.segments import frames_in
from sinks.search.finding import Finder
from sinks.search.looking import Worth
from sinks.search.spans import Reading, Span

LOOK_S: Final = 0.25
TAIL_BYTES: Final = 1 << 16
_HEAD_BYTES: Final = 4
_UNKNOWN_LINE: Final = 0
_GROWING: Final = frozenset({"", "zstd"})


class Mark(Struct, frozen=True):
    """How far a file was searched: bytes of it, bytes of its content, and the number of the next line, 0 if unknown."""

    begin: int = 0
    offset: int = 0
    line: int = 1


class Following(Struct):
    """The files as they were when the search began, at `began_us`, and what was added since."""

    query: Query
    listing: Callable[[], Sequence[Source]]
    began_us: int
    _shown: list[Source] = field(default_factory=list)
    _numbers: dict[tuple[Identity, Path], int] = field(default_factory=dict)
    _marks: dict[Identity, Mark] = field(default_factory=dict)
    _flaws: set[str] = field(default_factory=set)

    def begin(self, sources: Sequence[Source]) -> None:
        """Note how far the files go now."""
        for source in sources:
            self._marks[source.identity] = self._frontier(source)

    def shown_in(self, files: list[Source]) -> None:
        """Add the files in which more is found to these, by whose number it is shown."""
        self._shown = files

    def before(self, worth: Worth) -> Worth:
        """Return what tells the same as `worth`, but nothing of what was added since the beginning."""

        def clipped(source: Source, query: Query) -> Reading:
            reading = worth(source, query)
            end = self._marks.get(source.identity, Mark(source.size_bytes)).begin
            spans = tuple(replace(each, end=min(each.end, end)) for each in reading.spans if each.begin < end)
            return replace(reading, spans=spans)

        return clipped

    def added(self) -> list[Found]:
        """Return what was found in what was added since the last time, in the order of event times."""
        found: list[Found] = []
        for source in self.listing():
            mark = self._marks.get(source.identity)
            if mark is None and source.changed_us < self.began_us:
                continue  # it has taken the place of one that was searched
            mark = mark if mark and mark.begin <= source.size_bytes else Mark()
            if source.size_bytes > mark.begin:
                found += self._searched(source, mark)
        return sorted(found, key=lambda each: each.key_us)

    def flaws(self) -> list[str]:
        """Return what could not be read, once each."""
        told, self._flaws = sorted(self._flaws), set()
        return told

    def _frontier(self, source: Source) -> Mark:
        """Return where what is complete ends in a file; its end if it cannot be read, which the search will say."""
        try:
            opened = open_listed(source.path, source.identity, follow=source.follow)
        except SourceError:
            return Mark(source.size_bytes, source.size_bytes, _UNKNOWN_LINE)
        try:
            return replace(_complete(opened.fd, Mark(), source.size_bytes), line=_UNKNOWN_LINE)
        finally:
            os.close(opened.fd)

    def _searched(self, source: Source, mark: Mark) -> list[Found]:
        try:
            opened = open_listed(source.path, source.identity, follow=source.follow)
        except SourceError as error:
            self._flaws.add(str(error))
            return []
        try:
            end = _complete(opened.fd, mark, source.size_bytes)
            if end.begin == mark.begin:
                return []
            content = _Counted(Content(opened.fd, lambda _size: None, ((mark.begin, end.begin),)).pieces())
            start = Span(mark.begin, end.begin, mark.offset, mark.line)
            finder = Finder(self.query, source, self._number(source), opened.changed_us, start=start)
            found = [each for block in finder.found(content.pieces()) for each in block]
            line = mark.line + content.lines if mark.line else _UNKNOWN_LINE
            self._marks[source.identity] = Mark(end.begin, mark.offset + content.size_bytes, line)
        except (SourceError, OSError) as error:
            self._flaws.add(f"cannot go on with {source.path}: {error}")
            return []
        else:
            return found
        finally:
            os.close(opened.fd)

    def _number(self, source: Source) -> int:
        """Return the number of a file among those that are shown; a renamed one is shown by its new name."""
        key = source.identity, source.path
        if key not in self._numbers:
            self._numbers[key] = len(self._shown)
            self._shown.append(source)
        return self._numbers[key]


class _Counted(Struct):
    """Pieces of content, and how much of them was read."""

    several: Iterator[bytes]
    size_bytes: int = 0
    lines: int = 0

    def pieces(self) -> Iterator[bytes]:
        for each in self.several:
            self.size_bytes += len(each)
            self.lines += each.count(b"\n")
            yield each


def _complete(fd: int, mark: Mark, size_bytes: int) -> Mark:
    """Return where whole lines, or whole frames, end in a file of that size. Raises OSError."""
    kind = kind_of(os.pread(fd, _HEAD_BYTES, 0))
    if kind not in _GROWING:
        return Mark(size_bytes, size_bytes, mark.line)
    if kind:
        return _of_frames(fd, mark, size_bytes)
    begin = max(mark.begin, size_bytes - TAIL_BYTES)
    tail = os.pread(fd, size_bytes - begin, begin)
    end = begin + tail.rfind(b"\n") + 1
    is_long = b"\n" not in tail and begin > mark.begin
    return Mark(size_bytes, size_bytes, mark.line) if is_long else replace(mark, begin=end, offset=end)


def _of_frames(fd: int, mark: Mark, size_bytes: int) -> Mark:
    end, offset = mark.begin, mark.offset
    for at, size in frames_in(fd, size_bytes, mark.begin):
        if size is None:
            return Mark(size_bytes, offset, mark.line)
        end, offset = at, offset + size
    return Mark(end, offset, mark.line)
