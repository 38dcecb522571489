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
OTHERS = [
    "Nov 24 10:00:00", "Nov  4 10:00:00.123", "Abc 24 10:00:00", "Nov 24 10:00:00 2025", "Nov 24 10:00:00 PM",
    "I1124 10:00:00.123456", "E20261124 10:00:00", "W241124 10:00:00", "03-17 16:13:38.811", "26/11/24 10:00:00",
    "26/11/24 10:00:00 INFO x", "081109 203615", "081109 203615 148 INFO", "1764000000.123",
    "1764000000.1234567891 x", "Sun Dec 04 04:47:44 2005]", "Thu Nov 24 10:00:00.5 2022] x",
    "24/Nov/2026:10:00:00 +0100]", "24/Nov/2026:10:00:00]", "24/Foo/2026:10:00:00 +0100]",
    "24-Nov-2026 10:00:00 UTC]", "24-Nov-2026 10:00:00 Europe/Berlin]", "24-Nov-2026 10:00:00 AM]",
    "2026/11/24 10:00:00", "2026.11/24_10:00:00,5", "10:00:00", "10:00:00.123", "24 Nov 2026 10:00:00",
    "Monday, November 24, 2026 10:00:00", "13/11/2026 10:00:00", "20261124T100000", "2026-11-24 10:00:00 GMT+1",
]  # fmt: skip
TOKENS = [
    "a", "word", "Word", "WORD", "INFO", "INFO:", "info:", "[INFO]", "[info ]", "[Server thread/INFO]:", "[main]",
    "[12]", "[12/x]", "foo[12]:", "<34>", "<34>1", "[", "(x y)", '"x', "12", "12ms", "1.5", "123456", "1234567890",
    "10.0.0.1", "10.0.0.1:80", "::1", "-", "--", "|", "a=1", "=", "/x", "msg=audit(", "W, [", "Nov", "Monday",
    "march", "24", "2026", "UTC", "+0100", "PM", "std", "@", "@cee:{", "{", "\t", "\x1b[31m", "\xef\xbb\xbf",
    "stdout F", "at", "x" * 120, "Z", "z", "10:00", "[24/Nov/", "é",
]  # fmt: skip
EPOCHS = ["1764000000", "1764000000123", "1764000000123456", "1764000000123456789", "-1", "17.5", "12"]
stamps = st.sampled_from(EPOCHS) | st.builds(
    "{}{}{}{}{}".format,
    *map(st.sampled_from, (DATES, ["T", " "], CLOCKS, FRACTIONS, ZONES)),
)
stamps |= st.sampled_from(OTHERS)
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
cut = st.lists(st.tuples(st.sampled_from(TOKENS), st.sampled_from(["", " ", "  ", ": ", " - ", "\t"])), max_size=10)
columns = st.tuples(cut, cut).map(
    lambda both: "{t}".join("".join(f"{token}{gap}" for token, gap in part).replace("{", "{{") for part in both)
)
places = st.sampled_from(
    [
        "<34>{t} web a[1]: x",
        "<34>1 {t} web",
        "INFO {t} x",
        "[INFO] {t} x",
        "INFO[{t}] x",
        "10.0.0.1 - - [{t} x",
        "web-1 - bob [{t}",
        "[{t} x",
    ]
)
said = texts | objects | logfmt | columns | places
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
    "line",
    [
        b"2026-11-24 10:00:00 a",
        b"2026/11/24 10:00:00 [error] 7#7: *1 a",
        b"2026-11-24 10:00:00,123 - shop.cart - INFO - a",
        b"2026-11-24 10:00:00.123 UTC [4711] LOG:  a",
        b'{"time":"2026-11-24T10:00:00Z"}',
        b"ts=2026-11-24T10:00:00Z",
        b"Nov 24 10:00:00 web-1 app[1]: a",
        b"<134>Nov 24 10:00:00 web-1 app[1]: a",
        b"<134>1 2026-11-24T10:00:00.123456+01:00 web-1 app - - - a",
        b"I1124 10:00:00.123456       1 main.go:7] a",
        b'10.0.0.5 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 17',
        b"[Tue Nov 24 10:00:00.123456 2026] [core:error] a",
        b"[24-Nov-2026 10:00:00 UTC] PHP Warning: a",
        b"11-24 10:00:00.123  1702  2395 D Tag: a",
        b"[2026-11-24 10:00:00,123] INFO a",
        b"INFO [2026-11-24 10:00:00,123] a",
        b"[INFO] 2026-11-24 10:00:00,123 a",
        b"[10:00:00 INF] order 4711 was sent",
        b"10:00:00.123 [main] INFO  c.e.App - order 4711 was sent",
        b"\tat com.example.App.main(App.java:17)",
        b"Caused by: java.io.IOException: 10:00:00",
        b"order sent at 10:00:00 to 10.0.0.5:8080",
        b'{"log":"2026-11-24 10:00:00 a\\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}',
        b'{"log":"a\\n","stream":"stdout","time":"2026-11-24T10:00:00.123456789Z"}',
        b'{"log":"{\\"ts\\":\\"2026-11-24T10:00:00Z\\"}\\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}',
        b"2026-11-24T10:00:00.123456789Z stdout F order 4711 was sent",
    ],
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
