"""Settling an index by hand: exact rows for finished outputs, from what a search finds in the whole of them."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from itertools import chain, pairwise
from pathlib import Path

import msgspec

from logbus.wire import frames
from sinks.index.digits import counts_of
from sinks.index.names import FILE_NAME
from sinks.index.place import token_of
from sinks.search.asking import Query, Source
from sinks.search.files.reading import Content
from sinks.search.finding import Finder

HOUR_US = 3_600_000_000
_ROW = "INSERT INTO block ({}) VALUES ({})"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a search finds it; `before_us`: the time that it would inherit."""

    offset: int
    line: int
    digit: int
    time_us: int
    before_us: int | None


def records_of(source: Source) -> list[Record]:
    """Return all records of a file."""
    fd = os.open(source.path, os.O_RDONLY)
    try:
        found = []
        finder = Finder(Query(zone=UTC), source, 0, os.fstat(fd).st_mtime_ns // 1000)
        for view in finder.views(Content(fd, lambda _size: None).pieces()):
            for number in range(len(view.records)):
                one = view.found(number)
                found.append(Record(one.offset, one.line, one.digit, one.time_us, view.times.known_us(number - 1)))
        return found
    finally:
        os.close(fd)


def content_of(path: Path) -> tuple[bytes, dict[int, int]]:
    """Return a file's content, and where on disk what begins at an offset of it: everywhere, or where frames do."""
    data = path.read_bytes()
    if not data.startswith(b"\x28\xb5\x2f\xfd"):
        return data, {at: at for at in range(len(data) + 1)}
    content, borders, at = b"", {0: 0}, 0
    while at < len(data):
        size = frames.frame_bytes(data[at:])
        assert size
        content += frames.decompress(data[at : at + size], 1 << 24)
        at += size
        borders[len(content)] = at
    return content, borders


def settle(state: Path, sources: Sequence[Source], every: int, published: bytes | None = None) -> None:
    """Replace the rows of files by settled ones of at least `every` records; `published`: the digit of each line."""
    with closing(sqlite3.connect(state / FILE_NAME)) as db, db:
        for source in sources:
            [[output]] = db.execute("SELECT id FROM output WHERE token = ?", (token_of(source.path),)).fetchall()
            rows = list(_rows(db, output, source, every, published))
            db.execute("DELETE FROM block WHERE output = ?", (output,))
            status = source.path.stat()
            told = ("UTC", status.st_size, status.st_mtime_ns // 1000, output)
            db.execute("UPDATE output SET zone = ?, settled_bytes = ?, changed_us = ? WHERE id = ?", told)
            for row in rows:
                names = ", ".join(row)
                db.execute(_ROW.format(names, ", ".join("?" * len(row))), tuple(row.values()))


def _rows(
    db: sqlite3.Connection, output: int, source: Source, every: int, published: bytes | None
) -> Iterator[dict[str, object]]:
    content, borders = content_of(source.path)
    records = records_of(source)
    starts = [each.offset for each in records]
    cuts = [number for number in range(len(records)) if number % every == 0 and starts[number] in borders]
    old = db.execute("SELECT begin, end, parts FROM block WHERE output = ?", (output,)).fetchall()
    for first, last in pairwise([*cuts, len(records)]):
        mine = records[first:last]
        end = records[last].offset if last < len(records) else len(content)
        begin = mine[0].offset
        digits = _digits(content, [*mine, *records[last : last + 1]], end, published)
        parts = [parts for a, b, parts in old if a < borders[end] and b > borders[begin]]
        hours: dict[int, Counter[int]] = {}
        for each in mine:
            hours.setdefault(each.time_us // HOUR_US, Counter())[digits[each.line - mine[0].line]] += 1
        times = [each.time_us for each in mine]
        yield {
            "output": output, "begin": borders[begin], "end": borders[end], "content_bytes": end - begin,
            "lines": len(digits), "first_read_us": 0, "last_read_us": 0,
            "first_event_us": min(times), "last_event_us": max(times), "settled": 1,
            "content_begin": begin, "first_line": mine[0].line, "before_us": mine[0].before_us,
            "hours": msgspec.msgpack.encode([[hour, [c[48 + d] for d in range(8)]] for hour, c in hours.items()]),
            "counts": msgspec.msgpack.encode(counts_of(digits)),
            "parts": None if None in parts else msgspec.msgpack.encode([*chain(*map(msgspec.msgpack.decode, parts))]),
            "digits": frames.compress(digits, 3),
        }  # fmt: skip


def _digits(content: bytes, records: Sequence[Record], end: int, published: bytes | None) -> bytes:
    """Return the digit of each line of records, that of its record or the published one."""
    begin = records[0].offset
    lines = content[begin:end].count(b"\n") + (not content[begin:end].endswith(b"\n"))
    if published is not None:
        return published[records[0].line - 1 : records[0].line - 1 + lines]
    firsts = [each.line - records[0].line for each in records if each.offset < end]
    return b"".join(
        bytes([record.digit]) * (behind - first)
        for record, (first, behind) in zip(records, pairwise([*firsts, lines]), strict=False)
    )
