"""How times are spelled in the field: each line states a time, or none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.eventtime import Stated, TimeRules, event_times_us, stated_time, text_of, zone_named
from logbus.eventtime.following import EARLIEST_US, FUTURE_US

READ_AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
RULES = TimeRules(UTC, read_at_us=int(READ_AT.timestamp()) * 1_000_000)

TEXT = """
2026-11-24T10:00:00Z|2026-11-24T10:00:00Z|iso
2026-11-24T10:00:00.1+01:00 x|2026-11-24T09:00:00.1Z|iso
2026-11-24 10:00:00,123 INFO x|2026-11-24T10:00:00.123Z|iso
2026-11-24 10:00:00.123456789+0100 x|2026-11-24T09:00:00.123456Z|iso
2026-11-24 10:00:00-08 x|2026-11-24T18:00:00Z|iso
2026-11-24 10:00:00 -0800 x|2026-11-24T18:00:00Z|iso
2026-11-24 10:00:00 GMT x|2026-11-24T10:00:00Z|iso
2026-11-24T10:00Z x|2026-11-24T10:00:00Z|iso
2026-11-24t10:00:00z x|2026-11-24T10:00:00Z|iso
20261124T100000.5Z x|2026-11-24T10:00:00.5Z|iso
2026-1-4 9:05:06 x|2026-01-04T09:05:06Z|iso
2026/11/24 10:00:00 [error] 1#1: x|2026-11-24T10:00:00Z|iso
2026-11-24 10:00:00.123 CET [12] LOG:  x|2026-11-24T10:00:00.123Z|iso
24 November 2026 10:00:00 x|2026-11-24T10:00:00Z|day-month-name
4 nov 2026 10:00:00 x|2026-11-04T10:00:00Z|day-month-name
2016-09-28 04:30:30, Info CBS x|2016-09-28T04:30:30Z|iso
2005-06-03-15.42.50.675872 x|2005-06-03T15:42:50.675872Z|iso
2026-12-31T24:00:00Z x|2027-01-01T00:00:00Z|iso
2016-12-31T23:59:60.5Z x|2017-01-01T00:00:00.5Z|iso
9999-12-31T23:59:59Z x|9999-12-31T23:59:59Z|iso
Nov 24 10:00:00 host x|2026-11-24T10:00:00Z|syslog
Nov  4 10:00:00 host x|2026-11-04T10:00:00Z|syslog
Nov 04 10:00:00.25 host x|2026-11-04T10:00:00.25Z|syslog
<34>Nov  4 10:00:00 host x|2026-11-04T10:00:00Z|syslog
<34>1 2003-10-11T22:14:15.003-07:00 host su - ID47 - x|2003-10-12T05:14:15.003Z|iso
127.0.0.1 - - [24/Nov/2026:10:00:00 +0100] "GET /|2026-11-24T09:00:00Z|day-month-name
www.example.com:443 10.0.0.1 - frank [24/Nov/2026:10:00:00 +0000] "GET /|2026-11-24T10:00:00Z|day-month-name
[Sun Dec 04 04:47:44 2005] [notice] x|2005-12-04T04:47:44Z|month-name
[Sun Dec 04 04:47:44.123 2005] [core:error] x|2005-12-04T04:47:44.123Z|month-name
Tue Nov 24 10:00:00 UTC 2026 x|2026-11-24T10:00:00Z|month-name
Nov 24, 2026 1:16:03 PM org.acme.App main|2026-11-24T13:16:03Z|month-name
####<Mar 4, 2024 8:54:16 PM GMT> <Warning> x|2024-03-04T20:54:16Z|month-name
Tue, 24 Nov 2026 10:00:00 +0100 x|2026-11-24T09:00:00Z|day-month-name
[24-Nov-2026 10:00:00 UTC] PHP Warning:  x|2026-11-24T10:00:00Z|day-month-name
123:M 24 Nov 2026 10:00:00.123 * x|2026-11-24T10:00:00.123Z|day-month-name
=WARNING REPORT==== 4-Mar-2024::20:36:10 ===|2024-03-04T20:36:10Z|day-month-name
*Mar  4 10:15:32.123: %LINK-4-ERROR: x|2026-03-04T10:15:32.123Z|syslog
I1124 10:00:00.123456       1 main.go:7] x|2026-11-24T10:00:00.123456Z|letter
[I 241124 10:00:00 web:1] x|2024-11-24T10:00:00Z|letter
11-24 10:00:00.123  1702  2395 W Tag: x|2026-11-24T10:00:00.123Z|month-day
081109 203518 148 INFO dfs.DataNode: x|2008-11-09T20:35:18Z|run-together
20171223-22:15:29:606|2017-12-23T22:15:29.606Z|run-together
20171224-0:7:3:41 x|2017-12-24T00:07:03.041Z|run-together
17/06/09 20:10:40 INFO executor.X: y|2017-06-09T20:10:40Z|log4j
[10.30 16:49:06] chrome.exe - x|2026-10-30T16:49:06Z|month-first
11/24/2026, 1:16:03 PM x|2026-11-24T13:16:03Z|month-first
24.11.2026 10:00:00 x|2026-11-24T10:00:00Z|day-first
24/11/2026 10:00 x|2026-11-24T10:00:00Z|day-first
1690000000.123    12 10.0.0.1 TCP_MISS/200|2023-07-22T04:26:40.123Z|epoch_s
1690000000123 x|2023-07-22T04:26:40.123Z|epoch_ms
1690000000123456 x|2023-07-22T04:26:40.123456Z|epoch_us
1690000000123456789 x|2023-07-22T04:26:40.123456Z|epoch_ns
- 1117838570 2005.06.03 R02 2005-06-03-15.42.50.675872 R02|2005-06-03T22:42:50Z|epoch_s
460 node-246 unix.hw state_change.unavailable 1077804742 1 x|2004-02-26T14:12:22Z|epoch_s
52 node-[1-3] node action start 1074100000 1 boot (command 1902)|2004-01-14T17:06:40Z|epoch_s
app.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25 INFO x|2017-05-16T00:00:00.008Z|iso
I, [2024-01-02T15:04:05.5 #12]  INFO -- : x|2024-01-02T15:04:05.5Z|iso
[#|2024-01-02T15:04:05.678-0500|WARNING|x|2024-01-02T20:04:05.678Z|iso
[E 2025-03-04 00:59:57.452 ServerApp] x|2025-03-04T00:59:57.452Z|iso
[CET Mar  4 10:15:32] error    : x|2026-03-04T10:15:32Z|syslog
type=AVC msg=audit(1741083332.123:456): avc:  denied|2025-03-04T10:15:32.123Z|epoch_s
WARN [2024-01-02 15:04:05] x|2024-01-02T15:04:05Z|iso
web-1  | 2024-01-02 15:04:05 x|2024-01-02T15:04:05Z|iso
\x1b[32m2024-01-02 15:04:05\x1b[0m x|2024-01-02T15:04:05Z|iso
"""
PAIRS = r"""
{"time":"2026-11-24T10:00:00Z","msg":"x"}|2026-11-24T10:00:00Z|iso
{"msg":"\"time\":\"2020-01-01T00:00:00Z\"","ts":1690000000.123}|2023-07-22T04:26:40.123Z|epoch_s
{"a":{"time":1690000001},"b":["time",{}],"@timestamp" : "2026-11-24 10:00:00"}|2026-11-24T10:00:00Z|iso
{"t":{"$date":"2024-01-02T15:04:05.678Z"},"s":"W"}|2024-01-02T15:04:05.678Z|iso
{"time":12.5,"timestamp":1690000000123}|2023-07-22T04:26:40.123Z|epoch_ms
{"t":"x","date":null,"eventTime":"24/Nov/2026:10:00:00 +0000"}|2026-11-24T10:00:00Z|day-month-name
{"date":"2026-11-24","time":"10:00:00"}|2026-11-24T10:00:00Z|iso
{"level":30,"time":1690000000123,"pid":1}|2023-07-22T04:26:40.123Z|epoch_ms
{"timeMillis":1690000000123}|2023-07-22T04:26:40.123Z|epoch_ms
{"timeUnixNano":"1690000000123456789"}|2023-07-22T04:26:40.123456Z|epoch_ns
{"__REALTIME_TIMESTAMP":"1690000000123456"}|2023-07-22T04:26:40.123456Z|epoch_us
{"asctime":"2026-11-24 10:00:00,123"}|2026-11-24T10:00:00.123Z|iso
@cee: {"time":"2026-11-24T10:00:00Z"}|2026-11-24T10:00:00Z|iso
time="2026-11-24T10:00:00+01:00" level=warn msg="x"|2026-11-24T09:00:00Z|iso
level=info msg="a time=1" ts=1690000000|2023-07-22T04:26:40Z|epoch_s
date=2019-05-10 time=11:37:47 logid="13"|2019-05-10T11:37:47Z|iso
"""
WRAPPED = r"""
{"log":"2026-11-24T10:00:00Z x\n","stream":"stdout","time":"2026-11-24T11:00:00.5Z"}|2026-11-24T10:00:00Z|text
{"log":"{\"ts\":1690000000}\n","stream":"stdout","time":"2026-11-24T11:00:00.5Z"}|2023-07-22T04:26:40Z|json
{"log":"\tat x\n","stream":"stdout","time":"2026-11-24T11:00:00.5Z"}|2026-11-24T11:00:00.5Z|docker
2026-11-24T11:00:00.5Z stdout F x|2026-11-24T11:00:00.5Z|cri
2026-11-24T11:00:00.5Z stderr P 2026-11-24 10:00:00 x|2026-11-24T10:00:00Z|text
2026-11-24T11:00:00.5Z stdout F {"ts":1690000000}|2023-07-22T04:26:40Z|json
"""
NONE = """
x

backup of 2024-01-02 10:00:00 done
the job started at 1690000000
{"ts":1.69e9}
{"ts":"soon"}
{"elapsed":1690000000}
{"time":-5}
{"time":
04.11.2026 10:00:00 x
24/11/26 10:00:00 x
2026-11-32 10:00:00 x
2026-02-29 10:00:00 x
2026-11-32 10:00:00 1690000000 x
2026-11-24 24:00:01 x
2026-11-24 10:60:00 x
2026-11-24 10:00:61 x
2026-11-24T10:00:00+15:00 x
0000-01-01T00:00:00Z x
Nov 32 10:00:00 x
24/Nov/2026:25:00:00 +0000
11/24/2026 13:16:03 PM x
\u0662\u0660\u0662\u0666-11-24 10:00:00 x
[   72.912345] kernel: x
12345678 x
1.2.3.4 x
2024.1.2-3.04 x
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    """Return the lines of a table with the time and the third column of each."""
    found = [line.rsplit("|", 2) for line in table.strip().split("\n")]
    return [(line, time, other) for line, time, other in found]


def found_in(line: str) -> Stated | None:
    """Return what a line states."""
    return stated_time(line.encode(), RULES)


@pytest.mark.parametrize(("line", "time", "spelling"), [*rows(TEXT), *rows(PAIRS)])
def test_a_line_states_its_time(line: str, time: str, spelling: str) -> None:
    """Each usual format is read, and named."""
    stated = found_in(line)
    assert stated
    assert (text_of(stated.time_us), stated.format) == (time, spelling)


@pytest.mark.parametrize(("line", "time", "place"), rows(WRAPPED))
def test_a_container_s_text_comes_first(line: str, time: str, place: str) -> None:
    """What a container wrote states the time; if it states none, the runtime's own stamp counts."""
    stated = found_in(line)
    assert stated
    assert (text_of(stated.time_us), stated.place) == (time, place)


@pytest.mark.parametrize("line", NONE.strip("\n").split("\n"))
def test_a_line_states_none(line: str) -> None:
    """No time is made of impossible dates, ambiguous orders, sentences, durations, or other scripts' digits."""
    assert found_in(line) is None


@pytest.mark.parametrize(
    ("line", "span"),
    [
        ("<34>Nov  4 10:00:00 host x", "Nov  4 10:00:00"),
        ('{"msg":"x","ts":1690000000.5}', "1690000000.5"),
        ('{"log":"at 2026-11-24T10:00:00Z x\\n","stream":"stdout","time":"x"}', "2026-11-24T10:00:00Z"),
        ("2026-11-24T11:00:00.5Z stderr P 2026-11-24 10:00:00 x", "2026-11-24 10:00:00"),
        ("date=2019-05-10 time=11:37:47 x=y", "2019-05-10 time=11:37:47"),
    ],
)
def test_the_span_is_the_stamp(line: str, span: str) -> None:
    """The span delimits the stamp within the record, whatever is around it."""
    stated = found_in(line)
    assert stated
    assert line[stated.start : stated.end] == span


MOMENTS = st.datetimes(min_value=datetime(1990, 1, 2), max_value=datetime(2100, 1, 1))  # noqa: DTZ001 - it is local
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SPELLED = ["%Y-%m-%dT%H:%M:%S.%f%z", "%Y/%m/%d %H:%M:%S,%f %z", "%Y%m%dT%H%M%S.%f%z", "[%d/%b/%Y:%H:%M:%S.%f %z]"]
TO_THE_SECOND = ["%a, %d %b %Y %H:%M:%S %z", "%b %d, %Y %I:%M:%S %p %z", "%Y-%m-%d %H:%M:%S%z"]


@given(moment=MOMENTS, zone=OFFSETS, spelled=st.sampled_from([*SPELLED, *TO_THE_SECOND]))
def test_what_was_written_is_read(moment: datetime, zone: timezone, spelled: str) -> None:
    """A time with its offset comes back, in each spelling."""
    exact = moment.replace(tzinfo=zone, microsecond=moment.microsecond if spelled in SPELLED else 0)
    stated = found_in(f"{exact.strftime(spelled)} x")
    assert stated
    assert stated.has_zone
    assert stated.time_us == (exact - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@given(us=st.integers(100_000_000_000_000, 4_000_000_000_000_000), key=st.sampled_from(["ts", "time", "timestamp"]))
def test_an_epoch_of_each_unit(us: int, key: str) -> None:
    """The number of digits tells the unit; what is finer than the unit is lost."""
    for text, unit_us in ((us * 1000, 1), (us, 1), (us // 1000, 1000), (us // 10**6, 10**6)):
        for line in (f'{{"{key}":{text}}}', f'{{"{key}":"{text}","x":1}}', f"{key}={text} x=1"):
            stated = found_in(line)
            assert stated
            assert stated.time_us == us // unit_us * unit_us
    stated = found_in(f'{{"{key}":{us // 10**6}.{us % 10**6:06}}}')
    assert stated
    assert stated.time_us == us


@given(
    read_at=st.datetimes(min_value=datetime(1996, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001 - UTC is below
    ago=st.timedeltas(min_value=timedelta(hours=-20), max_value=timedelta(days=350)),
)
def test_a_year_is_inferred(read_at: datetime, ago: timedelta) -> None:
    """A stamp without a year is the latest such moment, also across New Year in either direction."""
    exact = (read_at - ago).replace(microsecond=0, tzinfo=UTC)
    rules = TimeRules(UTC, read_at_us=int(read_at.replace(tzinfo=UTC).timestamp()) * 1_000_000)
    for line in (f"{exact:%b %d %H:%M:%S} h x", f"I{exact:%m%d %H:%M:%S} x", f"{exact:%m-%d %H:%M:%S} 1 2 W x"):
        stated = stated_time(line.encode(), rules)
        assert stated
        assert stated.time_us == int(exact.timestamp()) * 1_000_000


def test_the_leap_day() -> None:
    """29 February without a year is that of the latest leap year, and none in a year that has none."""
    stated = found_in("Feb 29 10:00:00 host x")
    assert stated
    assert text_of(stated.time_us) == "2024-02-29T10:00:00Z"
    assert found_in("2026-02-29T10:00:00Z") is None


def test_naive_times_are_in_the_input_s_zone() -> None:
    """A stamp without a zone, or with an ambiguous abbreviation, is in the input's; one with a zone is not."""
    rules = TimeRules(zone_named("America/New_York"), read_at_us=RULES.read_at_us)
    for line, expected in {
        "2026-07-01 10:00:00 x": "2026-07-01T14:00:00Z",
        "2026-07-01 10:00:00 IST x": "2026-07-01T14:00:00Z",
        "2026-07-01 10:00:00 UTC x": "2026-07-01T10:00:00Z",
        "1690000000 x": "2023-07-22T04:26:40Z",
    }.items():
        stated = stated_time(line.encode(), rules)
        assert stated
        assert text_of(stated.time_us) == expected


@pytest.mark.parametrize("line", [line for line, _, _ in (*rows(TEXT), *rows(PAIRS), *rows(WRAPPED))])
def test_no_spelling_is_taken_for_what_has_no_time(line: str) -> None:
    """Read with many others, a line states the same time: what cannot state one is told by less than any spelling."""
    body = line.encode() + b"\n"
    stated = stated_time(body, RULES)
    believed = stated and EARLIEST_US <= stated.time_us <= RULES.read_at_us + FUTURE_US
    assert event_times_us(body, 1, RULES) == [stated.time_us if stated and believed else RULES.read_at_us]
