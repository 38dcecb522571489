"""Event times of a file's records: what is stated, inherited or not believed; and hostile records."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.eventtime import TimeRules, event_time, event_times, stated_time, text_of, time_of, zone_named
from support.stopwatch import least_cpu_s

READ_AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
READ_AT_US = int(READ_AT.timestamp()) * 1_000_000
RULES = TimeRules(UTC, read_at_us=READ_AT_US)


def test_a_record_without_a_time_inherits() -> None:
    """Missing and impossible times are those of the record before; before the first, the time of reading counts."""
    found = event_times([b"x", b"2026-11-24T10:00:00Z a", b"\tat b", b"2026-11-32T10:00:00Z c"], RULES)
    assert [each.why for each in found.times] == ["read", "stated", "inherited", "inherited"]
    assert found.times[0].time_us == READ_AT_US
    assert {text_of(each.time_us) for each in found.times[1:]} == {"2026-11-24T10:00:00Z"}
    assert found.disbelieved == 0


def test_a_file_goes_on() -> None:
    """What came before the first record is inherited too."""
    assert event_times([b"x"], RULES, previous_us=5).times[0].time_us == 5


@pytest.mark.parametrize(
    ("stamp", "believed"),
    [
        ("2026-11-29T12:05:00Z", True),
        ("2026-11-29T12:05:00.000001Z", False),
        ("1990-01-01T00:00:00Z", True),
        ("1989-12-31T23:59:59Z", False),
        ("9999-12-31T23:59:59Z", False),
        ("0001-01-01T00:00:00Z", False),
    ],
)
def test_what_is_believed(stamp: str, believed: bool) -> None:
    """A time before 1990, or more than five minutes after the reading, is counted and not used."""
    found = event_times([b"2026-11-24T10:00:00Z a", stamp.encode()], RULES)
    assert found.disbelieved == (not believed)
    assert found.times[1].why == ("stated" if believed else "inherited")
    assert found.times[1].stated
    assert event_time(stamp.encode(), RULES).why == ("stated" if believed else "read")


def test_times_as_text() -> None:
    """A time is written in UTC, and read as it was written; anything behind it makes it none."""
    assert time_of("2026-11-24T10:00:00.5Z", UTC) == 1795514400500000
    assert text_of(1795514400500000) == "2026-11-24T10:00:00.5Z"
    assert time_of("2026-11-24 10:00", zone_named("Asia/Tokyo")) == 1795482000000000
    assert time_of("2026-11-24 10:00 x", UTC) is None
    assert time_of("soon", UTC) is None


PARTS = [
    *(
        "1",
        "-",
        '"',
        "{",
        "[",
        "(",
        "a ",
        "a=",
        "a=b ",
        'a="',
        "1 ",
        "[ ",
        "<1>",
        "\x1b[0m",
        " ",
        "\n",
        "\\",
        "1:",
        "\0",
    ),
    *('{"a":', '"a":1,', '{"t":', '"t":-,', '\\"', "2026-11-24", "2026-11-24T10:00:00.", "Nov 24 10:00:00 ", "٣"),
]
HEADS = ["", "{", '{"x":', '{"a":"', '{"a":[', "time=", '{"log":"', "2026-11-24T10:00:00Z stdout F "]
KINDS = [
    RULES,
    TimeRules(UTC, "a.b", None, READ_AT_US),
    TimeRules(UTC, None, "%d.%m.%Y %H:%M:%S", READ_AT_US),
    TimeRules(UTC, None, "iso", READ_AT_US),
    TimeRules(UTC, None, "epoch_s", READ_AT_US),
]


def seconds(record: bytes, rules: TimeRules) -> float:
    """Return the processor time that a record takes."""
    return least_cpu_s(lambda: stated_time(record, rules))


@pytest.mark.alone
@pytest.mark.parametrize("head", HEADS)
def test_a_hostile_record_takes_linear_time(head: str) -> None:
    """A record of 1 MiB takes at most some 16 times as long as one of 64 KiB, whatever is repeated in it."""
    for part in PARTS:
        small = (head + part * (65_536 // len(part))).encode()
        large = (head + part * (1_048_576 // len(part))).encode()
        for rules in KINDS:
            assert seconds(large, rules) < 0.1 + 64 * seconds(small, rules), part


@given(
    record=st.lists(st.sampled_from([*PARTS, *HEADS, "12", "Jan", ":", ",", "}", "Z"]), max_size=12).map("".join),
    rules=st.sampled_from(KINDS),
)
def test_any_record_is_read(record: str, rules: TimeRules) -> None:
    """No record is an error, and a span lies within its record."""
    data = record.encode()
    stated = stated_time(data, rules)
    assert stated is None or 0 <= stated.start <= stated.end <= len(data)


@given(record=st.binary(max_size=80), rules=st.sampled_from(KINDS))
def test_any_bytes_are_read(record: bytes, rules: TimeRules) -> None:
    """No bytes are an error."""
    event_time(record, rules)
