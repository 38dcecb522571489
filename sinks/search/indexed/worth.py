"""What of each file is worth reading, by the indexes of the sinks that wrote them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from functools import cache, lru_cache, partial
from typing import Final, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from logbus.errors import LogbusError
from logbus.eventtime import portable_name
from sinks.index.place import token_of
from sinks.index.reading import Known, Reader, Row, Summary, Unusable
from sinks.search.asking import Query, Source
from sinks.search.indexed.matching import Wanted, filters_of, takes_every_row
from sinks.search.indexed.outputs import GZIP, KINDS, ZSTD, Entry, Output, known_as
from sinks.search.indexed.planning import spans_of
from sinks.search.indexed.tallying import Takes
from sinks.search.looking import all_that_may_match
from sinks.search.spans import END, NONE, WHOLE, Reading, Span, Stretch, Told

_UTC: Final = frozenset({"UTC", "Etc/UTC"})
_CACHED_BLOCKS: Final = 4


class Tally(Protocol):
    """What counts records by rows."""

    def move_to(self, counts: Takes, query: Query) -> None:
        """Add all that was counted to other counts."""

    def answers(self, row: Row, wanted: Wanted, source: Source) -> bool:
        """Return True if the row tells all that is to be counted of its block. Raises Unusable."""

    def add(self, row: Row, wanted: Wanted, source: Source) -> None:
        """Count the records of a block."""


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
            entry = known_as(source, self.readers)
            if entry and not self.tally and takes_every_row(query, source):
                return self._whole(entry, query) or plain
            told = bool(self.tally)
            output = entry.output(parts=bool(query.names) or told, hours=told) if entry else None
            return self._planned(entry, output, source, query) if entry and output else plain
        except Unusable as error:
            self.flaws.add(str(error))
        except (LogbusError, OSError):
            pass  # whoever reads the file will say so
        return plain

    def close(self) -> None:
        """Close the indexes."""
        for reader in self.readers:
            reader.close()

    def _whole(self, entry: Entry, query: Query) -> Reading | None:
        """Return how to read all of an output; None if it has no rows, which are taken from the index by who reads."""
        summary = entry.reader.summary(entry.known)
        if not summary:
            return None
        return _reading(cache(partial(self._output, entry, query)), entry.known, _within_us(entry, summary, query))

    def _output(self, entry: Entry, query: Query) -> Output:
        """Return an output with its rows, without any if they are not usable."""
        try:
            if output := entry.output():
                return _in_zone(output, query.zone)
        except Unusable as error:
            self.flaws.add(str(error))
        return Output(entry.reader, entry.known, (), END)

    def _planned(self, entry: Entry, told: Output, source: Source, query: Query) -> Reading:
        output = _in_zone(told, query.zone)
        filters = filters_of(query, source)
        names = output.reader.names(output.known) if filters or self.tally else {}
        spans = self._spans(output, Wanted(query, names, filters), source)
        if not spans:
            return NONE
        if output.known.compression == GZIP or query.before or query.after:
            spans = WHOLE
        within_us = _within_us(entry, entry.reader.summary(entry.known), query)
        return _reading(lambda: output, output.known, within_us, spans)

    def _spans(self, output: Output, wanted: Wanted, source: Source) -> Sequence[Span]:
        """Return what to read, and count what need not be read."""
        tally = self.tally
        if not tally:
            return spans_of(output.rows, output.size_bytes, wanted.of)
        may_match = [row for row in output.rows if wanted.of(row)]
        counted = {row.id: row for row in may_match if row.settled and tally.answers(row, wanted, source)}
        read = {row.id for row in may_match} - set(counted)
        spans = spans_of(output.rows, output.size_bytes, lambda row: row.id in read)
        if output.known.compression != GZIP or not spans:
            for row in _outside(counted.values(), spans):
                tally.add(row, wanted, source)
        return spans


def _reading(
    output: Callable[[], Output], known: Known, within_us: tuple[int, int] | None, spans: Sequence[Span] = WHOLE
) -> Reading:
    """Return how to read spans of an output, whose rows are taken when it is read."""
    kind = KINDS[known.compression]
    return Reading(
        spans,
        lambda: _told(output()),
        kind,
        partial(_has_token, known.token),
        within_us,
        lambda: stretches_of(output().rows if kind == "zstd" else ()),
    )


def _within_us(entry: Entry, summary: Summary | None, query: Query) -> tuple[int, int] | None:
    """Return the times of the first and last record of an output whose rows are exact, and leave nothing out."""
    if not summary or not _is_in(entry.known.zone, query.zone) or summary.end != entry.size_bytes(summary.end):
        return None
    return summary.within_us


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


def _in_zone(output: Output, zone: tzinfo) -> Output:
    """Return an output whose rows are settled only if they tell times in that zone."""
    if _is_in(output.known.zone, zone):
        return output
    return replace(output, rows=[each._replace(settled=0) for each in output.rows])


def _outside(rows: Iterable[Row], spans: Sequence[Span]) -> Iterator[Row]:
    """Yield the rows that no span includes; both are in order."""
    waiting = iter(spans)
    span = next(waiting, None)
    for row in rows:
        while span and span.end <= row.begin:
            span = next(waiting, None)
        if span is None or row.begin < span.begin:
            yield row


def _told(output: Output) -> list[Told]:
    """Return the severities that rows tell, of those whose place in the content is known."""
    digits = lru_cache(_CACHED_BLOCKS)(partial(_digits, output.reader))
    found: list[Told] = []
    at, content = 0, 0
    for row in output.rows:
        begin = row.content_begin if row.settled else None
        if begin is None:
            begin = row.begin if output.known.compression != ZSTD else content if row.begin == at else None
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
