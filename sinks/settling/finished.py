"""Which outputs are finished: rotated ones, and those of a day or hour that is over. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from sinks.file.upkeep.rotation import is_rotated
from sinks.search.asking import Source

IDLE_S: Final = 3600.0
"""An output by {date} or {hour} may get late lines; it waits for so long after the last one."""
_DAY_S: Final = 86_400.0
_HOUR_S: Final = 3600.0


def is_finished(source: Source, now_s: float) -> bool:
    """Return True if nobody is expected to write to an output any more, in seconds since 1970."""
    if is_rotated(source.path):
        return True
    end_s = period_end_s(source.told)
    return end_s is not None and max(end_s, source.changed_us / 1_000_000) + IDLE_S <= now_s


def period_end_s(told: Mapping[str, str]) -> float | None:
    """Return when the day or hour that a path tells is over, in seconds since 1970; None if it tells none."""
    try:
        day = datetime.strptime(told["date"], "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
        return day + (int(told["hour"]) + 1) * _HOUR_S if "hour" in told else day + _DAY_S
    except (KeyError, ValueError, OverflowError):
        return None
