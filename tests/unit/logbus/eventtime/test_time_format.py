"""`time_key` and `time_format`: times that are written in a way of the user's own."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.errors import UsageError
from logbus.eventtime import TimeRules, compile_format, stated_time, text_of
from logbus.eventtime.custom import DIRECTIVES

READ_AT_US = int(datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()) * 1_000_000


def read(line: str, format_: str | None = None, key: str | None = None) -> str | None:
    """Return the time that a line states."""
    stated = stated_time(line.encode(), TimeRules(UTC, key, format_, READ_AT_US))
    return text_of(stated.time_us) if stated else None


@pytest.mark.parametrize(
    ("format_", "line", "expected"),
    [
        ("%d.%m.%Y %H:%M", "04.11.2026 10:00 x", "2026-11-04T10:00:00Z"),
        ("%d.%m.%Y %H:%M", "<x> at 4.11.2026 10:00", "2026-11-04T10:00:00Z"),
        ("%m/%d/%y %I:%M:%S.%f %p", "x 11/04/26 01:00:00.5 pm", "2026-11-04T13:00:00.5Z"),
        ("%b %e %T", "Nov  4 10:00:00", "2026-11-04T10:00:00Z"),
        ("%A, %d %B %Y %R %z", "Wednesday, 04 November 2026 10:00 -01:00", "2026-11-04T11:00:00Z"),
        ("%F %T %Z", "2026-11-04 10:00:00 CET", "2026-11-04T10:00:00Z"),
        ("%F %T %Z", "2026-11-04 10:00:00 GMT", "2026-11-04T10:00:00Z"),
        ("%D %R", "11/04/26 10:00", "2026-11-04T10:00:00Z"),
        ("@%s.%f", "x @1690000000.25", "2023-07-22T04:26:40.25Z"),
        ("100%% %F %T", "100% 2026-11-04 10:00:00", "2026-11-04T10:00:00Z"),
        ("%d.%m.%Y %H:%M", "31.02.2026 10:00 x", None),
        ("%d.%m.%Y %H:%M", "2026-11-04T10:00:00Z x", None),
        ("%d.%m.%Y %H:%M", "x" * 600 + " 04.11.2026 10:00", None),
        ("iso", "[12] (x) 2026-11-04T10:00:00Z x", "2026-11-04T10:00:00Z"),
        ("iso", "Nov  4 10:00:00 x", None),
        ("epoch_s", "id=7 1690000000.5 x", "2023-07-22T04:26:40.5Z"),
        ("epoch_ms", "1690000000123 x", "2023-07-22T04:26:40.123Z"),
    ],
)
def test_a_format(format_: str, line: str, expected: str | None) -> None:
    """Only the format counts, wherever it stands near the beginning."""
    assert read(line, format_) == expected


@pytest.mark.parametrize(
    ("key", "line", "expected"),
    [
        ("when", '{"time":1,"when":"2026-11-04T10:00:00Z"}', "2026-11-04T10:00:00Z"),
        ("when", "time=1690000000 when=2026-11-04T10:00:00Z", "2026-11-04T10:00:00Z"),
        ("a.b", '{"b":1,"a":{"c":"}","b":1690000000}}', "2023-07-22T04:26:40Z"),
        ("a.b", '{"a":{"c":1},"a.b":1690000000}', "2023-07-22T04:26:40Z"),
        ("when", '{"time":"2026-11-04T10:00:00Z"}', None),
        ("when", "2026-11-04T10:00:00Z x", None),
        ("[x]", '{"[x]":1690000000}', "2023-07-22T04:26:40Z"),
        ("when", '2026-11-04T11:00:00Z stdout F {"when":1690000000}', "2023-07-22T04:26:40Z"),
        ("when", "2026-11-04T11:00:00Z stdout F x", "2026-11-04T11:00:00Z"),
    ],
)
def test_a_key(key: str, line: str, expected: str | None) -> None:
    """Only the key counts; with dots it is also a path; a container's runtime has a time of its own."""
    assert read(line, key=key) == expected


@pytest.mark.parametrize(
    ("unit", "number", "expected"),
    [
        ("epoch_s", "-1.5", "1969-12-31T23:59:58.5Z"),
        ("epoch_s", "2147483648", "2038-01-19T03:14:08Z"),
        ("epoch_s", "0", "1970-01-01T00:00:00Z"),
        ("epoch_ms", "1.5", "1970-01-01T00:00:00.0015Z"),
        ("epoch_us", "1.5", "1970-01-01T00:00:00.000001Z"),
        ("epoch_ns", "1999", "1970-01-01T00:00:00.000001Z"),
        ("epoch_s", "99999999999999", "99999999999999000000 us"),
        ("epoch_s", "1.69e9", None),
        ("epoch_s", "1" * 21, None),
    ],
)
def test_an_epoch_of_a_known_unit(unit: str, number: str, expected: str | None) -> None:
    """With a unit, any number is a time: negative, small or huge; an exponent makes none."""
    assert read(f'{{"when":{number}}}', unit, "when") == expected


@pytest.mark.parametrize(
    ("format_", "flaw"),
    [
        ("%Y", "states no month"),
        ("%Y-%m", "states no day"),
        ("%Y-%m-%d", "states no hour"),
        ("%F %H", "states no minute"),
        ("%Q", "%Q is no directive"),
        ("%F %T %", "% is no directive"),
        ("%F %T %Y", "twice"),
        ("%F %I:%M", "need each other"),
        ("%F %T %p", "need each other"),
        ("epoch", "did you mean epoch_s"),
        ("YYYY-MM-DD", "no directive"),
        ("", "no directive"),
    ],
)
def test_a_format_that_is_wrong(format_: str, flaw: str) -> None:
    """What is wrong with a format is said before anything is read."""
    with pytest.raises(UsageError) as error:
        compile_format(format_)
    assert flaw in str(error.value)


@given(text=st.text(alphabet="".join(DIRECTIVES) + "%%%%%-:. \t(é\n", max_size=20), line=st.binary(max_size=60))
def test_any_format_is_used_or_refused(text: str, line: bytes) -> None:
    """No format is an error of another kind, and none fails on a record."""
    try:
        compile_format(text)
    except UsageError:
        return
    stated_time(line, TimeRules(UTC, None, text, READ_AT_US))
