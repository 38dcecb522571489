"""Finds the wanted records of one file, in its order."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from msgspec import Struct

from logbus.eventtime import TimeRules
from logbus.fields import Value, parse
from logbus.fields.matching import match
from sinks.search.asking import ALL_DIGITS, Found, Query, Source
from sinks.search.backwards import Earlier, blocks_backwards
from sinks.search.files.placeholders import unfiltered
from sinks.search.files.segments import Segments
from sinks.search.layouts import Layout, Said, layout_of
from sinks.search.matching import Matcher
from sinks.search.published import Severities, SeveritiesBackwards
from sinks.search.records import (
    BLOCK_BYTES,
    Block,
    Records,
    Times,
    blocks,
    divided,
    last_time_us,
    told_by_beginning,
    told_by_end,
)
from sinks.search.spans import WHOLE, Span, Told

_LINE_BYTES: Final = 1 << 16
"""How much of the first line tells the layout."""
_PASSED_MAX: Final = 4
"""So many blocks may wait for somebody to ask when their last record happened: that is 4 MiB."""


@dataclass(slots=True)
class Finder:
    """Finds records of the file with a `number`; `changed_us`: its time of modification.

    `start`: where its content begins that is searched; `told`: of the severities of its lines.
    """

    query: Query
    source: Source
    number: int
    changed_us: int
    block_bytes: int = BLOCK_BYTES
    start: Span = WHOLE[0]
    told: Sequence[Told] = ()
    _severities: Severities = field(init=False)
    _previous_us: int | None = field(default=None, init=False)
    _passed: list[bytes] = field(default_factory=list, init=False)
    _near: deque[Found] = field(init=False)
    _after: int = field(default=0, init=False)
    _key_us: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Begin where the content does, with room for the records before a hit."""
        self._previous_us = self.start.before_us
        self._severities = Severities(self.told)
        self._near = deque(maxlen=self.query.before)

    def found(self, pieces: Iterator[bytes]) -> Iterator[Iterator[Found]]:
        """Yield what is found in the file's content, block by block; each has to be taken before the next."""
        near = self.query.before or self.query.after
        for view in self.views(pieces):
            hits = view.hits(self.query)
            yield self._with_near(view, hits) if near else map(view.found, hits)

    def views(self, pieces: Iterator[bytes]) -> Iterator["View"]:
        """Yield the blocks of the file's content that may have wanted records."""
        first = b""
        while b"\n" not in first and len(first) < _LINE_BYTES and (piece := next(pieces, b"")):
            first += piece
        layout = layout_of(self.source.layout, first)
        rules = TimeRules(self.query.zone, read_at_us=self.changed_us)
        is_dull = None if self.query.takes_all else self._is_dull
        for block in blocks(chain((first,), pieces), layout, self.block_bytes, is_dull, self.start):
            self._severities.reach(block)
            if block.is_dull or (is_dull and is_dull(block.body)):
                self._pass(block.body, layout, rules)
            else:
                yield from self._views(block, layout, rules)

    def found_backwards(self, segments: Segments) -> Iterator[tuple[int | None, Iterator[Found], int | None]]:
        """Yield what is found, the last first, block by block.

        Before it, if known, is the time at the end of the block, and behind it that at its beginning.
        """
        read = segments.bodies()
        layout = layout_of(self.source.layout, b"" if self.source.layout else segments.beginning(read)[:_LINE_BYTES])
        rules = TimeRules(self.query.zone, read_at_us=self.changed_us)
        earlier = Earlier(read, layout, rules)
        severities = SeveritiesBackwards(self.told)
        for ahead in blocks_backwards(segments, read, layout):
            body = ahead.block.body
            severities.reach(ahead.block)
            end_us, begin_us = told_by_end(body, layout, rules), told_by_beginning(body, layout, rules)
            if not self.query.takes_all and self._is_dull(body):
                yield end_us, iter(()), begin_us
                continue
            view = self._view(ahead.block, layout, rules, earlier.time_us(ahead), severities)
            yield end_us, map(view.found, reversed([*view.hits(self.query)])), begin_us

    def _view(
        self,
        block: Block,
        layout: Layout,
        rules: TimeRules,
        previous_us: int | None,
        severities: Severities | SeveritiesBackwards,
    ) -> "View":
        records = severities.published(block, divided(block.body, layout))
        times = Times(block.body, records, layout, rules, previous_us)
        return View(block, records, times, layout, self.number, tuple(unfiltered(self.query.names, self.source.told)))

    def _is_dull(self, body: bytes) -> bool:
        return self.query.matcher is not None and self.query.matcher.first(body) < 0

    def _pass(self, body: bytes, layout: Layout, rules: TimeRules) -> None:
        """Keep a block that only tells the time that a record behind it inherits, until one asks for it."""
        if self.query.needs_times:
            self._passed.append(body)
        if len(self._passed) >= _PASSED_MAX:
            self._resolve(layout, rules)

    def _resolve(self, layout: Layout, rules: TimeRules) -> None:
        self._previous_us = last_time_us(self._passed, layout, rules, self._previous_us)
        self._passed.clear()

    def _views(self, block: Block, layout: Layout, rules: TimeRules) -> Iterator["View"]:
        self._resolve(layout, rules)
        view = self._view(block, layout, rules, self._previous_us, self._severities)
        yield view
        if self.query.needs_times:
            self._previous_us = view.times.known_us(len(view.records) - 1)

    def _with_near(self, view: "View", hits: Iterable[int]) -> Iterator[Found]:
        """Yield the hits with the records around them."""
        shown = 0
        for hit in hits:
            yield from self._behind(view, shown, hit)
            shown = max(shown, min(hit, shown + self._after))
            self._key_us = view.times.of(hit)
            yield from self._before(view, shown, hit)
            yield view.found(hit)
            shown, self._after = hit + 1, self.query.after
        count = len(view.records)
        yield from self._behind(view, shown, count)
        rest = range(max(min(count, shown + self._after), count - self.query.before), count)
        self._after = max(0, self._after - (count - shown))
        self._near.extend(view.near(number, 0) for number in rest)

    def _behind(self, view: "View", shown: int, limit: int) -> Iterator[Found]:
        """Yield the records behind the last hit."""
        for number in range(shown, min(limit, shown + self._after)):
            self._near.clear()
            yield view.near(number, self._key_us)

    def _before(self, view: "View", shown: int, hit: int) -> Iterator[Found]:
        """Yield the records before a hit that are not shown yet; of the block before it too."""
        first = max(shown, hit - self.query.before)
        missing = self.query.before - (hit - first) if first == 0 and not shown else 0
        for each in list(self._near)[-missing:] if missing else ():
            yield Found(self._key_us, *_behind_key(each))
        self._near.clear()
        for number in range(first, hit):
            yield view.near(number, self._key_us)


def _behind_key(found: Found) -> tuple[int, int, int, int, int, bool, bytes]:
    return found.time_us, found.source, found.offset, found.line, found.digit, found.is_hit, found.data


def _fields_of(said: Said) -> Mapping[str, Value]:
    """Return what a record says, with the shipper's own as `fields`, and of a container's line its stream."""
    parsed = parse(said.message)
    found: dict[str, Value] = {"stream": parsed.stream} if parsed.stream else {}
    found |= parsed.fields
    return found | {"fields": dict(said.fields)} if said.fields else found


class View(Struct, frozen=True):
    """The records of a block, as they are found; `names`: filters for what records themselves have to tell."""

    block: Block
    records: Records
    times: Times
    layout: Layout
    source: int
    names: tuple[str, ...]

    def record(self, number: int) -> bytes:
        """Return the bytes of a record."""
        starts = self.records.starts
        return self.block.body[starts[number] : starts[number + 1]]

    def hits(self, query: Query) -> Iterable[int]:
        """Return the numbers of the wanted records."""
        numbers = self._matching(query)
        if query.digits != ALL_DIGITS:
            numbers = (number for number in numbers if self.records.digits[number] in query.digits)
        return self._narrowed(numbers, query) if query.is_timed or query.fields or self.names else numbers

    def _narrowed(self, numbers: Iterable[int], query: Query) -> Iterator[int]:
        """Yield those that match by fields, names and time."""
        for number in numbers:
            if query.fields and not match(_fields_of(self.layout.said(self.record(number))), query.fields):
                continue
            if self.names and not self._is_named(number, query):
                continue
            if not query.is_timed or query.is_in_time(self.times.of(number)):
                yield number

    def _matching(self, query: Query) -> Iterable[int]:
        return range(len(self.records)) if query.matcher is None else self._matched(query, query.matcher)

    def _matched(self, query: Query, matcher: Matcher) -> Iterator[int]:
        """Yield the numbers of the records with a match, or without one."""
        body, starts, behind = self.block.body, self.records.starts, 0
        at = matcher.first(body)
        while at >= 0 and behind < len(self.records):
            number = bisect_right(starts, at, behind, len(starts) - 1) - 1
            yield from range(behind, number) if query.invert else (number,)
            behind = number + 1
            at = matcher.first(body, starts[behind]) if behind < len(self.records) else -1
        yield from range(behind, len(self.records)) if query.invert else ()

    def _is_named(self, number: int, query: Query) -> bool:
        said = self.layout.said(self.record(number))
        values = {"host": said.host, "label": said.label, "path": said.path}
        return all(not values[name] or query.names[name](values[name]) for name in self.names)

    def found(self, number: int) -> Found:
        """Return a hit."""
        time_us = self.times.of(number)
        return self._found(number, time_us, time_us, is_hit=True)

    def near(self, number: int, key_us: int) -> Found:
        """Return a record that is near a hit."""
        return self._found(number, key_us, self.times.of(number), is_hit=False)

    def _found(self, number: int, key_us: int, time_us: int, *, is_hit: bool) -> Found:
        line = self.block.line + self.records.lines[number] if self.block.line else 0
        where = self.block.offset + self.records.starts[number], line
        return Found(key_us, time_us, self.source, *where, self.records.digits[number], is_hit, self.record(number))
