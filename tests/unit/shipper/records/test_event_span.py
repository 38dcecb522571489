"""The event times of a batch: of its first and its last record, by the input's rules."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus import telemetry
from logbus.traces import NOTHING, Before
from logbus.wire.times import Times
from shipper.records.recorder import Recorder
from shipper.settings import Input

READ_US = int(datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000
TEN = int(datetime(2026, 11, 24, 10, 0, tzinfo=UTC).timestamp()) * 1_000_000
S = 1_000_000


def entry(**keys: object) -> Input:
    """Return an input with these keys, in UTC unless they say otherwise."""
    return msgspec.convert({"paths": ["x"], "timezone": "UTC"} | keys, Input)


def times(body: bytes, before: Before = NOTHING, **keys: object) -> Times | None:
    """Return the times of a slice, in UTC unless `keys` say otherwise."""
    recorder = Recorder(entry(**keys))
    found = recorder.cut(body, flush=True, final=True)
    finished = recorder.finish(body[: found.end], found.bounds, 0.0)
    return recorder.times(finished, READ_US, before)


def test_the_first_and_the_last_record_are_read() -> None:
    """Those between them are not looked at: readers may skip a batch, and read the rest themselves."""
    body = b"2026-11-24 10:00:01 a\n2026-11-24 11:59:00 b\n2026-11-24 10:00:02.5 c\n"
    assert times(body) == Times("UTC", TEN + S, TEN + 2 * S + S // 2)


def test_a_last_record_without_a_time_has_that_of_the_one_before() -> None:
    """A trace at the end of a slice belongs to the record that it follows."""
    body = b"2026-11-24 10:00:01 a\n2026-11-24 10:00:02 ERROR b\n\tat c\n\tat d\n"
    assert times(body) == Times("UTC", TEN + S, TEN + 2 * S)


def test_a_first_record_without_a_time_inherits() -> None:
    """It has the time of the record before the slice, or else that of reading."""
    assert times(b"x\ny\n", Before(time_us=TEN)) == Times("UTC", TEN, TEN)
    assert times(b"x\n") == Times("UTC", READ_US, READ_US)


def test_after_a_restart_the_time_before_is_found_again() -> None:
    """The bytes before the offset tell what time it was."""
    recorder = Recorder(entry())
    assert recorder.look_back(b"torn\n2026-11-24 10:00:01 ERROR a\n\tat b\n", 0).time_us == TEN + S
    assert not recorder.begins(b"\tat c\n")


@pytest.mark.parametrize("keys", [{"format": "json"}, {"inherit": False}])
def test_times_are_looked_for_even_where_no_severity_is_inherited(keys: dict[str, object]) -> None:
    """Without inherited severities, times are inherited all the same."""
    recorder = Recorder(entry(**keys))
    assert not recorder.begins(b"\tat c\n")
    assert recorder.look_back(b"x\n2026-11-24 10:00:01 a\n", 0).time_us == TEN + S


def test_an_input_says_how_its_times_are_read() -> None:
    """Readers get zone, key and format, so that they read the other records the same way."""
    json = b'{"at":"24.11.2026 11:00:01"}\n'
    found = times(json, timezone="Europe/Berlin", format="json", time_key="at", time_format="%d.%m.%Y %H:%M:%S")
    assert found == Times("Europe/Berlin", TEN + S, TEN + S, "at", "%d.%m.%Y %H:%M:%S")


def test_times_may_be_off() -> None:
    """Then nothing is read, and nothing is said."""
    assert times(b"2026-11-24 10:00:01 a\n", timezone="", time="off") is None


def test_a_time_that_is_not_believed_is_counted() -> None:
    """A clock that was not set, or is ahead, gives no event time."""
    before = telemetry.value("logbus_disbelieved_times")
    assert times(b"1970-01-01 00:00:00 a\n2027-11-24 10:00:00 b\n") == Times("UTC", READ_US, READ_US)
    assert telemetry.value("logbus_disbelieved_times") - before == 2


def test_dropped_records_have_no_time() -> None:
    """What is not published is not in the batch's times."""
    body = b"2026-11-24 10:00:01 DEBUG a\n2026-11-24 10:00:02 INFO b\n2026-11-24 10:00:03 DEBUG c\n"
    assert times(body, keep=[{"min": "info"}]) == Times("UTC", TEN + 2 * S, TEN + 2 * S)


@given(
    st.lists(st.sampled_from([b"2026-11-24 10:00:01 a\n", b"\n", b"\xff\0{\n", b"1 \n", b'{"time":1}\n']), min_size=1)
)
def test_any_records_have_times(lines: list[bytes]) -> None:
    """Whatever the records hold, a batch has a first and a last time."""
    found = times(b"".join(lines))
    assert found
    assert min(found.first_us, found.last_us) > 0
