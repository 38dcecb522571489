"""Durations with units."""

import pytest

from logbus.config.durations import seconds
from logbus.errors import UsageError


@pytest.mark.parametrize(
    ("written", "expected_s"),
    [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), ("1.5 h", 5400), ("90", 90)],
)
def test_a_number_with_a_unit(written: str, expected_s: float) -> None:
    """A unit follows a number; without one it counts seconds, as a bare number does."""
    assert seconds(written) == expected_s
    assert seconds(expected_s) == expected_s


@pytest.mark.parametrize("written", ["", "d", "7 days", "-1d", "0s", 0, -5, float("nan"), "1e400", "999999999w"])
def test_what_is_no_duration(written: float | str) -> None:
    """Anything else is refused, with what to write."""
    with pytest.raises(UsageError, match="as in 7d"):
        seconds(written)
