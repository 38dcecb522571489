"""Durations with a unit, such as `90s`, `30m`, `12h` and `7d`."""

import re
from typing import Final

from logbus.errors import UsageError

UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MOST_S: Final = 36_525 * 86_400
"""A hundred years: beyond the age of any log."""

_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?([a-z]?)")


def seconds(written: float | str) -> float:
    """Return the seconds of a number (of seconds) or of a number with a unit. Raises UsageError."""
    found = _DURATION.fullmatch(str(written))
    unit_s = UNITS_S.get(found[2] or "s") if found else None
    length_s = float(found[1]) * unit_s if found and unit_s else 0.0
    if not 0 < length_s <= MOST_S:
        hint = "seconds, or a number with one of the units s, m, h, d and w, as in 7d"
        raise UsageError("use the duration", f"{written!r} is not a duration of at most 100 years", hint)
    return length_s
