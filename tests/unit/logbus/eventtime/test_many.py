"""The times of many lines at once are those that the lines have one by one."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.eventtime import TimeRules, event_times, event_times_us, many, times_of_records
from logbus.native.pcre2 import Substitution

READ_US = int(datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000
BERLIN = TimeRules(ZoneInfo("Europe/Berlin"), read_at_us=READ_US)
DATES = ["2026-11-24", "2026-10-25", "2026-03-29", "2026-02-30", "1989-12-31", "2027-01-01", "9999-12-31", "24.11.2026"]
CLOCKS = ["10:00:00", "02:30:00", "25:00:00", "23:59:60", "10:00"]
FRACTIONS = ["", ".5", ",123", ".123456789", ".1234567890"]
ZONES = ["", "Z", "+01:00", " +0100", "+15:00", "z", " UTC"]
EPOCHS = ["1764000000", "1764000000123", "1764000000123456", "1764000000123456789", "-1", "17.5", "12"]
stamps = st.sampled_from(EPOCHS) | st.builds(
    "{}{}{}{}{}".format,
    *map(st.sampled_from, (DATES, ["T", " "], CLOCKS, FRACTIONS, ZONES)),
)
texts = st.sampled_from(["{t} INFO x", "[{t}] x", "{t}", "x {t}", "{t}x", "{t},x", "{t} stdout F y", '"{t}" x'])
texts |= st.sampled_from(
    ['{{"a":1,', '"time":"{t}"}}', '"ts":{t}', "{{", '{{"a":[1,', '{{"time":', '"{t}"', "a=1", 'a="']
)
keys = st.sampled_from(["time", "ts", "@timestamp", "T", "date", "start", "level", "timeMillis", "a.b"])
values = st.sampled_from(
    ['"{t}"', "{t}", '{{"$date":"{t}"}}', '"x {t}"', '{{"time":"{t}"}}', '["{t}"]', '"{t} "', "null"]
)
objects = st.lists(st.tuples(keys, values), max_size=3).map(
    lambda pairs: "{{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}}"
)
logfmt = st.lists(st.tuples(keys, st.sampled_from(["{t}", '"{t}"', "x", '"a b"'])), min_size=1, max_size=3).map(
    lambda pairs: " ".join(f"{key}={value}" for key, value in pairs)
)
wrapped = st.sampled_from(
    ["", "2026-11-24T09:59:59.5Z stdout F ", "2026-11-24T09:59:59.123456789+01:00 stderr P ", " "]
)
said = texts | objects | logfmt
plain_lines = st.builds(lambda begin, text, stamp: begin + text.format(t=stamp), wrapped, said, stamps)
own = {"stream": "stdout", "time": "2026-11-24T09:59:59Z"}
docker = plain_lines.map(lambda text: json.dumps({"log": text + "\n"} | own))
lines = plain_lines | docker.map(lambda line: line.replace(": ", ":").replace(", ", ","))


def one_by_one(written: list[bytes], rules: TimeRules, previous_us: int | None) -> list[int]:
    """Return the event times of lines, read one after the other."""
    return [each.time_us for each in event_times(written, rules, previous_us).times]


@given(st.lists(lines, min_size=1, max_size=8), st.none() | st.just(READ_US - 3_600_000_000))
def test_many_lines_have_the_times_of_each(written: list[str], previous_us: int | None) -> None:
    """Whatever a line states, and wherever, in one call and one by one it is the same."""
    each = [line.encode() + b"\n" for line in written]
    assert event_times_us(b"".join(each), len(each), BERLIN, previous_us) == one_by_one(each, BERLIN, previous_us)


@given(st.binary(max_size=80))
def test_any_bytes_have_times(body: bytes) -> None:
    """Hostile bytes change nothing about that, nor does a last line without its end."""
    each = body.splitlines(keepends=True) if b"\r" not in body else [body.replace(b"\r", b"").replace(b"\n", b"")]
    each = [line for line in b"".join(each).split(b"\n") if line]
    body = b"".join(line + b"\n" for line in each)
    assert event_times_us(body, len(each), BERLIN) == one_by_one([line + b"\n" for line in each], BERLIN, None)


@pytest.mark.parametrize(
    "line", [b"2026-11-24 10:00:00 a", b'{"time":"2026-11-24T10:00:00Z"}', b"ts=2026-11-24T10:00:00Z"]
)
def test_the_frequent_lines_are_not_read_one_by_one(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the speed would be lost without any test that fails."""
    monkeypatch.setattr(many, "event_time", None)
    assert len(set(event_times_us((line + b"\n") * 3, 3, BERLIN))) == 1


def test_without_the_library_all_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no PCRE2, times are the same, and slower."""
    body = b"2026-11-24 10:00:00 a\nb\n"
    expected = event_times_us(body, 2, BERLIN)
    monkeypatch.setattr(Substitution, "of", lambda *_: None)
    assert event_times_us(body, 2, BERLIN) == expected == one_by_one([b"2026-11-24 10:00:00 a\n", b"b\n"], BERLIN, None)


@given(st.lists(st.lists(lines, min_size=1, max_size=3), min_size=1, max_size=4))
def test_records_of_several_lines_have_the_times_of_each(written: list[list[str]]) -> None:
    """An object over several lines may state its time in a later one; a dropped record inherits."""
    each = ["".join(f"{line}\n" for line in record).encode() for record in written] + [b""]
    assert times_of_records(b"".join(each), each, BERLIN) == one_by_one(each, BERLIN, None)
