"""Settling a file in a test, and what the search itself finds in it, as rows have to tell it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from sinks.index.place import give_token
from sinks.search.asking import Query, Source
from sinks.search.files.opening import identity_of
from sinks.search.files.reading import Content
from sinks.search.finding import Finder
from sinks.settling.opened import Opened, open_output
from sinks.settling.published import Old
from sinks.settling.rows import Row, lines_of
from sinks.settling.settling import rows_of

CHANGED_S = 1_795_600_000
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the search finds it; `inherited_us`: of the records before it, None if they state none."""

    offset: int
    line: int
    digit: int
    time_us: int


def written(path: Path, data: bytes) -> Path:
    """Write a file that was last changed at CHANGED_S, and give it a token."""
    path.write_bytes(data)
    fd = os.open(path, os.O_RDWR)
    give_token(fd)
    os.close(fd)
    os.utime(path, (CHANGED_S, CHANGED_S))
    return path


def opened(path: Path) -> Opened:
    """Open a file to settle it."""
    found = open_output(path.parent, path.name)
    assert found
    return found


def settled(path: Path, old: Sequence[Old] = (), layout: str = "") -> list[Row]:
    """Return the settled rows of a finished file."""
    output = opened(path)
    try:
        return list(rows_of(output, iter(old), layout, UTC, lambda _size: None))
    finally:
        os.close(output.fd)


def searched(path: Path, layout: str = "") -> tuple[list[Record], bytes]:
    """Return the records that the search finds in the whole file, and the digit of each line."""
    found: list[Record] = []
    lines = b""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        changed_us = status.st_mtime_ns // 1000
        source = Source(path, identity_of(status), status.st_size, changed_us, {}, layout)
        finder = Finder(Query(zone=UTC), source, 0, changed_us)
        for view in finder.views(Content(file.fileno(), lambda _size: None).pieces()):
            found += (_record(view.found(number)) for number in range(len(view.records)))
            lines += lines_of(view)
    return found, lines


def _record(found: object) -> Record:
    return Record(found.offset, found.line, found.digit, found.time_us)  # type: ignore[attr-defined]


def within(records: Sequence[Record], row: Row) -> Iterator[Record]:
    """Yield the records that begin in a row."""
    yield from (each for each in records if row.begin.content <= each.offset < row.end.content)


def check_rows(path: Path, rows: Sequence[Row], content: bytes) -> None:
    """Fail unless rows without older ones equal what the search finds in the whole file."""
    records, lines = searched(path)
    starts = {each.offset for each in records} | {len(content)}
    for row, following in zip(rows, [*rows[1:], None], strict=False):
        assert {row.begin.content, row.end.content} <= starts
        assert following is None or following.begin == row.end
        _check_row(row, list(within(records, row)), content, records)
    assert b"".join(row.digits for row in rows) == lines
    if content:
        assert (rows[0].begin.content, rows[-1].end.content) == (0, len(content))


def _check_row(row: Row, mine: Sequence[Record], content: bytes, records: Sequence[Record]) -> None:
    times = [each.time_us for each in mine]
    assert row.event_us == (min(times), max(times))
    assert row.first_line == mine[0].line == content.count(b"\n", 0, row.begin.content) + 1
    hours: dict[int, list[int]] = {}
    for each in mine:
        hours.setdefault(each.time_us // HOUR_US, [0] * 8)[each.digit - 48] += 1
    assert row.hours == hours
    before = [each.time_us for each in records if each.offset < row.begin.content]
    changed_us = CHANGED_S * 1_000_000
    assert row.before_us == (before[-1] if any(each != changed_us for each in before) else None)
