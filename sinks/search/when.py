"""Times as operators write them: absolute ones, and such as `2h` for two hours ago. In microseconds since 1970."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from logbus.errors import UsageError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
"""In seconds."""
_AGO: Final = re.compile(r"(\d{1,6}) ?([smhdw])(?: ago)?", re.ASCII)
_DAYS_AGO: Final = {"today": 0, "yesterday": 1}
_ABSOLUTE: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?: ?(?:Z|[+-]\d\d:\d\d))?)?", re.ASCII
)
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
ACCEPTED: Final = "as in 2026-11-24, '2026-11-24 10:00', 2026-11-24T10:00:00Z, 10m, 2h or 3d (ago), today, yesterday"


def time_us(text: str, now_us: int, zone: tzinfo) -> int:
    """Return the time that `text` means, in `zone` unless it states another; a day begins at its midnight.

    Raises UsageError, which says what is accepted.
    """
    text = text.strip()
    if found := _AGO.fullmatch(text):
        return now_us - int(found[1]) * _UNITS[found[2]] * 1_000_000
    try:
        return (_moment(text, now_us, zone) - _START) // _MICROSECOND
    except (ValueError, OverflowError):
        raise UsageError("read the time", f"{text!r} is not a time", ACCEPTED) from None


def _moment(text: str, now_us: int, zone: tzinfo) -> datetime:
    """Return a moment. Raises ValueError, OverflowError."""
    now = (_START + timedelta(microseconds=now_us)).astimezone(zone)
    if text == "now":
        return now
    if text in _DAYS_AGO:
        day = now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS_AGO[text])
        return day.replace(tzinfo=zone)
    if not _ABSOLUTE.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text.replace(",", ".").replace(" Z", "Z"))
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
