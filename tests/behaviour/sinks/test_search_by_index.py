"""A search by the index finds what a search without it finds, in the same order, with the published severities."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from logbus.batch import Batch
from logbus.config.patterns import compile_glob
from logbus.fields.matching import conditions
from sinks.file import Settings, open_sink
from sinks.index import index as index_room
from sinks.index.blocks import Limits
from sinks.index.reading import Reader, opened
from sinks.search.asking import ALL_DIGITS, Found, Query, Source
from sinks.search.files.sources import Listing, add_outputs
from sinks.search.indexed.opening import barred
from sinks.search.indexed.tallying import HourTally
from sinks.search.indexed.worth import Indexed
from sinks.search.looking import Progress, Worth, all_that_may_match, look_into
from sinks.search.matching import matcher
from sinks.search.results.bars import Bars
from sinks.search.results.counting import Counts
from sinks.search.results.merging import merged
from sinks.search.results.running import Search
from sinks.sink import Context
from support.settled_by_hand import settle

SMALL = Limits(block_bytes=1_000, least_bytes=1, block_s=0.0, part_bytes=1)
READ_US = 1_795_600_000_000_000
HOSTS = ("web-1", "web-2", "db-1")
LINES = (
    b"2026-11-24 10:00:%02d,000 INFO [main] c.a.App - started order 4711",
    b"2026-11-24 10:00:%02d,000 ERROR [main] c.a.App - failed",
    b"2026-11-24T09:59:%02d.5Z WARN late order",
    b"2026-11-24 11:00:%02d order 4711 status=500 without a level",
    b"java.lang.IllegalStateException: no order",
    b"\tat c.a.App.run(App.java:10)",
    b"Caused by: java.io.IOException: order",
    b"plain order",
    b"",
    b"  indented",
    b'{"level":"warn","msg":"order 4711","status":500,"ts":"2026-11-24T10:01:%02dZ"}',
)
TIMES_US = [
    1_795_514_400_000_000 + each for each in (-3_600_000_000, -1_000_000, 0, 15_000_000, 3_600_000_000, 3_630_000_000)
]
"""Around 2026-11-24 10:00 in UTC."""


@dataclass(frozen=True, slots=True)
class Write:
    """A batch of a host: lines, a digit for each."""

    host: str
    body: bytes
    digits: bytes


@dataclass(frozen=True, slots=True)
class Archive:
    """What a file sink wrote beneath a folder."""

    folder: Path
    settings: Settings
    sources: list[Source]
    reader: Reader


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make rows about few bytes, so that a test needs no megabytes."""
    monkeypatch.setattr("sinks.file.sink.Index", partial(index_room.Index, limits=SMALL))
    yield
    _close_all()


@st.composite
def writes(draw: st.DrawFn) -> list[Write]:
    """Return what hosts send, in order: lines of every kind, with any severity."""
    found = []
    for _ in range(draw(st.integers(1, 8))):
        several = draw(st.lists(st.tuples(st.sampled_from(LINES), st.integers(0, 59)), min_size=1, max_size=6))
        body = b"".join(line.replace(b"%02d", b"%02d" % second) + b"\n" for line, second in several)
        digits = bytes(draw(st.sampled_from(b"3467")) for _ in several)
        found.append(Write(draw(st.sampled_from(HOSTS)), body, digits))
    return found


FILTERS: dict[str, st.SearchStrategy[object]] = {
    "matcher": st.sampled_from([matcher("order"), matcher("ERROR|4711")]),
    "since_us": st.sampled_from(TIMES_US),
    "until_us": st.sampled_from(TIMES_US),
    "digits": st.sampled_from([frozenset(b"3"), frozenset(b"0123"), frozenset(b"4")]),
    "fields": st.just(conditions({"status": "5*"})),
    "names": st.sampled_from([{"host": compile_glob("web-*")}, {"host": compile_glob("db-1")}]),
    "before": st.just(1),
    "after": st.just(2),
}


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Return questions with at most two filters, of every kind."""
    names = draw(st.lists(st.sampled_from([*FILTERS, "digits", "digits"]), max_size=2))
    return Query(**{name: draw(FILTERS[name]) for name in names}, zone=UTC)  # type: ignore[arg-type]


_open_readers: list[Reader] = []


def _close_all() -> None:
    """Close the indexes of the examples before."""
    while _open_readers:
        _open_readers.pop().close()


def archive(folder: Path, several: Sequence[Write], **keys: object) -> Archive:
    """Let a file sink write, batch by batch; return its files, by path."""
    settings = Settings(**keys)  # type: ignore[arg-type]
    _close_all()
    (folder / "state").mkdir()
    sink = open_sink(settings, Context("test", folder / "state", lambda _output, _mark: None, is_new=True))
    offsets = dict.fromkeys(HOSTS, 0)
    for each in several:
        begin = offsets[each.host]
        offsets[each.host] += len(each.body)
        stream = f"{HOSTS.index(each.host):016x}"
        sink.write(
            Batch(
                each.body, each.digits, host=each.host, label="app", path="/app.log", stream=stream,
                offset=begin, end=offsets[each.host], read_at_us=READ_US,
            )
        )  # fmt: skip
        sink.commit()
        sink.committed()
    sink.close()
    listing = Listing()
    add_outputs(listing, settings.path, settings.format, {})
    reader = opened(folder / "state")
    assert reader
    _open_readers.append(reader)
    return Archive(folder, settings, sorted(listing.sources(), key=lambda it: it.path), reader)


def found(sources: list[Source], query: Query, worth: Worth, *, newest_first: bool = False) -> list[Found]:
    """Return what a search finds, with the paths' numbers among all files."""
    search = Search(sources, query, worth)
    hits = list(merged(search.files, query, search.progress, search.room, lambda: None, newest_first=newest_first))
    assert not search.progress.flaws
    numbers = [sources.index(source) for source, _ in search.files]
    return [_with(each, source=numbers[each.source]) for each in hits]


def _with(hit: Found, **changes: int) -> Found:
    values = {name: getattr(hit, name) for name in hit.__struct_fields__} | changes
    return Found(**values)


def published(several: Sequence[Write]) -> bytes:
    """Return the digit of each line, if all hosts write to one file."""
    return b"".join(each.digits for each in several)


@settings(max_examples=100, deadline=None)
@given(several=writes(), query=queries(), every=st.integers(0, 5), compress=st.sampled_from(["none", "zstd"]))
def test_by_settled_rows_all_is_found_as_without_an_index(
    several: list[Write], query: Query, every: int, compress: str
) -> None:
    """Filters, times, context, late lines, traces over borders: only the severities are the published ones."""
    with tempfile.TemporaryDirectory() as name:
        made = archive(Path(name), several, path=f"{name}/out/all.log", compress=compress)
        if every:
            settle(Path(name) / "state", made.sources, every, published(several))
        digits = published(several)
        plain = found(made.sources, replace(query, digits=ALL_DIGITS, before=0, after=0), all_that_may_match)
        told = [_with(each, digit=digits[each.line - 1]) for each in plain]
        expected = [each for each in told if each.digit in query.digits]
        hits = found(made.sources, query, Indexed([made.reader]))
        assert [each for each in hits if each.is_hit] == expected
        backwards = found(made.sources, replace(query, before=0, after=0), Indexed([made.reader]), newest_first=True)
        assert [_with(each, line=0) for each in reversed(backwards)] == [_with(each, line=0) for each in expected]
        if query.digits == ALL_DIGITS:
            alike = found(made.sources, query, all_that_may_match)
            assert hits == [_with(each, digit=digits[each.line - 1]) for each in alike]


@settings(max_examples=100, deadline=None)
@given(
    several=writes(),
    query=queries(),
    every=st.integers(0, 5),
    form=st.sampled_from(["prefix", "json", "raw"]),
    path=st.sampled_from(["all.log", "{host}.log", "{host}.zst"]),
)
def test_in_every_format_and_by_host_all_is_found_as_without_an_index(
    several: list[Write], query: Query, every: int, form: str, path: str
) -> None:
    """Several files and hosts, in one file or in one each; backwards too."""
    with tempfile.TemporaryDirectory() as name:
        compress = "zstd" if path.endswith("zst") else "none"
        made = archive(Path(name), several, path=f"{name}/out/{path}", compress=compress, format=form)
        if every:
            settle(Path(name) / "state", made.sources, every)
        query = replace(query, digits=query.digits if every else ALL_DIGITS)
        for newest_first in (False, True):
            without = found(made.sources, query, all_that_may_match, newest_first=newest_first)
            hits = found(made.sources, query, Indexed([made.reader]), newest_first=newest_first)
            assert [_bare(each, every) for each in hits] == [_bare(each, every) for each in without]


def _bare(hit: Found, every: int) -> Found:
    """Return a hit without its line, which a search backwards may not know, and the digit unless that is the text's."""
    return _with(hit, line=0, **({} if every else {"digit": 0}))


@settings(max_examples=100, deadline=None)
@given(
    several=writes(),
    query=queries(),
    every=st.integers(0, 5),
    groups=st.sampled_from(
        [("severity",), ("hour", "severity"), ("day",), ("host", "severity"), ("host", "label", "hour"), ("file",)]
    ),
    form=st.sampled_from(["prefix", "json", "raw"]),
)
def test_counts_are_the_same_as_without_an_index(
    several: list[Write], query: Query, every: int, groups: tuple[str, ...], form: str
) -> None:
    """Whether rows answer, or bytes have to be read, or some of both."""
    with tempfile.TemporaryDirectory() as name:
        made = archive(Path(name), several, path=f"{name}/out/all.log", format=form)
        if every:
            settle(Path(name) / "state", made.sources, every)
        query = replace(query, before=0, after=0, digits=query.digits if every else ALL_DIGITS)
        groups = groups if every else tuple(each for each in groups if each != "severity") or ("file",)
        tally = HourTally(groups) if query.matcher is None and not query.fields else None
        by_index = counted(made.sources, query, groups, Indexed([made.reader], tally=tally))
        assert by_index == counted(made.sources, query, groups, all_that_may_match)


def counted(sources: list[Source], query: Query, groups: tuple[str, ...], worth: Worth) -> list[tuple[object, int]]:
    """Return the rows of a count."""
    search = Search(sources, query, worth)
    counts = Counts(groups, [source for source, _ in search.files], query.zone)
    if isinstance(worth, Indexed) and worth.tally:
        worth.tally.move_to(counts, query)
    search.count(counts)
    assert not search.progress.flaws
    return list(counts.rows())


@settings(max_examples=100, deadline=None)
@given(
    several=writes(),
    query=queries(),
    every=st.integers(0, 5),
    width_s=st.sampled_from([1, 60, 1800, 3600, 7200]),
    form=st.sampled_from(["prefix", "json", "raw"]),
)
def test_bars_are_the_same_as_without_an_index(
    several: list[Write], query: Query, every: int, width_s: int, form: str
) -> None:
    """Whatever the buckets are wide: whether rows answer, or bytes have to be read, or some of both."""
    with tempfile.TemporaryDirectory() as name:
        made = archive(Path(name), several, path=f"{name}/out/all.log", format=form)
        if every:
            settle(Path(name) / "state", made.sources, every)
        query = replace(query, before=0, after=0, digits=query.digits if every else ALL_DIGITS)
        edges = range(TIMES_US[0], TIMES_US[-1], width_s * 1_000_000)
        by_index, plain = (barred_by(readers, made.sources, query, edges) for readers in ([made.reader], []))
        assert [sum(row) for row in by_index] == [sum(row) for row in plain]
        assert by_index == plain or not every


def barred_by(readers: list[Reader], sources: list[Source], query: Query, edges: Sequence[int]) -> list[list[int]]:
    """Return how many there are of each severity in each bucket."""
    bars = Bars(edges, query.since_us)
    for number, (source, reading) in enumerate(barred(readers, query, bars, sources)):
        look_into(number, source, query, Progress([0] * len(sources)), reading, bars.take)
    return bars.rows()


def test_bars_of_whole_hours_are_counted_by_the_index_alone(tmp_path: Path) -> None:
    """Of a finished output nothing is read; of one whose hour is divided, what is told in a block of one bucket."""
    body = b"2026-11-24 10:00:01 INFO a\n2026-11-24 10:40:00 ERROR b\n2026-11-24 11:00:00 INFO c\n"
    made = archive(tmp_path, [Write("web-1", body, b"636")], path=f"{tmp_path}/out/all.log")
    settle(tmp_path / "state", made.sources, 1, b"636")
    ten_us, hour_us = TIMES_US[2], 3_600_000_000
    for width_us in (hour_us, hour_us // 2):
        bars = Bars(range(ten_us, ten_us + 3 * hour_us, width_us))
        assert barred([made.reader], Query(zone=UTC), bars, made.sources) == []
        assert sum(map(sum, bars.rows())) == 3


def test_what_is_passed_over_is_not_read_and_its_time_is_inherited(tmp_path: Path) -> None:
    """Behind a block that is not wanted, a record without a time has the one before it, at its own offset and line."""
    body = b"2026-11-24 10:00:00 INFO a\nplain order\nplain order\n"
    made = archive(tmp_path, [Write("web-1", body, b"636")], path=f"{tmp_path}/out/all.log")
    settle(tmp_path / "state", made.sources, 1, b"636")
    query = Query(digits=frozenset(b"3"), zone=UTC)
    reading = Indexed([made.reader])(made.sources[0], query)
    assert [(each.begin, each.end, each.line) for each in reading.spans] == [(27, 39, 2)]
    [hit] = found(made.sources, query, Indexed([made.reader]))
    assert (hit.time_us, hit.offset, hit.line, hit.digit) == (1_795_514_400_000_000, 27, 2, ord("3"))


def test_a_file_of_which_nothing_is_wanted_is_not_read(tmp_path: Path) -> None:
    """By severities that its rows have not, settled or not."""
    made = archive(tmp_path, [Write("web-1", b"one\ntwo\n", b"66")], path=f"{tmp_path}/out/all.log")
    search = Search(made.sources, Query(digits=frozenset(b"3")), Indexed([made.reader]))
    assert not search.files
    assert search.summary(all_wanted=True) == ["looked into 0 of 1 file, 0 B of 8 B, by the index"]


def test_another_file_in_its_place_is_read(tmp_path: Path) -> None:
    """Rows about bytes that were replaced tell nothing."""
    made = archive(tmp_path, [Write("web-1", b"one\ntwo\n", b"66")], path=f"{tmp_path}/out/all.log")
    made.sources[0].path.unlink()
    made.sources[0].path.write_bytes(b"ERROR one\n")
    listing = Listing()
    add_outputs(listing, made.settings.path, made.settings.format, {})
    assert [each.data for each in found(listing.sources(), Query(digits=frozenset(b"3")), Indexed([made.reader]))]
