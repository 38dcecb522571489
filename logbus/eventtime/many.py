"""The event times of many lines at once, for readers who need each record's.

Theory of operation. One call of PCRE2 turns a body into two texts for each of its lines: the second that it states,
with its zone, and the fraction. A second is converted once, and looked up from then on. Where all lines state a time
that can be believed, no step of the interpreter is done for any of them. A line of which the frequent patterns say
nothing is read by `event_time`, one by one, as are all lines without PCRE2, and those in the hour that occurs twice.
The times are the same either way; a property test checks that.
"""

import functools
import io
import re
from collections.abc import Iterable
from datetime import tzinfo
from itertools import accumulate
from operator import add
from typing import Final, NamedTuple, cast

from logbus.eventtime.days import DAY_US, SECOND_US
from logbus.eventtime.following import EARLIEST_US, FUTURE_US, event_time
from logbus.eventtime.frequent import ADDED, NO_TIME_BYTES, docker_times, stamps, stamps_of_texts
from logbus.eventtime.reading import TimeRules
from logbus.eventtime.spellings import second_of_iso
from logbus.eventtime.stamps import stamp_at
from logbus.eventtime.zones import is_ambiguous, stated_offset_us, utc_us
from logbus.severity import container_lines

_MOST_BYTES: Final = 64
"""Of the texts of a line."""
_REMEMBERED: Final = 1 << 14
_SIX: Final = 6
_NO_TIME: Final = re.compile(rb"(?m)^.$")
_ZEROS: Final = b"000000"
_PLACES: Final = {10: SECOND_US, 13: 1_000, 16: 1}
"""Digits of a number since 1970 -> what it is multiplied by; nanoseconds are divided."""
_YEAR_DIGITS: Final = 4
_SECOND_BYTES: Final = 19
_BEHIND: Final = b" INFO "
"""What makes a stamp by itself the beginning of a line."""


class Columns(NamedTuple):
    """For each line, the second that it states, with its zone, and six digits of its fraction."""

    seconds: list[bytes]
    fractions: list[bytes]


class Stated(NamedTuple):
    """The second and the fraction that each line states, as texts, and the microseconds since 1970 of each second."""

    seconds: list[bytes]
    fractions: list[bytes]
    known_us: dict[bytes, int]

    def times_us(self) -> list[int]:
        """Return the time of each line."""
        return list(map(add, map(self.known_us.__getitem__, self.seconds), map(int, self.fractions)))


@functools.lru_cache(8)
def _seconds(zone: tzinfo, read_day: int) -> "_Seconds":
    return _Seconds(zone, read_day)


class _Seconds(dict[bytes, int | None]):
    """The text of a second, with its zone -> microseconds since 1970 in UTC; None for what is read one by one."""

    def __init__(self, zone: tzinfo, read_day: int) -> None:
        super().__init__()
        self._zone = zone
        self._read_day = read_day

    def __missing__(self, text: bytes) -> int | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        is_time = len(text) > NO_TIME_BYTES
        found = self[text] = _second_us(text, self._zone, self._read_day) if is_time else None
        return found


def _second_us(text: bytes, zone: tzinfo, read_day: int) -> int | None:
    if text.isdigit():
        return int(text) * _PLACES[len(text)] if len(text) in _PLACES else int(text) // 1_000
    if text[:_YEAR_DIGITS].isdigit() and len(text) >= _SECOND_BYTES:
        second, offset = second_of_iso(text[:_SECOND_BYTES]), text[_SECOND_BYTES:]
        local_us = None if second is None else second * SECOND_US
        offset_us = stated_offset_us(offset) if offset else None
        if offset and offset_us is None:
            return None
    else:
        stamp = stamp_at(text + _BEHIND, 0, read_day)
        local_us, offset_us = (stamp.local_us, stamp.offset_us) if stamp and stamp.end == len(text) else (None, None)
    if local_us is None or offset_us is not None:
        return None if local_us is None or offset_us is None else local_us - offset_us
    return None if is_ambiguous(local_us, zone) else utc_us(local_us, zone)


def event_times_us(body: bytes, lines: int, rules: TimeRules, previous_us: int | None = None) -> list[int]:
    """Return the event time of each of the `lines` lines of a file, in microseconds since 1970 in UTC.

    `previous_us` is that of the line before them, None if unknown.
    """
    found = event_clocks(body, lines, rules, previous_us)
    return found.times_us() if isinstance(found, Stated) else found


def event_clocks(body: bytes, lines: int, rules: TimeRules, previous_us: int | None = None) -> Stated | list[int]:
    """Return the same, but where each line states its time, only what they state: no number is made for any."""
    columns = _columns_of(body, lines, rules)
    return _all_stated(columns, rules) or _times(io.BytesIO(body), columns, rules, previous_us)


def times_of_records(
    body: bytes, records: Iterable[bytes], rules: TimeRules, previous_us: int | None = None
) -> list[int]:
    """Return the same for records of any number of lines, which are `body` together; an empty one inherits."""
    each = list(records)
    if not each:
        return []
    columns = _columns_of(body, body.count(b"\n") + 1, rules)
    firsts = list(accumulate((record.count(b"\n") for record in each[:-1]), initial=0))
    seconds = [_of_first(columns.seconds[line], record) for record, line in zip(each, firsts, strict=True)]
    return _times(each, Columns(seconds, [columns.fractions[line] for line in firsts]), rules, previous_us)


def read_by_themselves(body: bytes, lines: int, rules: TimeRules) -> int:
    """Return how many lines the frequent patterns do not know."""
    return _columns_of(body, lines, rules).seconds.count(b"")


def _of_first(second: bytes, record: bytes) -> bytes:
    """Return what the first line of a record says of it; nothing if a later line may state the time."""
    if record and b"\n" not in record[:-1]:
        return second
    return second if record and len(second) != NO_TIME_BYTES and b" std" not in record[:64] else b""


def _columns_of(body: bytes, lines: int, rules: TimeRules) -> Columns:
    """Return what the frequent patterns say of each line."""
    told = None if rules.key or rules.format else _told(body, lines)
    both = told.split(b"\n")[:-1] if told else []
    both += [b"", _ZEROS] * (lines - len(both) // 2 if len(both) // 2 + 1 >= lines else 0)
    if len(both) != 2 * lines:
        return Columns([b""] * lines, [_ZEROS] * lines)
    return Columns(both[::2], _six_each(both[1::2]))


def _told(body: bytes, lines: int) -> bytes | None:
    most_bytes = _MOST_BYTES * (lines + 1)
    texts = container_lines.texts(body)
    if texts is None:
        return stamps().of(body, most_bytes)
    inner = stamps_of_texts().of(texts, most_bytes)
    if inner is None or not _NO_TIME.search(inner):
        return inner
    own = docker_times().of(body, most_bytes)
    return own and _either(inner.split(b"\n"), own.split(b"\n"))


def _either(inner: list[bytes], own: list[bytes]) -> bytes:
    """Return what the texts in Docker's lines say, or else what Docker says of these."""
    for at in range(0, len(inner) - 1, 2):
        if len(inner[at]) == NO_TIME_BYTES:
            inner[at : at + 2] = own[at : at + 2]
    return b"\n".join(inner)


def _six_each(fractions: list[bytes]) -> list[bytes]:
    """Return six digits for each fraction, to which some were added."""
    sizes = set(map(len, fractions))
    if sizes == {_SIX}:
        return fractions
    if min(sizes, default=0) > _SIX:
        return [each[:_SIX] for each in fractions]
    return [_ZEROS] * len(fractions) if sizes == {len(ADDED)} else [(each + _ZEROS)[:_SIX] for each in fractions]


def _all_stated(columns: Columns, rules: TimeRules) -> Stated | None:
    """Return what the lines state; None unless each states a time, which is to be believed."""
    known = _seconds(rules.zone, rules.read_at_us // DAY_US)
    told = {text: known[text] for text in set(columns.seconds)}
    if not told or None in told.values():
        return None
    found = cast("dict[bytes, int]", told)
    latest_us = rules.read_at_us + FUTURE_US - SECOND_US
    is_believed = min(found.values()) >= EARLIEST_US and max(found.values()) <= latest_us
    return Stated(*columns, found) if is_believed else None


def _times(lines: Iterable[bytes], columns: Columns, rules: TimeRules, previous_us: int | None) -> list[int]:
    seconds, latest_us = _seconds(rules.zone, rules.read_at_us // DAY_US), rules.read_at_us + FUTURE_US
    found: list[int] = []
    for line, second, fraction in zip(lines, *columns, strict=True):
        time_us = seconds[second]
        if time_us is not None:
            time_us += int(fraction)
            if EARLIEST_US <= time_us <= latest_us:
                previous_us = time_us
        elif len(second) != NO_TIME_BYTES and line != b"\n":  # an empty line has no character to tell that
            one = event_time(line, rules, previous_us)
            previous_us = one.time_us if one.why != "read" else previous_us
            found.append(one.time_us)
            continue
        found.append(rules.read_at_us if previous_us is None else previous_us)
    return found
