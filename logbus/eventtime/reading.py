"""The time that a record states: where it stands depends on how the record is written."""

import re
from datetime import tzinfo
from typing import Final

import msgspec
from msgspec import Struct

from logbus.errors import UsageError
from logbus.eventtime.custom import compile_format
from logbus.eventtime.days import DAY_US
from logbus.eventtime.keys import notations, prepare_pairs, under_key
from logbus.eventtime.spellings import prepare_spellings
from logbus.eventtime.stamps import Stamp, stamp_at, stamp_in
from logbus.eventtime.zones import utc_us, zone_told
from logbus.severity import container_lines


class TimeRules(Struct, frozen=True):
    """How an input's times are read: the `zone` of times without one, a `key`, a `format`, and when it was read."""

    zone: tzinfo
    key: str | None = None
    format: str | None = None
    read_at_us: int = 0


class Stated(msgspec.Struct, frozen=True, gc=False):
    """The time that a record states, in microseconds since 1970 in UTC, and where it stands.

    `format` is the spelling, `place` is `text`, `json`, `logfmt`, or the wrapper `docker` or `cri`; `start` and `end`
    delimit the stamp in the record. `has_zone`: it states its zone, or needs none.
    """

    time_us: int
    format: str
    place: str
    start: int
    end: int
    has_zone: bool


_DOCKER: Final = b'{"log":"'
_CRI: Final = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:[0-9]{2}) std(?:out|err) [FP] ?")
_CRI_BEHIND: Final = re.compile(rb" std(?:out|err) [FP] ?")
_WRAPPER: Final = "time"
_COOKIE: Final = b"@cee:"
_STAMPED: Final = frozenset(bytes([byte]) for byte in b"0123456789[<")
"""No record with pairs begins so."""
_Placed = tuple[Stamp, str]


def rules_told(zone: str, key: str, form: str, read_at_us: int) -> TimeRules:
    """Return rules that anyone may have written: a zone or a format that means nothing here is left out."""
    try:
        if form:
            compile_format(form)
    except UsageError:
        form = ""
    return TimeRules(zone_told(zone), key or None, form or None, read_at_us)


def prepare(key: str | None, form: str | None) -> None:
    """Compile what an input's records may need, so that none waits for it. Raises UsageError for a format that is none.

    Whoever reads many inputs for a moment, as a search does, leaves it out: what is needed is compiled at first use.
    """
    for each in (key, _WRAPPER):
        prepare_pairs(each)
    if form:
        compile_format(form)
    else:
        prepare_spellings()


def stated_time(record: bytes, rules: TimeRules, previous_us: int | None = None) -> Stated | None:
    """Return the time that a record states, or None.

    `previous_us` is the time of the record before it in its file, which tells the two hours apart that end DST. Of a
    container runtime's line it is the time in the container's text, or else the runtime's own.
    """
    if record.startswith(_DOCKER):
        placed = _in_docker(record, rules)
    elif rules.key or rules.format:
        placed = _in_cri(record, rules)
    else:
        placed = _plain(record, rules)
        if placed and record.startswith(b" std", placed[0].end) and (inner := _CRI_BEHIND.match(record, placed[0].end)):
            placed = _shifted(record, inner.end(), rules) or (placed[0], "cri")
    if not placed:
        return None
    stamp, place = placed
    offset_us = stamp.offset_us
    if offset_us is None:
        time_us = utc_us(stamp.local_us, rules.zone, previous_us)
        return Stated(time_us, stamp.spelling, place, stamp.start, stamp.end, has_zone=False)
    return Stated(stamp.local_us - offset_us, stamp.spelling, place, stamp.start, stamp.end, has_zone=True)


def _in_cri(record: bytes, rules: TimeRules) -> _Placed | None:
    wrapper = _CRI.match(record)
    if not wrapper:
        return _plain(record, rules)
    if inner := _shifted(record, wrapper.end(), rules):
        return inner
    own = stamp_at(record, 0, rules.read_at_us // DAY_US)
    return (own, "cri") if own else None


def _shifted(record: bytes, begin: int, rules: TimeRules) -> _Placed | None:
    """Return the stamp in what a record wraps from `begin` on."""
    placed = _plain(record[begin:], rules)
    if not placed:
        return None
    stamp, place = placed
    return msgspec.structs.replace(stamp, start=stamp.start + begin, end=stamp.end + begin), place


def _in_docker(record: bytes, rules: TimeRules) -> _Placed | None:
    text = container_lines.text(record[: record.find(b"\n") + 1] or record)[1:]
    if placed := _plain(text, rules):
        stamp, place = placed
        start = record.find(text[stamp.start : stamp.end], len(_DOCKER))
        end = start + stamp.end - stamp.start
        where = {"start": start, "end": end} if start >= 0 else {"start": 0, "end": len(record)}
        return msgspec.structs.replace(stamp, **where), place
    own = _under(record, 0, TimeRules(rules.zone, _WRAPPER, None, rules.read_at_us))
    return (own[0], "docker") if own else None


def _plain(record: bytes, rules: TimeRules) -> _Placed | None:
    """Return the stamp of a record that nothing wraps."""
    if rules.key:
        return _under(record, 0, rules)
    if rules.format:
        found = compile_format(rules.format).search(record, rules.read_at_us // DAY_US)
        return (found, "text") if found else None
    first = record[:1]
    if first not in _STAMPED:
        at = max(record.find(b"{", 0, len(_COOKIE) + 2), 0) if first == b"@" else 0
        if placed := _under(record, at, rules):
            return placed
    found = stamp_in(record, rules.read_at_us)
    return (found, "text") if found else None


def _under(record: bytes, at: int, rules: TimeRules) -> _Placed | None:
    form = compile_format(rules.format) if rules.format else None
    for each in notations(record, at, rules.key):
        if found := under_key(record, at, each, form, rules.read_at_us // DAY_US):
            return found, each.name
    return None
