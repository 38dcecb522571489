"""Times as operators write them."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from logbus.errors import UsageError
from sinks.search.when import time_us

NOON_US = 1_795_521_600_000_000
"""2026-11-24 12:00 in UTC."""
HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-11-24 10:00", -2),
        ("2026-11-24T10:00:00", -2),
        ("2026-11-24T10:00:00.000Z", -2),
        ("2026-11-24 10:00+01:00", -3),
        ("2026-11-24", -12),
        ("today", -12),
        ("yesterday", -36),
        ("now", 0),
        ("60m", -1),
        ("2h ago", -2),
        ("3d", -72),
    ],
)
def test_what_is_accepted(text: str, hours: int) -> None:
    """Absolute times, days, and how long ago."""
    assert time_us(text, NOON_US, UTC) == NOON_US + hours * HOUR_US


def test_the_zone_is_the_one_that_is_given() -> None:
    """A time without a zone is local, and so is the beginning of a day."""
    zone = ZoneInfo("Europe/Berlin")
    assert time_us("2026-11-24 10:00", NOON_US, zone) == NOON_US - 3 * HOUR_US
    assert time_us("today", NOON_US, zone) == NOON_US - 13 * HOUR_US


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01", "10", "2h3m", "2026-11-24 25:00", "٣h", "9" * 5000])
def test_what_is_not(text: str) -> None:
    """An error says what would be accepted."""
    with pytest.raises(UsageError, match="yesterday"):
        time_us(text, NOON_US, UTC)
