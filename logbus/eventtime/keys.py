"""Times under a key: in JSON objects and logfmt pairs.

Each pair before the key is skipped as a whole, so that no time is read from the text of a message. A key whose value is
no time, such as a duration, is passed over. A date and a time of day under two keys are read together.
"""

import functools
import itertools
import re
from dataclasses import dataclass
from typing import Final

import msgspec

from logbus.eventtime.custom import TimeFormat
from logbus.eventtime.days import SECOND_US, micros
from logbus.eventtime.epochs import NUMBER, micros_of, unit_of
from logbus.eventtime.spellings import second_of_iso
from logbus.eventtime.stamps import Stamp, stamp_at
from logbus.eventtime.zones import stated_offset_us
from logbus.severity.key_levels import PLAIN, STRING, Quoting
from logbus.severity.words import either, maybe, repeated

USUAL_KEYS: Final = (
    rb"(?:(?:[Tt](?i:ime(?:_?stamp)?(?:_?(?:utc|ms|millis|us|micros|ns|nanos))?|ime_?(?:local|iso8601|unix_?nano|created|generated)|s|)"
    rb"|@(?:[Tt](?i:imestamp|s|ime|))|[Dd](?i:ate(?:_?time)?|t)|[Ee](?i:vent_?time(?:_?stamp)?|poch)|[Aa](?i:sctime)"
    rb"|[Ll](?i:og_?time)|[Rr](?:equestReceivedTimestamp)|_SOURCE_REALTIME_TIMESTAMP"
    rb"|__REALTIME_TIMESTAMP))"
)
"""The usual keys. `t`: log15, MongoDB; `@t`: Serilog; `ts`: zap, go-kit; `timeMillis`: log4j; `timeUnixNano`:
OpenTelemetry; `asctime`: Python; `time_local`, `time_iso8601`: nginx; `TimeCreated`: Windows; `eventTime`: CloudTrail;
`requestReceivedTimestamp`: Kubernetes' audit. Not `start` or `created_at`: what began then may be logged much later."""
_USUAL_INITIALS: Final = rb"Tt@DdEeAaLlRr_"
_GAP: Final = rb"[ \t\r\n]*+"
_COLON: Final = _GAP + rb":" + _GAP
_PLAIN: Final = Quoting(rb'"', rb"\\.", rb'"\\\n', rb'"')
_VALUE: Final = _PLAIN.value(4)
_LOGFMT_VALUE: Final = either(STRING, rb'[^\s"]*+')
_BEGINS: Final = rb"(?=[0-9A-Z-])"
_OPENED: Final = maybe(rb"\{" + _GAP + rb'"\$date"' + _COLON) + rb'"?' + _BEGINS
_MARK: Final = rb"(?P<value>)"
"""Where a value begins, whatever of it is skipped to get to the time."""
_USUAL_STAMP: Final = (
    rb"(?:(?P<second>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?"
    rb'(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})(?![^",}\s]))?'
)
"""What most loggers write, taken in the same step."""
_TRIES: Final = 8
_WITHIN: Final = 1 << 17
"""So many bytes of a record are searched: a pattern keeps some state for each pair."""
_DASHES: Final = frozenset([b"-", b"/"])
"""A date has one behind its year."""
_PAIR: Final = re.compile(rb"[A-Za-z_@][\w.@/-]{0,63}+=")
_DATE: Final = re.compile(rb"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?=[\"\s,}]|$)")
_TIME: Final = re.compile(rb"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?=[\"\s,}]|$)")


@dataclass(frozen=True)
class Notation:
    """How pairs are written: from a pair to the next wanted value, and over that value; compiled when first needed."""

    name: str
    to_value: bytes
    over_value: bytes

    @functools.cached_property
    def find(self) -> re.Pattern[bytes]:
        """The pattern from a pair to the next wanted value."""
        return re.compile(self.to_value)

    @functools.cached_property
    def skip(self) -> re.Pattern[bytes]:
        """The pattern over that value, up to the next pair."""
        return re.compile(self.over_value)


def _pairs(stop: bytes, initials: bytes) -> bytes:
    """Return a pattern over the pairs of a JSON object before the first whose key and value match `stop`."""
    rest = rb'[^"\\]*+' + repeated(rb'\\.[^"\\]*+', b"*") + rb'"'
    key = rb'"(?:(?=[^' + initials + rb"])|(?!" + stop + rb"))" + rest
    return repeated(key + _COLON + _VALUE + _GAP + rb"," + _GAP, b"*") + rb'"'


def _json(path: list[bytes], initials: bytes) -> Notation:
    key = path[-1] + rb'"' + _COLON
    pattern = _pairs(key + _OPENED, initials) + key + _MARK + _OPENED + _USUAL_STAMP
    for outer in reversed(path[:-1]):
        opening = outer + rb'"' + _COLON + rb"\{" + _GAP
        pattern = _pairs(opening, _initial(outer)) + opening + pattern
    return Notation("json", rb"\{?" + _GAP + pattern, _VALUE + _GAP + rb"," + _GAP)


def _initial(key: bytes) -> bytes:
    """Return the first character of an escaped key, for a class."""
    return key[:2] if key[:1] == b"\\" else key[:1]


def _logfmt(keys: bytes, initials: bytes) -> Notation:
    key = rb"(?:(?=[^" + initials + rb"])|(?!" + keys + rb'="?' + _BEGINS + rb"))[\w.@/-]{1,64}+="
    value = _LOGFMT_VALUE
    find = repeated(key + value + rb"[ \t]++", b"*") + keys + rb"=" + _MARK + rb'"?' + _BEGINS + _USUAL_STAMP
    return Notation("logfmt", find, value + rb"[ \t]++")


_USUAL_JSON: Final = (_json([USUAL_KEYS], _USUAL_INITIALS),)
_USUAL_LOGFMT: Final = (_logfmt(USUAL_KEYS, _USUAL_INITIALS),)


@functools.lru_cache(64)
def _of_key(key: str) -> tuple[tuple[Notation, ...], tuple[Notation, ...]]:
    """Return the notations of one key, which may also be a path of keys with dots between them."""
    whole = re.escape(key.encode())
    path = [re.escape(part.encode()) for part in key.split(".")]
    in_json = [_json([whole], _initial(whole))]
    if len(path) > 1 and all(path):
        in_json.append(_json(path, _initial(path[-1])))
    return tuple(in_json), (_logfmt(whole, _initial(whole)),)


def usual_pairs() -> bytes:
    """Return a pattern from the beginning of a line up to the value of the first usual key that may be a time.

    It does not match beyond the line, nor in Docker's, whose text comes first.
    """
    key = USUAL_KEYS + rb'"' + _COLON
    in_json = rb"(?=\{)(?!\{\"log\":\")\{" + _GAP + _pairs(key + _OPENED, _USUAL_INITIALS) + key
    keys = rb"(?:(?=[^" + _USUAL_INITIALS + rb"])|(?!" + USUAL_KEYS + rb'="?' + _BEGINS + rb"))[\w.@/-]{1,64}+="
    in_logfmt = repeated(keys + _LOGFMT_VALUE + rb"[ \t]++", b"*") + USUAL_KEYS + rb"="
    in_line = in_json.replace(_VALUE, PLAIN.value(4)).replace(_GAP, rb"[ \t\r]*+")
    return either(in_line, rb"(?=[A-Za-z_@])" + in_logfmt)


def notations(record: bytes, at: int, key: str | None) -> tuple[Notation, ...]:
    """Return how the pairs of a record may be written, by how it begins at `at`; empty if it has none."""
    in_json, in_logfmt = _of_key(key) if key else (_USUAL_JSON, _USUAL_LOGFMT)
    if record.startswith(b"{", at):
        return in_json
    return in_logfmt if _PAIR.match(record, at) else ()


def prepare_pairs(key: str | None) -> None:
    """Compile the notations of a key, or of the usual ones."""
    for each in itertools.chain.from_iterable(_of_key(key) if key else (_USUAL_JSON, _USUAL_LOGFMT)):
        _ = each.find, each.skip


def under_key(record: bytes, at: int, each: Notation, form: TimeFormat | None, read_day: int) -> Stamp | None:
    """Return the first stamp under a wanted key, in any spelling if there is no format."""
    part: re.Match[bytes] | None = None
    for _ in range(_TRIES):
        found = each.find.match(record, at, _WITHIN)
        if not found:
            return None
        if form is None and (stamp := _usual(found)):
            return stamp
        begin = found.start("second") if found["second"] else found.end()
        if stamp := _value(record, begin, form, read_day):
            return stamp
        if half := (_DATE.match(record, begin) or _TIME.match(record, begin)):
            if part and (stamp := _joined(part, half, form, read_day)):
                return stamp
            part = half
        skipped = each.skip.match(record, found.start("value"), _WITHIN)
        if not skipped:
            return None
        at = skipped.end()
    return None


def _usual(found: re.Match[bytes]) -> Stamp | None:
    second, fraction, zone = found.group("second", "fraction", "zone")
    if second is None:
        return None
    whole, offset_us = second_of_iso(second), stated_offset_us(zone)
    if whole is None or offset_us is None:
        return None
    us = whole * SECOND_US + (micros(fraction) if fraction else 0)
    return Stamp(us, offset_us, "iso", found.start("second"), found.end("zone"))


def _joined(one: re.Match[bytes], other: re.Match[bytes], form: TimeFormat | None, read_day: int) -> Stamp | None:
    """Return the stamp of a date and a time of day under two keys."""
    date, time = (one[0], other[0]) if one.re is _DATE else (other[0], one[0])
    stamp = _value(date + b" " + time, 0, form, read_day)
    return msgspec.structs.replace(stamp, start=one.start(), end=other.end()) if stamp else None


def _value(text: bytes, at: int, form: TimeFormat | None, read_day: int) -> Stamp | None:
    """Return the stamp that a key's value is, in any spelling if there is no format."""
    if form:
        return form.at(text, at, read_day)
    number = None if text[at + 4 : at + 5] in _DASHES else NUMBER.match(text, at)
    if not number:
        return stamp_at(text, at, read_day)
    unit = None if number[1] else unit_of(number[2])
    if unit:
        return Stamp(micros_of(number, unit), 0, unit, at, number.end())
    return stamp_at(text, at, read_day)
