"""Finds the wanted records of one file, in its order."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from logbus.eventtime import TimeRules
from logbus.fields import parse
from logbus.fields.matching import match
from sinks.search.asking import Found, Query, Source
from sinks.search.files.placeholders import unfiltered
from sinks.search.layouts import Layout, layout_of
from sinks.search.records import BLOCK_BYTES, Block, Records, Times, blocks, divided, last_time_us


@dataclass(slots=True)
class Finder:
    """Finds records of the file with a `number`; `changed_us`: its time of modification."""

    query: Query
    source: Source
    number: int
    changed_us: int
    block_bytes: int = BLOCK_BYTES
    _previous_us: int | None = field(default=None, init=False)
    _near: deque[Found] = field(init=False)
    _after: int = field(default=0, init=False)
    _key_us: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Make room for the records before a hit."""
        self._near = deque(maxlen=self.query.before)

    def found(self, pieces: Iterator[bytes]) -> Iterator[Iterator[Found]]:
        """Yield what is found in the file's content, block by block; each has to be taken before the next."""
        first = next(pieces, b"")
        layout = layout_of(self.source.layout, first)
        rules = TimeRules(self.query.zone, read_at_us=self.changed_us)
        for block in blocks(chain((first,), pieces), layout, self.block_bytes):
            yield self._in_block(block, layout, rules)

    def _in_block(self, block: Block, layout: Layout, rules: TimeRules) -> Iterator[Found]:
        query, body = self.query, block.body
        if not query.takes_all and query.matcher and query.matcher.first(body) < 0:
            if query.needs_times:
                self._previous_us = last_time_us(body, layout, rules, self._previous_us)
            return
        records = divided(body, layout)
        view = _View(block, records, Times(body, records, layout, rules, self._previous_us), layout, self.number)
        hits = view.hits(query, unfiltered(query.names, self.source.told))
        yield from self._with_near(view, hits) if query.before or query.after else map(view.found, hits)
        if query.needs_times:
            self._previous_us = view.times.known_us(len(records) - 1)

    def _with_near(self, view: "_View", hits: Iterable[int]) -> Iterator[Found]:
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

    def _behind(self, view: "_View", shown: int, limit: int) -> Iterator[Found]:
        """Yield the records behind the last hit."""
        for number in range(shown, min(limit, shown + self._after)):
            self._near.clear()
            yield view.near(number, self._key_us)

    def _before(self, view: "_View", shown: int, hit: int) -> Iterator[Found]:
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


@dataclass(frozen=True, slots=True)
class _View:
    """The records of a block, as they are found."""

    block: Block
    records: Records
    times: Times
    layout: Layout
    source: int

    def record(self, number: int) -> bytes:
        starts = self.records.starts
        return self.block.body[starts[number] : starts[number + 1]]

    def hits(self, query: Query, names: list[str]) -> Iterator[int]:
        """Yield the numbers of the wanted records; `names`: filters for what the record itself has to tell."""
        timed = query.since_us is not None or query.until_us is not None
        wraps = bool(names)
        for number in self._matching(query):
            if self.records.digits[number] not in query.digits:
                continue
            if query.fields and not match(parse(self.layout.said(self.record(number)).message).fields, query.fields):
                continue
            if wraps and not self._is_named(number, query, names):
                continue
            if not timed or query.is_in_time(self.times.of(number)):
                yield number

    def _matching(self, query: Query) -> Iterator[int]:
        """Yield the numbers of the records with a match, or without one."""
        if query.matcher is None:
            yield from range(len(self.records))
            return
        body, starts, behind = self.block.body, self.records.starts, 0
        at = query.matcher.first(body)
        while at >= 0 and behind < len(self.records):
            number = bisect_right(starts, at, behind, len(starts) - 1) - 1
            yield from range(behind, number) if query.invert else (number,)
            behind = number + 1
            at = query.matcher.first(body, starts[behind]) if behind < len(self.records) else -1
        yield from range(behind, len(self.records)) if query.invert else ()

    def _is_named(self, number: int, query: Query, names: list[str]) -> bool:
        said = self.layout.said(self.record(number))
        values = {"host": said.host, "label": said.label, "path": said.path}
        return all(not values[name] or query.names[name](values[name]) for name in names)

    def found(self, number: int) -> Found:
        """Return a hit."""
        time_us = self.times.of(number)
        return self._found(number, time_us, time_us, is_hit=True)

    def near(self, number: int, key_us: int) -> Found:
        """Return a record that is near a hit."""
        return self._found(number, key_us, self.times.of(number), is_hit=False)

    def _found(self, number: int, key_us: int, time_us: int, *, is_hit: bool) -> Found:
        where = self.block.offset + self.records.starts[number], self.block.line + self.records.lines[number]
        return Found(key_us, time_us, self.source, *where, self.records.digits[number], is_hit, self.record(number))
