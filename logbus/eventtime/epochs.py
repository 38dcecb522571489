"""Epochs: numbers of seconds, or of thousandths, millionths and so on of a second, since 1970."""

import re
from typing import Final

UNITS: Final = {"epoch_s": 0, "epoch_ms": 3, "epoch_us": 6, "epoch_ns": 9}
"""A unit's name -> how many digits of the number are a fraction of a second."""
_BY_LENGTH: Final = {length: name for name, more in UNITS.items() for length in range(9 + more, 11 + more)}
NUMBER: Final = re.compile(rb"(-?)([0-9]{1,20})(?:\.([0-9]{1,20})[0-9]{0,40})?(?![\w.+-])")
IN_TEXT: Final = re.compile(
    rb"()((?:[12][0-9]{9}(?:(?:[0-9]{3}){1,3}(?![0-9]))?))(?:\.([0-9]{1,9})[0-9]{0,9})?(?=[\s\]:,;|})\"]|$)"
)
"""An epoch that stands in a column: from 2001 on."""


def unit_of(digits: bytes) -> str | None:
    """Return the unit that a number of so many digits is in, from 1973 to 2286; None for other numbers."""
    return _BY_LENGTH.get(len(digits))


def micros_of(found: re.Match[bytes], unit: str) -> int:
    """Return the microseconds since 1970 of a matched number in `unit`; what is finer is cut off."""
    sign, whole, fraction = found.groups()
    shift = 6 - UNITS[unit]
    more = (fraction or b"")[: max(shift, 0)].ljust(max(shift, 0), b"0")
    us = int(whole + more) if shift >= 0 else int(whole) // 1000
    return -us if sign else us
