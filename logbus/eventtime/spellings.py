r"""How stamps are spelled: a date and a time of day, or the seconds of an epoch.

Each spelling has a pattern that matches at the beginning of a stamp, with the parts of a time as named groups, and a
function that makes of the match the microseconds since 1970, in local time. Every repeat is bounded. `BY_FIRST_BYTE`
sorts the spellings by what a stamp may begin with, so that few patterns are tried.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from logbus.eventtime.days import (
    SECOND_US,
    clock,
    day_number,
    day_without_year,
    full_year,
    hour_of_12,
    micros,
    moment,
    month_number,
)

Found = re.Match[bytes]


Read = Callable[[Found, int], int | None]
"""Takes a match and the day on which the record was read; returns microseconds, or None for no such moment."""


@dataclass(frozen=True)
class Spelling:
    """One spelling: its name, the bytes that it may begin with, its pattern, and how its matches are read.

    By default they are read by the pattern's groups. The group `zone` is the offset that the stamp states, if any. The
    pattern is compiled when it is first tried: all of them take a tenth of a start, and few logs need more than one.
    """

    name: str
    first: bytes
    source: bytes
    by: Read | None = None

    @functools.cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """The compiled pattern."""
        return re.compile(self.source)

    @functools.cached_property
    def read(self) -> Read:
        """What reads its matches."""
        return self.by or _reader_of(self.pattern)


PARTS: Final = frozenset(["year", "month", "name", "day", "hour", "minute", "second", "half"])
"""The groups that say which second it is; `fraction` and `zone` are the others."""
_COLON: Final = ord(":")
_DIGITS: Final = b"0123456789"
_CAPITALS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MONTH_NAME: Final = rb"(?P<name>(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6})"
WEEKDAY: Final = rb"(?i:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6})"
HALF: Final = rb"(?P<half>[AaPp])\.?[Mm]\.?(?![A-Za-z])"
ZONE: Final = (
    rb"(?:UTC|GMT)?[+-][0-9]{2}:?[0-9]{2}(?![0-9:.])|(?:Z|z|UTC|GMT)(?![A-Za-z0-9])"
    rb"|(?<! )[+-][0-9]{2}(?![0-9:.-])"
)
_ZONE: Final = rb"(?: ?(?=[Zz+UG-])(?P<zone>" + ZONE + rb"))?"
_FRACTION: Final = rb"(?:[.,](?P<fraction>[0-9]{1,9})[0-9]{0,9})?(?![0-9])"
_YEAR: Final = rb"(?P<year>[0-9]{4})"
_SHORT_YEAR: Final = rb"(?P<year>[0-9]{4}|[0-9]{2})"
_MONTH: Final = rb"(?P<month>[0-9]{1,2})"
_DAY: Final = rb"(?P<day>[0-9]{1,2})"
_SURE_MONTH: Final = rb"(?P<month>0?[1-9]|1[0-2])"
_SURE_DAY: Final = rb"(?P<day>1[3-9]|2[0-9]|3[01])"
"""A number that is no month."""
_CLOCK: Final = rb"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
_FULL_CLOCK: Final = rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_TAIL: Final = _FRACTION + rb"(?: ?" + HALF + rb")?" + _ZONE
_MONTH_DAY: Final = rb"(?:" + WEEKDAY + rb",? )?" + MONTH_NAME + rb" {1,2}" + _DAY
_TIMED: Final = rb",? {1,2}" + _CLOCK + _FRACTION + rb"(?: ?" + HALF + rb")?"
_LEVEL: Final = rb"(?= (?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL) )"


@functools.lru_cache(4096)
def _second_of(names: tuple[str, ...], texts: tuple[bytes | None, ...], read_day: int) -> int | None:
    parts = {name: text for name, text in zip(names, texts, strict=True) if text is not None}
    hour: int | None = int(parts["hour"])
    if hour is not None and "half" in parts:
        hour = hour_of_12(hour, parts["half"])
    if hour is None:
        return None
    month = int(parts["month"]) if "month" in parts else month_number(parts["name"])
    if "year" in parts:
        day = day_number(full_year(parts["year"]), month, int(parts["day"]))
    else:
        day = day_without_year(month, int(parts["day"]), read_day)
    return moment(day, clock(hour, int(parts["minute"]), int(parts.get("second", b"0"))))


def _reader_of(pattern: re.Pattern[bytes]) -> Read:
    """Return what reads a pattern's matches by their groups: year, month or name, day, hour, minute, second, half."""
    names = tuple(name for name in pattern.groupindex if name in PARTS)

    def read(found: Found, read_day: int) -> int | None:
        second = _second_of(names, found.group(*names), read_day)
        if second is None:
            return None
        fraction = found["fraction"]
        if fraction and found.string[found.start("fraction") - 1] == _COLON:
            fraction = fraction.rjust(3, b"0")  # a number of milliseconds, as the other numbers of such a stamp
        return second * SECOND_US + (micros(fraction) if fraction else 0)

    return read


@functools.lru_cache(4096)
def second_of_iso(text: bytes) -> int | None:
    """Return the seconds of `2026-11-24 10:00:00`, whatever stands between the numbers."""
    day = day_number(int(text[:4]), int(text[5:7]), int(text[8:10]))
    return moment(day, clock(int(text[11:13]), int(text[14:16]), int(text[17:19])))


def _iso(found: Found, _: int) -> int | None:
    text, fraction = found.group(1, 2)
    second = second_of_iso(text)
    return second if second is None else second * SECOND_US + (micros(fraction) if fraction else 0)


@functools.lru_cache(4096)
def _second_of_syslog(text: bytes, read_day: int) -> int | None:
    day = day_without_year(month_number(text), int(text[4:6]), read_day)
    return moment(day, clock(int(text[7:9]), int(text[10:12]), int(text[13:15])))


def _syslog(found: Found, read_day: int) -> int | None:
    text, fraction = found.group(1, 2)
    second = _second_of_syslog(text, read_day)
    return second if second is None else second * SECOND_US + (micros(fraction) if fraction else 0)


_ISO: Final = Spelling(
    "iso",
    _DIGITS,
    rb"([0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}[Tt _][0-9]{2}:[0-9]{2}:[0-9]{2})" + _FRACTION + _ZONE,
    _iso,
)
_LOOSE: Final = Spelling(
    "iso",
    _DIGITS,
    _YEAR
    + rb"(?P<dash>[-/.])"
    + _MONTH
    + rb"(?P=dash)"
    + _DAY
    + rb"(?:[Tt_:-]|,? {1,2})(?![0-9]{1,2}\.[0-9]{2}(?!\.))(?P<hour>[0-9]{1,2})"
    + rb"(?P<colon>[:.])(?P<minute>[0-9]{2})(?:(?P=colon)(?P<second>[0-9]{2}))?"
    + _TAIL,
)
_BASIC: Final = Spelling(
    "iso",
    _DIGITS,
    _YEAR
    + rb"(?P<month>[0-9]{2})(?P<day>[0-9]{2})[T _-]?(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
    + _FRACTION
    + _ZONE,
)
ISO: Final = (_ISO, _LOOSE, _BASIC)
"""What `time_format: iso` accepts."""

_NO_STAMP: Final = Spelling(
    "none",
    _DIGITS,
    rb"(?:[0-9]{1,3}\.){3}|[0-9]{1,5}(?![0-9/.-]| [A-Za-z]{3,9}[ /-])",
    lambda _found, _read_day: None,
)
"""Addresses and numbers that begin no date: with them, no other spelling need be tried."""

SPELLINGS: Final = (
    _ISO,
    _NO_STAMP,
    Spelling(
        "syslog",
        _CAPITALS,
        rb"([A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})" + _FRACTION
        + rb"(?! ?[AaPp]\.?[Mm]\b| (?:[A-Z]{2,5} )?[12][0-9]{3}(?![\w.:-]))" + _ZONE,
        _syslog,
    ),
    Spelling(
        "letter",
        b"IWEFDCN",
        rb"[IWEFDCN] ?(?P<year>[0-9]{4}|[0-9]{2})?(?P<month>[0-9]{2})(?P<day>[0-9]{2}) " + _FULL_CLOCK + _FRACTION
        + _ZONE,
    ),
    _LOOSE,
    Spelling(
        "day-month-name",
        _DIGITS + _CAPITALS,
        rb"(?:" + WEEKDAY + rb",? )?" + _DAY + rb"[ /-]" + MONTH_NAME + rb"[ /-]" + _SHORT_YEAR + rb"(?:,? |::?|T)"
        + _CLOCK + _TAIL,
    ),
    Spelling("month-day", _DIGITS, rb"(?P<month>[0-9]{2})-(?P<day>[0-9]{2}) " + _FULL_CLOCK + _FRACTION + _ZONE),
    Spelling("log4j", _DIGITS, rb"(?P<year>[0-9]{2})/(?P<month>[0-9]{2})/(?P<day>[0-9]{2}) "
        + _FULL_CLOCK + _FRACTION + _LEVEL + _ZONE),
    Spelling("month-first", _DIGITS, _SURE_MONTH + rb"(?P<dash>[-/.])" + _SURE_DAY + rb"(?P=dash)" + _SHORT_YEAR
        + rb",? {1,2}" + _CLOCK + _TAIL),
    Spelling("day-first", _DIGITS, _SURE_DAY + rb"(?P<dash>[-/.])" + _SURE_MONTH + rb"(?P=dash)" + _YEAR
        + rb",? {1,2}" + _CLOCK + _TAIL),
    Spelling("month-first", _DIGITS, _SURE_MONTH + rb"[/.]" + _SURE_DAY + rb" " + _FULL_CLOCK + _FRACTION + _ZONE),
    Spelling("day-first", _DIGITS, _SURE_DAY + rb"[/.]" + _SURE_MONTH + rb" " + _FULL_CLOCK + _FRACTION + _ZONE),
    _BASIC,
    Spelling(
        "run-together",
        _DIGITS,
        _SHORT_YEAR
        + rb"(?P<month>[0-9]{2})(?P<day>[0-9]{2})[T _:-](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})"
        + rb":(?P<second>[0-9]{1,2})(?:[.,:](?P<fraction>[0-9]{1,9}))?(?![0-9])" + _ZONE,
    ),
    Spelling(
        "run-together",
        _DIGITS,
        rb"(?P<year>[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2}) (?P<hour>[0-9]{2})(?P<minute>[0-9]{2})"
        rb"(?P<second>[0-9]{2})(?= )" + _FRACTION + _ZONE,
    ),
    Spelling(
        "month-name",
        _CAPITALS,
        _MONTH_DAY
        + _TIMED
        + rb"(?: (?:(?P<zone>" + ZONE + rb")|[A-Z]{2,5}))? (?P<year>[12][0-9]{3})(?![\w.:-])",
    ),
    Spelling("month-name", _CAPITALS, _MONTH_DAY + rb"(?:,? " + _YEAR + rb")?" + _TIMED + _ZONE),
)  # fmt: skip
BY_FIRST_BYTE: Final = tuple(tuple(spelling for spelling in SPELLINGS if byte in spelling.first) for byte in range(256))


def prepare_spellings() -> None:
    """Compile every spelling."""
    for spelling in SPELLINGS:
        _ = spelling.read, spelling.pattern
