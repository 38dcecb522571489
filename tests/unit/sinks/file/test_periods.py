"""A batch in parts, by when its records happened."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, Lengths
from logbus.wire.times import Times
from sinks.event_times import times_us
from sinks.file.periods import DAY_US, parts_of

READ_US = int(datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000
TODAY = READ_US // DAY_US
STREAM = "0123456789abcdef"


def batch(*lines: str, first: int = READ_US, last: int = READ_US, lengths: bool = False) -> Batch:
    """Return a batch of lines, with the event times of its first and its last record."""
    body = "".join(f"{line}\n" for line in lines).encode()
    sizes = Lengths.of((len(line) + 1, len(line) + 1) for line in lines) if lengths else None
    where = {"stream": STREAM, "offset": 7, "end": 7 + len(body), "read_at_us": READ_US}
    return Batch(body, b"6" * len(lines), **where, lengths=sizes, times=Times("UTC", first, last))  # type: ignore[arg-type]


def days(found: Batch, late_days: int = 31) -> list[tuple[int, bytes]]:
    """Return the parts, each with its day, counted from that of reading, and its body."""
    return [(day - TODAY, part.body) for day, part in parts_of(found, DAY_US, late_days * DAY_US)]


@pytest.mark.parametrize("lengths", [False, True])
def test_each_record_goes_to_its_own_day(lengths: bool) -> None:
    """Across midnight, and back: late lines do not stay where they were read."""
    lines = ["2026-11-23 23:59:59 a", "  b", "2026-11-24 00:00:00 c", "2026-11-23 23:59:58 d"]
    found = batch(*lines, first=READ_US - DAY_US, last=READ_US - DAY_US + 1, lengths=lengths)
    assert days(found) == [(-1, found.body)]  # both ends are of one day
    found = batch(*lines, first=READ_US - DAY_US, last=READ_US, lengths=lengths)
    assert days(found) == [
        (-1, b"2026-11-23 23:59:59 a\n  b\n"),
        (0, b"2026-11-24 00:00:00 c\n"),
        (-1, b"2026-11-23 23:59:58 d\n"),
    ]


def test_parts_have_positions_of_their_own() -> None:
    """So each is written once, whatever is delivered again."""
    found = batch("2026-11-23 23:00:00 a", "2026-11-24 01:00:00 b", first=READ_US - DAY_US)
    parts = [part for _, part in parts_of(found, DAY_US, DAY_US)]
    assert [(part.offset, part.end) for part in parts] == [(7, 29), (29, 51)]
    assert [part.levels for part in parts] == [b"6", b"6"]


def test_a_record_that_is_too_late_stays_where_it_was_read() -> None:
    """Otherwise a forged or very old time would open a file for each day of a century."""
    found = batch("2026-11-20 10:00:00 a", "2026-11-24 10:00:00 b", first=READ_US - 4 * DAY_US)
    assert days(found, late_days=3) == [(0, found.body)]
    assert [day for day, _ in days(found, late_days=5)] == [-4, 0]
    absurd = batch("a", first=2**62, last=2**62)
    assert days(absurd) == [(0, b"a\n")]


def test_a_batch_without_times_has_the_day_of_reading() -> None:
    """Times are off, or its shipper is older than they are."""
    found = batch("2026-11-20 10:00:00 a")
    without = Batch(found.body, found.levels, stream=STREAM, end=len(found.body), read_at_us=READ_US)
    assert days(without) == [(0, found.body)]


def test_what_another_program_sent_has_the_day_that_it_states() -> None:
    """In UTC, unless it says otherwise; now, if it states none."""
    today = datetime.now(UTC)
    text = f"{today:%Y-%m-%d} 00:00:00 a\nb\n".encode()
    [(day, part)] = parts_of(Batch(text, b"66"), DAY_US, 0)
    assert (day, part.body) == (int(today.timestamp() * 1e6) // DAY_US, text)
    sent = Batch(b"b\n", b"6", times=Times("", READ_US, READ_US))
    assert [day - TODAY for day, _ in parts_of(sent, DAY_US, 100_000 * DAY_US)] == [0]


def test_a_message_is_not_sent_in_the_future() -> None:
    """Such a timestamp does not count: the text does, or else the time of reading."""
    now_us = READ_US + DAY_US
    body = b"2026-11-24 10:00:00 a\n"
    ahead, sent = (Batch(body, b"6", times=Times("", each, each)) for each in (now_us + 301_000_000, now_us))
    stated_us = int(datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp()) * 1_000_000
    assert (times_us(ahead, now_us), times_us(sent, now_us)) == ([stated_us], [now_us])


@given(
    st.lists(st.sampled_from(["2026-11-23 23:00:00 a", "2026-11-24 01:00:00 b", "c", ""]), min_size=1), st.booleans()
)
def test_no_byte_is_lost_or_moved(lines: list[str], lengths: bool) -> None:
    """The parts are the batch, in order, and no two neighbours are of one day."""
    found = batch(*lines, first=READ_US - DAY_US, lengths=lengths)
    parts = days(found)
    assert b"".join(body for _, body in parts) == found.body
    assert all(one != other for (one, _), (other, _) in itertools.pairwise(parts))
