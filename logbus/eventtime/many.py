"""The event times of many lines at once, for readers who need each record's.

Theory of operation. One call of PCRE2 turns a body into a line of text for each of its lines: the stamp, if it has one
of the frequent spellings in one of the frequent places, its second and zone apart from its fraction. A second is
converted once, and looked up from then on. Of a line that cannot state a time, the text is only a character. A line of
which the text is empty is read by `event_time`, one by one, as are all lines without PCRE2, and those in the hour that
occurs twice. The times are the same either way; a property test checks that.
"""

import functools
import io
from collections.abc import Iterable
from datetime import tzinfo
from itertools import accumulate, repeat
from typing import Final

from logbus.eventtime.days import SECOND_US, micros
from logbus.eventtime.following import EARLIEST_US, FUTURE_US, event_time
from logbus.eventtime.keys import usual_pairs
from logbus.eventtime.reading import TimeRules
from logbus.eventtime.spellings import second_of_iso
from logbus.eventtime.zones import is_ambiguous, stated_offset_us, utc_us
from logbus.native.pcre2 import Substitution
from logbus.severity.words import possessive

_SECOND: Final = rb"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
_FRACTION: Final = rb"((?:[.,][0-9]{1,9}+)?+)"
_ZONE: Final = rb"((?:Z|[+-][0-9]{2}:[0-9]{2})?+)"
_ISO: Final = _SECOND + rb")" + _FRACTION + _ZONE
_EPOCH: Final = rb"(1[0-9]{9}(?:[0-9]{3}){0,3})()()"
_VALUE: Final = rb'(?|"' + _ISO + rb'(?=")|' + _ISO + rb"(?=\n|[ \t][^zZ+UG-])|" + _EPOCH + rb"(?=[,} \t\n]))"
_AT_START: Final = _ISO + rb"(?=[ \t\]|,;][^szZ+UG-])"
_CRI: Final = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.0-9]{0,10}(?:Z|[+-][0-9]{2}:[0-9]{2})"
_STREAM: Final = rb" std(?:out|err) [FP] "
_WRAPPER: Final = rb"(?:" + _CRI + _STREAM + rb")?+"
_TIMELESS: Final = rb"(?![^\n]*(?:[0-9]:[0-9]{2}|[0-9]{6}))"
"""Before what cannot state a time: each spelling has a time of day with a colon, or six digits in a row."""
_OWN: Final = rb"(?=[0-9])" + _ISO + _STREAM + _TIMELESS
_NO_TIME: Final = _TIMELESS + rb"()([^\n])()"
"""Instead of a fraction, without a second, the first character of a line that states no time."""
_TEXT: Final = b"$1$3|$2\n"
_NONE: Final = b"|"
_MOST_BYTES: Final = 48
"""Of the text of a line."""
_REMEMBERED: Final = 1 << 14
_MILLIS: Final = len(b".123")
_PLACES: Final = {10: SECOND_US, 13: 1_000, 16: 1}
"""Digits of a number since 1970 -> what it is multiplied by; nanoseconds are divided."""


@functools.cache
def _stamps() -> Substitution:
    inside = _WRAPPER + rb"(?|" + usual_pairs() + _VALUE + rb"|" + _AT_START + rb")"
    stated = rb"(?|" + b"|".join((inside, _OWN, _NO_TIME, rb"()()()")) + rb")"
    return Substitution(possessive(rb"(*LF)(?m)^(?!\z)" + stated + rb"[\s\S]?"), _TEXT)


@functools.lru_cache(2048)
def _millis(fraction: bytes) -> int:
    """Return the microseconds of a fraction of three digits behind a point or comma: there are few of these."""
    return micros(fraction[1:])


@functools.lru_cache(8)
def _seconds(zone: tzinfo) -> "_Seconds":
    return _Seconds(zone)


class _Seconds(dict[bytes, int | None]):
    """The text of a second, with its zone -> microseconds since 1970 in UTC; None for what is read one by one."""

    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, text: bytes) -> int | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[text] = _second_us(text, self._zone) if text else None
        return found


def _second_us(text: bytes, zone: tzinfo) -> int | None:
    if b"-" not in text[:5]:
        return int(text) * _PLACES[len(text)] if len(text) in _PLACES else int(text) // 1_000
    second = second_of_iso(text[:19])
    if second is None:
        return None
    if text[19:]:
        offset_us = stated_offset_us(text[19:])
        return None if offset_us is None else second * SECOND_US - offset_us
    local_us = second * SECOND_US
    return None if is_ambiguous(local_us, zone) else utc_us(local_us, zone)


def event_times_us(body: bytes, lines: int, rules: TimeRules, previous_us: int | None = None) -> list[int]:
    """Return the event time of each of the `lines` lines of a file, in microseconds since 1970 in UTC.

    `previous_us` is that of the line before them, None if unknown.
    """
    return _times(io.BytesIO(body), _stamps_of(body, lines, rules), rules, previous_us)


def times_of_records(
    body: bytes, records: Iterable[bytes], rules: TimeRules, previous_us: int | None = None
) -> list[int]:
    """Return the same for records of any number of lines, which are `body` together; an empty one inherits."""
    each = list(records)
    stamps = _stamps_of(body, body.count(b"\n") + 1, rules)
    firsts = accumulate((record.count(b"\n") for record in each[:-1]), initial=0)
    first_stamps = [_of_first(stamps[line], record) for record, line in zip(each, firsts, strict=True)]
    return _times(each, first_stamps, rules, previous_us) if each else []


def _of_first(stamp: bytes, record: bytes) -> bytes:
    """Return what the first line of a record says of it; nothing if a later line may state the time."""
    if record and b"\n" not in record[:-1]:
        return stamp
    return stamp if record and not stamp.startswith(b"|") and b" std" not in record[:64] else _NONE


def _stamps_of(body: bytes, lines: int, rules: TimeRules) -> list[bytes]:
    """Return the text of the stamp of each line, or of none."""
    usual = not (rules.key or rules.format)
    told = _stamps().of(body, _MOST_BYTES * (lines + 1)) if usual else None
    stamps = told.split(b"\n")[:-1] if told else []
    stamps += [_NONE] * (lines - len(stamps) if len(stamps) + 1 >= lines else 0)
    return stamps if len(stamps) == lines else [_NONE] * lines


def _times(lines: Iterable[bytes], stamps: list[bytes], rules: TimeRules, previous_us: int | None) -> list[int]:
    seconds, latest_us = _seconds(rules.zone), rules.read_at_us + FUTURE_US
    found: list[int] = []
    parts = map(bytes.partition, stamps, repeat(b"|"))
    for line, (second, _, fraction) in zip(lines, parts, strict=True):
        if fraction and not second:  # it states no time
            found.append(rules.read_at_us if previous_us is None else previous_us)
            continue
        time_us = seconds[second]
        if time_us is None:
            one = event_time(line, rules, previous_us)
            previous_us = one.time_us if one.why != "read" else previous_us
            found.append(one.time_us)
            continue
        if fraction:
            time_us += _millis(fraction) if len(fraction) == _MILLIS else micros(fraction[1:])
        if EARLIEST_US <= time_us <= latest_us:
            previous_us = time_us
        found.append(rules.read_at_us if previous_us is None else previous_us)
    return found
