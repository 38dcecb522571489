"""What of each file is worth reading, by the indexes of the sinks that wrote them."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from functools import lru_cache, partial
from typing import Final, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from logbus.errors import LogbusError
from logbus.eventtime import portable_name
from sinks.index.place import token_of
from sinks.index.reading import Known, Reader, Row, Unusable
from sinks.search.asking import Query, Source
from sinks.search.files.opening import open_listed
from sinks.search.files.reading import kind_of
from sinks.search.indexed.matching import Wanted, filters_of
from sinks.search.indexed.planning import spans_of
from sinks.search.indexed.tallying import Takes
from sinks.search.looking import all_that_may_match
from sinks.search.spans import END, NONE, WHOLE, Reading, Span, Stretch, Told

_KINDS: Final = ("", "zstd", "gzip")
_UTC: Final = frozenset({"UTC", "Etc/UTC"})
_GZIP: Final = 2
_ZSTD: Final = 1
_CACHED_BLOCKS: Final = 4
_HEAD_BYTES: Final = 4
_SIZE_BYTES: Final = 4


class Tally(Protocol):
    """What counts records by rows."""

    def move_to(self, counts: Takes, query: Query) -> None:
        """Add all that was counted to other counts."""

    def answers(self, row: Row, wanted: Wanted, source: Source) -> bool:
        """Return True if the row tells all that is to be counted of its block. Raises Unusable."""

    def add(self, row: Row, wanted: Wanted, source: Source) -> None:
        """Count the records of a block."""


class Output(Struct, frozen=True):
    """An output that an index knows, with its rows; it is complete at `size_bytes`, or at END if that is not known."""

    reader: Reader
    known: Known
    rows: Sequence[Row]
    size_bytes: int


class Indexed(Struct):
    """Tells what of a file is worth reading."""

    readers: Sequence[Reader]
    tally: Tally | None = None
    flaws: set[str] = field(default_factory=set)

    def __call__(self, source: Source, query: Query) -> Reading:
        """Return what to read of a file; all of it, if no index tells."""
        plain = all_that_may_match(source, query)
        if not plain.spans:
            return plain
        try:
            told = bool(self.tally)
            output = output_of(source, self.readers, hours=told, parts=bool(query.names) or told)
            return self._planned(output, source, query) if output else plain
        except Unusable as error:
            self.flaws.add(str(error))
        except (LogbusError, OSError):
            pass  # whoever reads the file will say so
        return plain

    def close(self) -> None:
        """Close the indexes."""
        for reader in self.readers:
            reader.close()

    def _planned(self, output: Output, source: Source, query: Query) -> Reading:
        if not _is_in(output.known.zone, query.zone):
            output = replace(output, rows=[each._replace(settled=0) for each in output.rows])
        filters = filters_of(query, source)
        names = output.reader.names(output.known) if filters or self.tally else {}
        wanted = Wanted(query, names, filters)
        spans = self._spans(output, wanted, source)
        if not spans:
            return NONE
        if output.known.compression == _GZIP or query.before or query.after:
            spans = WHOLE
        digits = lru_cache(_CACHED_BLOCKS)(partial(_digits, output.reader))
        holds = partial(_has_token, output.known.token)
        kind, within_us = _KINDS[output.known.compression], _within_us(output)
        stretches = partial(stretches_of, output.rows if kind == "zstd" else ())
        return Reading(spans, partial(_told, output, digits), kind, holds, within_us, stretches)

    def _spans(self, output: Output, wanted: Wanted, source: Source) -> Sequence[Span]:
        """Return what to read, and count what need not be read."""
        tally = self.tally
        if not tally:
            return spans_of(output.rows, output.size_bytes, wanted.of)
        may_match = [row for row in output.rows if wanted.of(row)]
        counted = {row.id: row for row in may_match if row.settled and tally.answers(row, wanted, source)}
        read = {row.id for row in may_match} - set(counted)
        spans = spans_of(output.rows, output.size_bytes, lambda row: row.id in read)
        if output.known.compression != _GZIP or not spans:
            for row in _outside(counted.values(), spans):
                tally.add(row, wanted, source)
        return spans


def output_of(source: Source, readers: Sequence[Reader], *, parts: bool, hours: bool) -> Output | None:
    """Return what is known of a file that was listed, None if nothing. Raises Unusable, SourceError, OSError."""
    if not readers:
        return None
    opened = open_listed(source.path, source.identity, follow=source.follow)
    try:
        for reader in readers if opened.identity == source.identity else ():
            known = reader.known(opened.fd)
            if known and kind_of(os.pread(opened.fd, _HEAD_BYTES, 0)) == _KINDS[known.compression]:
                rows = [_exact(row) for row in reader.rows(known, parts=parts, hours=hours)]
                return Output(reader, known, rows, _size(opened.fd, known, rows)) if rows else None
    finally:
        os.close(opened.fd)
    return None


def _within_us(output: Output) -> tuple[int, int] | None:
    """Return the times of the first and last record of an output whose rows are exact, and leave nothing out."""
    ends = [0, *(row.end for row in output.rows)]
    if ends[-1] != output.size_bytes or any(row.begin != end for row, end in zip(output.rows, ends, strict=False)):
        return None
    times = [(row.first_event_us, row.last_event_us) for row in output.rows if row.settled]
    first_us = [first for first, _ in times if first is not None]
    last_us = [last for _, last in times if last is not None]
    if not len(output.rows) == len(first_us) == len(last_us):
        return None
    return min(first_us), max(last_us)


def stretches_of(rows: Sequence[Row]) -> list[Stretch]:
    """Return where settled rows end, and the size of the content of each, as far as there are no others."""
    found: list[Stretch] = []
    at = 0
    for row in rows:
        if not row.settled or row.begin != at:
            break
        at = row.end
        found.append((at, row.content_bytes))
    return found


def _is_in(name: str, zone: tzinfo) -> bool:
    """Return True if that is the name of a zone."""
    own = portable_name(zone, 0)
    return name == own or {name, own} <= _UTC


def _outside(rows: Iterable[Row], spans: Sequence[Span]) -> Iterator[Row]:
    """Yield the rows that no span includes; both are in order."""
    waiting = iter(spans)
    span = next(waiting, None)
    for row in rows:
        while span and span.end <= row.begin:
            span = next(waiting, None)
        if span is None or row.begin < span.begin:
            yield row


def _exact(row: Row) -> Row:
    """Return a row that is settled only if it tells where it begins."""
    return row if row.content_begin is not None and row.first_line is not None else row._replace(settled=0)


def _size(fd: int, known: Known, rows: Sequence[Row]) -> int:
    """Return the size to which rows refer: of the file, or of a gzip file's content, which states it."""
    if known.compression != _GZIP:
        return known.size_bytes
    stated = os.pread(fd, _SIZE_BYTES, os.fstat(fd).st_size - _SIZE_BYTES)
    end = rows[-1].end
    return end if stated == (end & 0xFFFFFFFF).to_bytes(_SIZE_BYTES, "little") else END


def _told(output: Output, digits: Callable[[int], bytes]) -> list[Told]:
    """Return the severities that rows tell, of those whose place in the content is known."""
    found: list[Told] = []
    at, content = 0, 0
    for row in output.rows:
        begin = row.content_begin if row.settled else None
        if begin is None:
            begin = row.begin if output.known.compression != _ZSTD else content if row.begin == at else None
        at, content = (row.end, begin + row.content_bytes) if begin is not None else (-1, 0)
        if begin is not None:
            found.append(Told(begin, begin + row.content_bytes, partial(digits, row.id)))
    return found


def _digits(reader: Reader, block: int) -> bytes:
    try:
        return reader.digits(block)
    except Unusable:
        return b""


def _has_token(token: bytes, fd: int) -> bool:
    return token_of(fd) == token
