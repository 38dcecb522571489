"""Multiline: the same records wherever reading stops, and nothing that a hostile line could stall."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Lengths
from logbus.config.settings import parse
from logbus.errors import ConfigError, UsageError
from logbus.severity import marked
from logbus.traces import NOTHING, PRESETS, Before, line_kinds
from shipper.records.recorder import Recorder
from shipper.records.rules import Multiline
from shipper.settings import Input, Settings
from support.traces import TRACES, cases

CASES = cases()
IDS = [f"{name}-{number}" for name in TRACES for number in range(len(TRACES[name]))]


def recorder(**keys: object) -> Recorder:
    """Return what an input with these multiline keys makes of bytes."""
    return Recorder(Input(paths=["x"], multiline=Multiline(**keys)))  # type: ignore[arg-type]


def taken(joiner: Recorder, data: bytes, *, final: bool = True) -> list[bytes]:
    """Return the records that come out of `data`; with `final`, of all of it."""
    found = joiner.cut(data, final=final)
    sizes = found.bounds.sizes if found.bounds else [len(line) for line in data[: found.end].splitlines(keepends=True)]
    ends = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    return [data[start:end] for start, end in pairwise(ends)]


def read_in_two(joiner: Recorder, data: bytes, boundary: int) -> list[bytes]:
    """Read as a tail does that finds `boundary` bytes at first, all later, and begins where complete records end."""
    first = taken(joiner, data[:boundary], final=False)
    return first + taken(joiner, data[sum(map(len, first)) :])


def test_there_are_enough_cases() -> None:
    """Twenty traces in five languages, and every preset is among them."""
    assert len(CASES) >= 20
    assert set(TRACES) == set(PRESETS)


@pytest.mark.parametrize(("preset", "records"), CASES, ids=IDS)
def test_traces_are_whole(preset: str, records: list[bytes]) -> None:
    """B14: each trace is one record with the line that introduces it, and what follows is another."""
    assert taken(recorder(preset=preset), b"".join(records)) == records


@pytest.mark.parametrize(("preset", "records"), CASES, ids=IDS)
def test_read_boundaries_do_not_matter(preset: str, records: list[bytes]) -> None:
    """B14: wherever a read ends, in the middle of a line or of a record, the records are the same."""
    data = b"".join(records)
    joiner = recorder(preset=preset)
    for boundary in range(len(data)):
        assert read_in_two(joiner, data, boundary) == records, boundary


@pytest.mark.parametrize("preset", PRESETS)
def test_no_group_is_repeated_possessively(preset: str) -> None:
    """`(?:/x?y)*+` misses matches up to Python 3.11.4, which Debian 12 has; `words.repeated` does not."""
    for pattern in (PRESETS[preset].record, *PRESETS[preset].lines.values()):
        assert not re.search(rb"(?<!\\)\)[*+?]\+", pattern), pattern


@pytest.mark.parametrize(("preset", "records"), CASES, ids=IDS)
def test_limits_do_not_depend_on_boundaries(preset: str, records: list[bytes]) -> None:
    """Records that reach max_lines or max_bytes are cut at the same places wherever a read ends."""
    data = b"".join(records) * 3
    for keys in ({"max_lines": 3}, {"max_bytes": 512}):
        joiner = recorder(preset=preset, **keys)
        whole = taken(joiner, data)
        assert b"".join(whole) == data
        for boundary in range(0, len(data), 7):
            assert read_in_two(joiner, data, boundary) == whole


@given(st.lists(st.sampled_from(sorted(PRESETS)), min_size=1, max_size=1), st.data())
def test_any_lines_in_any_order(presets: list[str], data: st.DataObject) -> None:
    """Shuffled lines of all languages make records that no boundary changes."""
    lines = sorted({line for _, records in CASES for record in records for line in record.splitlines(keepends=True)})
    text = b"".join(data.draw(st.lists(st.sampled_from([*lines, b"\xff\0", b"\n", b"\r\n"]), max_size=30)))
    joiner = recorder(preset=presets[0], max_lines=data.draw(st.integers(2, 8)))
    whole = taken(joiner, text)
    assert b"".join(whole) == text
    boundary = data.draw(st.integers(0, len(text)))
    assert read_in_two(joiner, text, boundary) == whole


ANY_LINE = st.sampled_from(
    sorted({line for _, records in CASES for record in records for line in record.splitlines(keepends=True)})
)
NEARLY = st.tuples(ANY_LINE, st.integers(0, 40), st.binary(max_size=3)).map(
    lambda some: some[0][: some[1]] + some[2] + some[0][some[1] :]
)


@pytest.mark.parametrize("preset", PRESETS)
@given(lines=st.lists(ANY_LINE | NEARLY | st.sampled_from([b"\n", b"\r\n", b" \n", b"x"]), max_size=12))
def test_pcre_finds_the_kinds_that_re_finds(preset: str, lines: list[bytes]) -> None:
    """The same letter for each line, also for an unfinished one at the end."""
    body, patterns = b"".join(lines), PRESETS[preset].lines
    assert line_kinds(patterns)(body) == line_kinds(patterns, pcre2=False)(body)


def test_a_record_waits_for_the_next() -> None:
    """The last record goes out when another begins, when nothing came for a while, or when its life ends."""
    joiner = recorder(preset="java")
    data = b"ERROR x\n\tat a.B\n\tat"
    assert joiner.cut(data).end == 0
    assert (joiner.cut(data, flush=True).end, joiner.cut(data, flush=True).forced) == (16, True)
    assert joiner.cut(data, final=True).end == len(data)
    assert joiner.cut(data + b" c.D\nINFO y\n").end == len(data) + 5
    assert not joiner.cut(data + b" c.D\nINFO y\n").forced


def test_operators_patterns() -> None:
    """`start` alone: all else continues. `continue` alone: all else starts. Both: what is neither stands alone."""
    text = b"> a\nb\n+ c\n> d\n+ e\n"
    assert taken(recorder(start="^> "), text) == [b"> a\nb\n+ c\n", b"> d\n+ e\n"]
    keys = {"continue_": r"^\+ "}
    assert taken(recorder(**keys), text) == [b"> a\n", b"b\n+ c\n", b"> d\n+ e\n"]
    assert taken(recorder(start="^> |^b", **keys), b"x\n" + text) == [b"x\n", b"> a\n", b"b\n+ c\n", b"> d\n+ e\n"]


def test_severity_is_the_first_that_is_stated() -> None:
    """A record has one level: what its first line that states something says, else the input's."""
    joiner = recorder(preset="indent")
    data = b"nothing\n ERROR: x\n WARN: y\nnothing\n  at all\nDEBUG: z\n"
    found = joiner.cut(data, final=True)
    finished = joiner.finish(data, found.bounds, 0.0)
    assert finished.levels == b"367"
    assert finished.lengths == Lengths.of(((27, 27), (17, 17), (9, 9)))


STATING = st.sampled_from(
    [
        b"2026-11-24 10:00:00 ERROR x\n",
        b"INFO x\n",
        b" WARN: y\n",
        b"no level\n",
        b'{"a": 1,\n',
        b'"level": "warn"}\n',
        b'{"level": "error"}\n',
        b"2026-11-24T10:00:00Z stdout F ERROR x\n",
        b"the stderr of it\n",
    ]
)
BEFORE = st.sampled_from([NOTHING, Before(b"3", timed=True, opened=True), Before(b"4"), Before(b"6", torn=True)])


@pytest.mark.parametrize("preset", ["java", "indent", "python", "go"])
@given(lines=st.lists(ANY_LINE | STATING, min_size=1, max_size=20), before=BEFORE)
def test_first_lines_tell_what_all_lines_tell(preset: str, lines: list[bytes], before: Before) -> None:
    """Others are looked at only where a record's first line states nothing; the severities are the same."""
    joiner, body = recorder(preset=preset), b"".join(lines)
    if bounds := joiner.cut(body, final=True).bounds:
        assert joiner.severities(body, bounds, before) == joiner.severities(body, bounds, before, marked(body))


def test_records_that_are_lines_have_no_lengths() -> None:
    """Where nothing was joined, a batch is as verbatim as without multiline."""
    joiner = recorder(preset="java")
    data = b"INFO a\nINFO b\n"
    assert joiner.finish(data, joiner.cut(data, final=True).bounds, 0.0).lengths is None


def test_a_full_read_always_holds_a_complete_record() -> None:
    """However lines continue, 256 KiB are never all held back."""
    joiner = recorder(preset="indent", max_bytes=128 * 1024, max_lines=10_000)
    for line in (b" x\n", b" " + b"y" * 1000 + b"\n", b" " + b"z" * 140_000 + b"\n"):
        data = (b"head\n" + line * (300_000 // len(line) + 2))[: 256 * 1024]
        assert joiner.cut(data).end > 0


HEADS = (b"", b" ", b"\t", b"java.lang.", b"Traceback", b"goroutine 1 ", b"/", b"main.", b"Error", b"a.rb:1:in `")
UNITS = (
    b"a",
    b" ",
    b".",
    b"a.",
    b"a/",
    b"(",
    b"()",
    b"'",
    b":",
    b"Exception",
    b"1 ",
    b"a ",
    b"\\",
    b"[",
    b"Error ",
    b"0",
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("preset", PRESETS)
def test_hostile_lines_take_linear_time(preset: str) -> None:
    """S18: a line of 50 kB of anything is told in milliseconds by every preset, and others' lines go on."""
    joiner = recorder(preset=preset)
    for head in HEADS:
        for unit in UNITS:
            hostile = head + unit * (50_000 // len(unit))
            began = time.perf_counter()
            records = taken(joiner, b"before\n" + hostile + b"\nafter\n")
            assert time.perf_counter() - began < 0.5, (head, unit)
            assert b"".join(records) == b"before\n" + hostile + b"\nafter\n"


@pytest.mark.parametrize("keys", [{}, {"preset": "java", "start": "x"}, {"start": "("}, {"continue_": "(?=x)"}])
def test_what_says_too_little_or_too_much_is_refused(keys: dict[str, str]) -> None:
    """It is either a preset or patterns, and patterns have to be ones."""
    with pytest.raises(UsageError):
        Multiline(**keys)  # type: ignore[arg-type]


def test_the_error_says_where() -> None:
    """An unknown preset is said with its line and key."""
    with pytest.raises(ConfigError, match=r"x:1: inputs\[0\]\.multiline\.preset"):
        parse("inputs: [{paths: [a], multiline: {preset: jave}}]", Settings, "x")
