"""Counts what was found, by severity, hour, host and so on, as a table or as JSON."""

import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from itertools import repeat
from typing import Final

import msgspec

from logbus.decoding import decoded
from logbus.errors import UsageError
from sinks.printable import inert_json, printable_word
from sinks.search.asking import Found, Query, Source
from sinks.search.finding import Finder, View
from sinks.search.layouts import Said, severity_of
from sinks.search.results.showing import local, said

GROUPS: Final = ("severity", "hour", "day", "host", "label", "file")
ROWS_MAX: Final = 50_000
"""More would not be read by anyone, and would have to be kept in memory."""
_OTHERS: Final = "(others)"
_UNKNOWN: Final = "-"
_NOBODY: Final = Said(b"")
_QUARTER_US: Final = 900_000_000
"""No zone begins an hour within one."""
_Row = tuple[str, ...]


def groups_in(text: str) -> tuple[str, ...]:
    """Return the names in a list such as `severity,hour`. Raises UsageError."""
    names = tuple(dict.fromkeys(each.strip() for each in text.split(",")))
    for name in names:
        if name not in GROUPS:
            raise UsageError("count", f"{name!r} is nothing to count by", f"use some of {', '.join(GROUPS)}")
    return names


class Counts:
    """Counts records by groups, from several threads."""

    def __init__(self, groups: Sequence[str], sources: Sequence[Source], zone: tzinfo) -> None:
        self._groups = tuple(groups)
        self._sources = sources
        self._zone = zone
        self._rows: Counter[_Row] = Counter()
        self._lock = threading.Lock()
        self._by_names = bool({"host", "label"} & set(groups))
        self._by_hour = bool({"hour", "day"} & set(groups))

    @property
    def is_full(self) -> bool:
        """Whether some rows were counted together."""
        return len(self._rows) > ROWS_MAX

    @property
    def total(self) -> int:
        """The number of hits."""
        with self._lock:
            return self._rows.total()

    @property
    def groups(self) -> tuple[str, ...]:
        """What is counted by."""
        return self._groups

    def add(self, source: Source, time_us: int, digit: int, name: Said, number: int) -> None:
        """Count records of a file that are the same in all that is counted by."""
        self._add(Counter({self._row_of(source, time_us, digit, name): number}))

    def take(self, finder: Finder, pieces: Iterator[bytes]) -> None:
        """Count the hits of a file."""
        for view in finder.views(pieces):
            self._add(self._by_record(view, finder.query) if self._by_names else self._by_time(view, finder.query))

    def _add(self, found: Counter[_Row]) -> None:
        with self._lock:
            for row, number in found.items():
                known = row in self._rows or len(self._rows) < ROWS_MAX
                self._rows[row if known else (_OTHERS,) * len(row)] += number

    def _by_record(self, view: View, query: Query) -> Counter[_Row]:
        """Count where each record may tell its host and label."""
        return Counter(self._row(view.found(number)) for number in view.hits(query))

    def _by_time(self, view: View, query: Query) -> Counter[_Row]:
        """Count where records of one severity and quarter of an hour are in one row."""
        numbers = list(view.hits(query))
        digits = map(view.records.digits.__getitem__, numbers)
        if self._by_hour:
            times = view.times.all()
            quarters: Iterable[int] = [times[number] // _QUARTER_US for number in numbers]
        else:
            quarters = repeat(0)
        rows: Counter[_Row] = Counter()
        for (digit, quarter), count in Counter(zip(digits, quarters, strict=False)).items():
            rows[self._row(Found(0, quarter * _QUARTER_US, view.source, 0, 0, digit, is_hit=True, data=b""))] += count
        return rows

    def rows(self) -> list[tuple[_Row, int]]:
        """Return the rows, sorted; severities by their rank."""
        rank = {each.word: f"{each:d}" for each in map(severity_of, b"01234567")}
        place = self._groups.index("severity") if "severity" in self._groups else -1

        def key(item: tuple[_Row, int]) -> _Row:
            return tuple(rank.get(cell, cell) if number == place else cell for number, cell in enumerate(item[0]))

        return sorted(self._rows.items(), key=key)

    def as_json(self) -> bytes:
        """Return an object for each row, one a line."""
        objects = (dict(zip(self._groups, row, strict=True)) | {"count": number} for row, number in self.rows())
        return b"".join(inert_json(msgspec.json.encode(each).decode()).encode() + b"\n" for each in objects)

    def as_table(self) -> bytes:
        """Return the rows in columns, with a heading."""
        cells = [[*self._groups, "count"], *([*row, f"{number:,}"] for row, number in self.rows())]
        shown = [[printable_word(cell).decode() for cell in line] for line in cells]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        lines = (
            "  ".join(
                [
                    *(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False)),
                    line[-1].rjust(widths[-1]),
                ]
            )
            for line in shown
        )
        return "".join(f"{line}\n" for line in lines).encode()

    def _row(self, found: Found) -> _Row:
        source = self._sources[found.source]
        name = said(found, source) if self._by_names else _NOBODY
        return self._row_of(source, found.time_us, found.digit, name)

    def _row_of(self, source: Source, time_us: int, digit: int, name: Said) -> _Row:
        return tuple(self._cell(each, source, time_us, digit, name) for each in self._groups)

    def _cell(self, group: str, source: Source, time_us: int, digit: int, name: Said) -> str:
        if group == "severity":
            return severity_of(digit).word
        if group == "file":
            return decoded(os.fsencode(source.path))
        if group in ("host", "label"):
            return source.told.get(group) or getattr(name, group) or _UNKNOWN
        return f"{local(time_us, self._zone):{'%Y-%m-%d %H:00' if group == 'hour' else '%Y-%m-%d'}}"
