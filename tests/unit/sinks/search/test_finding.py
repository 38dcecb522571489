"""What is found in a file: whatever the sizes of blocks and pieces, the same as by a slow search record by record."""

import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.eventtime import FileClock, TimeRules
from logbus.severity import stated
from logbus.traces import coded, kinds
from sinks.search.asking import ALL_DIGITS, Found, Query, Source
from sinks.search.finding import Finder
from sinks.search.matching import matcher

READ_US = 1_795_600_000_000_000
LINES = [
    b"2026-11-24 10:00:%02d,000 INFO [main] c.a.App - started order 4711",
    b"2026-11-24 10:00:%02d,000 ERROR [main] c.a.App - failed",
    b"2026-11-24T09:59:%02d.5Z WARN late order",
    b"2026-11-24 10:00:%02d order 4711 without a level",
    b"java.lang.IllegalStateException: no order",
    b"\tat c.a.App.run(App.java:10)",
    b"Caused by: java.io.IOException: order",
    b"ERROR: order 4711",
    b"plain order",
    b"plain \xff\x1b[2J\r bytes",
    b"",
    b"  indented",
    b'{"level":"warn","msg":"order 4711","ts":"2026-11-24T10:01:%02dZ"}',
]
Record = tuple[int, int, int, int, bytes]
"""Time, offset, line, digit, bytes."""


def lines() -> st.SearchStrategy[bytes]:
    """Return contents of files, the last line of which may lack its newline."""
    line = st.tuples(st.sampled_from(LINES), st.integers(0, 59)).map(lambda it: it[0].replace(b"%02d", b"%02d" % it[1]))
    content = st.lists(line, max_size=30).map(lambda several: b"".join(each + b"\n" for each in several))
    return st.tuples(content, st.booleans()).map(lambda it: it[0][: len(it[0]) - it[1]] if it[0] else it[0])


def by_hand(content: bytes) -> list[Record]:
    """Return the records of a file, line by line."""
    found: list[tuple[int, int, int, list[bytes]]] = []
    state = ""
    offset = 0
    for number, line in enumerate(re.findall(rb"[^\n]*\n|[^\n]+", content), 1):
        code = coded(stated(line), kinds()(line)).decode()
        continues = (code in "xk" and bool(found)) or (code == "s" and state == "thrown")
        if continues and found:
            found[-1][3].append(line)
            state = "thrown" if code == "x" and state in ("timed", "thrown") else state
        else:
            digit = code if code.isdigit() else str("abcdefgh".find(code)) if code in "abcdefgh" else "6"
            found.append((offset, number, ord(digit), [line]))
            state = "timed" if code in "abcdefghS" else "untimed"
        offset += len(line)
    clock = FileClock(TimeRules(UTC, read_at_us=READ_US))
    whole = [(offset, number, digit, b"".join(several)) for offset, number, digit, several in found]
    return [(clock.event_time(data).time_us, offset, number, digit, data) for offset, number, digit, data in whole]


def search(content: bytes, query: Query, piece_bytes: int = 50, block_bytes: int = 100) -> list[Found]:
    """Return what is found in a content that comes in pieces."""
    pieces = (content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes))
    finder = Finder(query, Source(Path("a.log"), (0, 0), len(content), READ_US), 0, READ_US, block_bytes)
    return [found for block in finder.found(pieces) for found in block]


def shown(found: list[Found]) -> list[Record]:
    """Return what matters of them."""
    return [(each.time_us, each.offset, each.line, each.digit, each.data) for each in found]


@given(
    content=lines(),
    sizes=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    pattern=st.sampled_from(["", "order", "order [0-9]+", "^plain", "App|indented$", "ERROR"]),
    invert=st.booleans(),
    digits=st.sampled_from([ALL_DIGITS, frozenset(b"0123"), frozenset(b"6")]),
    since_s=st.none() | st.integers(-60, 90),
)
def test_the_same_is_found_as_by_hand(  # noqa: PLR0913, PLR0917 - what a search consists of
    content: bytes, sizes: tuple[int, int], pattern: str, invert: bool, digits: frozenset[int], since_s: int | None
) -> None:
    """Pattern, severity and time select the same records, in the same places, however the content is cut."""
    since_us = None if since_s is None else 1_795_514_400_000_000 + since_s * 1_000_000
    until_us = None if since_us is None else since_us + 30_000_000
    query = Query(matcher(pattern) if pattern else None, invert and bool(pattern), since_us, until_us, digits)
    matches = re.compile(pattern.encode(), re.MULTILINE).search
    wanted = [
        each
        for each in by_hand(content)
        if (not pattern or bool(matches(each[4])) != invert) and each[3] in digits and query.is_in_time(each[0])
    ]
    assert shown(search(content, query, *sizes)) == wanted


def around(records: list[Record], hits: list[int], before: int, after: int) -> Iterator[tuple[Record, bool]]:
    """Yield the records that are near hits, and whether each is one."""
    for number, each in enumerate(records):
        if any(hit - before <= number <= hit + after for hit in hits):
            yield each, number in hits


@given(content=lines(), block_bytes=st.integers(1, 400), near=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_what_is_near_is_shown_once(content: bytes, block_bytes: int, near: tuple[int, int]) -> None:
    """The records around hits are those of the file, each once, whatever the blocks."""
    records = by_hand(content)
    hits = [number for number, each in enumerate(records) if b"4711" in each[4]]
    found = search(content, Query(matcher("4711"), before=near[0], after=near[1]), 64, block_bytes)
    expected = list(around(records, hits, *near))
    assert list(zip(shown(found), [each.is_hit for each in found], strict=True)) == expected


def test_fields_select() -> None:
    """A field is compared as its record says it."""
    content = b'{"status":500,"msg":"a"}\n{"status":200,"msg":"b"}\nstatus=503 msg=c\n'
    query = Query(fields=(("status", lambda text: text.startswith("5")),))
    assert [each.line for each in search(content, query)] == [1, 3]


def test_fields_of_the_operator_and_of_containers_select() -> None:
    """`fields.team` is the shipper's in a sink's object, `stream` what a container wrote to."""
    content = OBJECT.replace(b'"read_time"', b'"fields":{"team":"shop"},"read_time"') % (b"err", b"one")
    team = Query(fields=(("fields.team", lambda text: text == "shop"),))
    assert [each.line for each in search(content + OBJECT % (b"err", b"two"), team)] == [1]
    lines = b"2026-11-24T10:00:00.0Z stderr F one\n2026-11-24T10:00:01.0Z stdout F two\n"
    assert [each.line for each in search(lines, Query(fields=(("stream", lambda text: text == "stdout"),)))] == [2]


OBJECT = (
    b'{"host":"web-1","label":"app","path":"/a.log","read_time":"x","severity":"%b","message":"%b",'
    b'"time":"2026-11-24T10:00:00.000000Z","event_time":"2026-11-24T10:00:00.000000Z"}\n'
)


def test_objects_of_a_sink_tell_their_own() -> None:
    """Severity and time are those of the object, whatever its message looks like."""
    content = OBJECT % (b"err", b"INFO: fine") + OBJECT % (b"info", rb"ERROR: \"severity\":\"emerg\"")
    found = search(content, Query(digits=frozenset(b"3")))
    assert [(each.line, each.time_us) for each in found] == [(1, 1_795_514_400_000_000)]


def test_prefixes_of_a_sink_tell_their_own() -> None:
    """A record behind a prefix goes on until the next prefix."""
    first = b"2026-11-24T10:00:00.000001Z web-1 app err INFO: one\nERROR: of the same\n"
    second = b"2026-11-24T10:00:00.000002Z web-1 app debug two\n"
    found = search(first + second, Query(), 10, 10)
    assert [(each.digit, each.data) for each in found] == [(ord("3"), first), (ord("7"), second)]


@pytest.mark.parametrize("name", ["host", "label"])
def test_names_that_only_records_tell(name: str) -> None:
    """Where the path tells no host, the record of a wrapped format does."""
    content = OBJECT % (b"err", b"a")
    assert search(content, Query(names={name: lambda value: value in ("web-1", "app")}))
    assert not search(content, Query(names={name: lambda value: value == "other"}))


def test_a_long_file_without_times_or_levels_is_searched_in_bounded_blocks() -> None:
    """Where nothing begins a record for certain, blocks end all the same."""
    content = b"word " * 20 + b"\n"
    found = search(content * 30_000, Query(matcher("word")), 1 << 16, 1 << 17)
    assert len(found) == 30_000
    assert len(search(b"x" * (10 << 20), Query(matcher("x")), 1 << 16, 1 << 17)) <= 3
