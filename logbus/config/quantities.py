"""Sizes and times with units, as operators write them: `10MB`, `10MiB`, `500ms`, `1d`.

A key's name tells what a plain number means: `max_bytes`, `expires_s`, `commit_ms`, `forget_after_days`,
`bytes_per_s`; `ignore_older` counts seconds. Text with a unit is converted to that.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

_NUMBER = re.compile(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([A-Za-z]+)\s*")
_PREFIXES = "kMGT"
_SIZES = {
    "b": 1.0,
    **{f"{prefix.lower()}b": 1000.0**power for power, prefix in enumerate(_PREFIXES, 1)},
    **{f"{prefix.lower()}ib": 1024.0**power for power, prefix in enumerate(_PREFIXES, 1)},
}
_TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


class Measure(Struct, frozen=True):
    """What a number counts, the factor of each unit, and the factor of a plain number."""

    noun: str
    units: Mapping[str, float]
    plain: float
    examples: str

    def read(self, text: str) -> int | float | None:
        """Return the number that text with a unit stands for; None if it has no known unit."""
        found = _NUMBER.fullmatch(text)
        factor = self.units.get(found[2].lower()) if found else None
        if found is None or factor is None:
            return None
        number = float(found[1]) * factor / self.plain
        return round(number) if abs(number - round(number)) < 1e-9 * max(1.0, number) else number

    @property
    def advice(self) -> str:
        """How to write one."""
        return f"write a number of {self.noun}, or one with a unit, as in {self.examples}"


_TIME_EXAMPLES = "500ms, 5s, 10min, 2h or 1d"
_MEASURES = {
    "bytes": Measure("bytes", _SIZES, 1.0, "64kB, 10MB or 10MiB"),
    "ms": Measure("milliseconds", _TIMES, 0.001, _TIME_EXAMPLES),
    "s": Measure("seconds", _TIMES, 1.0, _TIME_EXAMPLES),
    "older": Measure("seconds", _TIMES, 1.0, _TIME_EXAMPLES),
    "days": Measure("days", _TIMES, 86_400.0, _TIME_EXAMPLES),
}


def measure_of(key: str | int) -> Measure | None:
    """Return what the number at a key measures, by the key's name; None if it has no unit."""
    return _MEASURES.get(str(key).removesuffix("_per_s").rpartition("_")[2])
