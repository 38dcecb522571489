"""Days, clocks and fractions in whole numbers: what a stamp's digits mean, or None where no such moment exists."""

import functools
from datetime import date
from typing import Final

SECOND_US: Final = 1_000_000
DAY_S: Final = 86_400
DAY_US: Final = DAY_S * SECOND_US
_EPOCH: Final = date(1970, 1, 1).toordinal()
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"], 1
    )
}
_FIRST_OF_1900S: Final = 69
"""Two digits of a year: as in POSIX, 69 to 99 are of the 1900s."""
_MOST_HOURS: Final = 24
_LEAP_CYCLE: Final = 8
"""So many years apart may two 29 Februaries be."""


@functools.lru_cache(4096)
def day_number(year: int, month: int, day: int) -> int | None:
    """Return the days from 1970 to a date; None if there is no such date."""
    try:
        return date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None


def month_number(name: bytes) -> int:
    """Return the number of a month by the first three letters of its English name; 0 if there is none."""
    return _MONTHS.get(name[:3].lower(), 0)


def full_year(digits: bytes) -> int:
    """Return the year that two or four digits mean."""
    year = int(digits)
    if len(digits) > 2:  # noqa: PLR2004 - digits
        return year
    return year + (1900 if year >= _FIRST_OF_1900S else 2000)


def clock(hour: int, minute: int, second: int) -> int | None:
    """Return the seconds since midnight; None for an impossible time.

    Second 60, a leap second, is the first second of the next minute, and 24:00:00 the next day's midnight.
    """
    if minute > 59 or second > 60 or hour > _MOST_HOURS or (hour == _MOST_HOURS and (minute or second)):  # noqa: PLR2004
        return None
    return hour * 3600 + minute * 60 + second


def moment(day: int | None, second: int | None) -> int | None:
    """Return the seconds since 1970 of a day and a time of day, either of which may be impossible."""
    return None if day is None or second is None else day * DAY_S + second


def micros(fraction: bytes) -> int:
    """Return the microseconds that the digits of a fraction mean; finer digits are cut off."""
    if len(fraction) == 3:  # noqa: PLR2004 - the usual milliseconds
        return int(fraction) * 1000
    return int((fraction + b"00000")[:6])


def hour_of_12(hour: int, half: bytes) -> int | None:
    """Return the hour of the day for an hour before AM or PM; None if it is not from 1 to 12."""
    return hour % 12 + 12 * (half[:1] in b"Pp") if 1 <= hour <= 12 else None  # noqa: PLR2004 - the clock's


@functools.lru_cache(4096)
def day_without_year(month: int, day: int, read_day: int) -> int | None:
    """Return the day number of a date without its year: the latest such day that is at most a day after `read_day`.

    The day more is for clocks that disagree, and for zones east of UTC, in which `read_day` is counted.
    """
    year = date.fromordinal(read_day + _EPOCH + 1).year
    for each in range(year, year - _LEAP_CYCLE - 1, -1):
        found = day_number(each, month, day)
        if found is not None and found <= read_day + 1:
            return found
    return None
