"""`time_format`: a format of the user's own, in strptime's directives, or the name of a usual one."""

import functools
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from logbus.errors import UsageError, did_you_mean
from logbus.eventtime import spellings
from logbus.eventtime.days import SECOND_US, micros
from logbus.eventtime.epochs import NUMBER, UNITS, micros_of
from logbus.eventtime.spellings import Spelling
from logbus.eventtime.stamps import Stamp
from logbus.eventtime.zones import stated_offset_us

WITHIN: Final = 512
"""So many bytes of a record are searched."""
DIRECTIVES: Final = {
    "Y": rb"(?P<year>[0-9]{4})",
    "y": rb"(?P<year>[0-9]{2})",
    "m": rb"(?P<month>[0-9]{1,2})",
    "d": rb"(?P<day>[0-9]{1,2})",
    "e": rb"(?P<day>[0-9]{1,2})",
    "b": spellings.MONTH_NAME,
    "B": spellings.MONTH_NAME,
    "a": spellings.WEEKDAY,
    "A": spellings.WEEKDAY,
    "H": rb"(?P<hour>[0-9]{1,2})",
    "I": rb"(?P<hour>[0-9]{1,2})",
    "M": rb"(?P<minute>[0-9]{1,2})",
    "S": rb"(?P<second>[0-9]{1,2})",
    "f": rb"(?P<fraction>[0-9]{1,9})[0-9]{0,9}",
    "p": spellings.HALF,
    "z": rb"(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
    "Z": rb"(?:(?P<zone>UTC|GMT|Z)(?![A-Za-z])|[A-Z]{2,5})",
    "s": rb"(?P<epoch>-?[0-9]{1,18})",
    "%": rb"%",
}
"""A directive -> its pattern. There is no locale: names are English."""
_SHORT: Final = {"%T": "%H:%M:%S", "%R": "%H:%M", "%F": "%Y-%m-%d", "%D": "%m/%d/%y"}
_PIECE: Final = re.compile(r"%(.?)|([ \t]+)|([^%\s]+)", re.DOTALL)
_EPOCH_IN_TEXT: Final = re.compile(rb"(?<![\w.:+-])-?[0-9]{9,20}(?:\.[0-9]{1,20})?(?![\w.+-])")


class TimeFormat(Struct, frozen=True):
    """A compiled `time_format`: spellings, or the unit of an epoch; `is_utc` where it cannot be local time."""

    text: str
    spellings: tuple[Spelling, ...] = ()
    unit: str = ""
    is_utc: bool = False

    def at(self, record: bytes, at: int, read_day: int) -> Stamp | None:
        """Return the stamp of this format that begins at `at`."""
        if self.unit:
            number = NUMBER.match(record, at)
            return Stamp(micros_of(number, self.unit), 0, self.text, at, number.end()) if number else None
        for spelling in self.spellings:
            if (found := spelling.pattern.match(record, at)) and (stamp := self._read(spelling, found, read_day)):
                return stamp
        return None

    def search(self, record: bytes, read_day: int) -> Stamp | None:
        """Return the first stamp of this format near the beginning of a record."""
        head = record[:WITHIN]
        return min(self._all(head, read_day), key=lambda stamp: stamp.start, default=None)

    def _all(self, head: bytes, read_day: int) -> Iterator[Stamp]:
        """Yield the first stamp of each spelling."""
        if self.unit and (number := _EPOCH_IN_TEXT.search(head)) and (stamp := self.at(head, number.start(), read_day)):
            yield stamp
        for spelling in self.spellings:
            for found in spelling.pattern.finditer(head):
                before = head[found.start() - 1 : found.start()]
                if not before.isalnum() and (stamp := self._read(spelling, found, read_day)):
                    yield stamp
                    break

    def _read(self, spelling: Spelling, found: re.Match[bytes], read_day: int) -> Stamp | None:
        us = spelling.read(found, read_day)
        zone = found["zone"]
        offset = stated_offset_us(zone) if zone else 0 if self.is_utc else None
        if us is None or (zone and offset is None):
            return None
        return Stamp(us, offset, self.text, found.start(), found.end())


@functools.lru_cache(64)
def compile_format(text: str) -> TimeFormat:
    """Return the format that `time_format` means. Raises UsageError, which says what is wrong with it."""
    if text in UNITS:
        return TimeFormat(text, unit=text)
    if text == "iso":
        return TimeFormat(text, spellings.ISO)
    if "%" not in text:
        raise _wrong(
            f"{text!r} has no directive",
            did_you_mean(text, ["iso", *UNITS]) or f"use iso, {', '.join(UNITS)}, or %Y-...",
        )
    long = text
    for short, meaning in _SHORT.items():
        long = long.replace(short, meaning)
    pattern = _pattern_of(long)
    if "epoch" in pattern.groupindex:
        return TimeFormat(text, (Spelling(text, b"", pattern.pattern, _epoch),), is_utc=True)
    return TimeFormat(text, (Spelling(text, b"", pattern.pattern),))


def _pattern_of(text: str) -> re.Pattern[bytes]:
    parts: list[bytes] = []
    used: set[str] = set()
    for directive, blanks, literal in _PIECE.findall(text):
        if blanks or literal:
            parts.append(rb"[ \t]{1,8}" if blanks else re.escape(literal.encode()))
        elif directive not in DIRECTIVES:
            raise _wrong(
                f"%{directive} is no directive that it knows", "it knows " + " ".join(f"%{d}" for d in DIRECTIVES)
            )
        else:
            parts.append(DIRECTIVES[directive])
            used.add(directive)
    _check(used)
    whole = b"".join(parts)
    missing = b"".join(rb"(?P<%b>(?!))?" % name for name in (b"fraction", b"zone") if b"(?P<%b>" % name not in whole)
    try:
        return re.compile(whole + missing + rb"(?![0-9])")
    except re.error as error:  # the same group twice
        raise _wrong("it states one part of the time twice", "each of year, month, day, ... once") from error


def _check(used: set[str]) -> None:
    """Check that the directives make a time. Raises UsageError."""
    if "s" in used:
        return
    for what, some in {"month": "mbB", "day": "de", "hour": "HI", "minute": "M"}.items():
        if not used & set(some):
            raise _wrong(f"it states no {what}", f"add {' or '.join(f'%{each}' for each in some)}")
    if ("I" in used) != ("p" in used):
        raise _wrong("%I and %p need each other", "use %H for hours from 0 to 23")


def _epoch(found: re.Match[bytes], _: int) -> int | None:
    return int(found["epoch"]) * SECOND_US + micros(found["fraction"] or b"")


def _wrong(cause: str, hint: str) -> UsageError:
    return UsageError("use time_format", cause, hint)
