"""Time zones: the host's, those of the IANA database, and what a local time is in UTC."""

import functools
import os
import re
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Final

from logbus.errors import UsageError, did_you_mean
from logbus.eventtime.days import SECOND_US
from logbus.native import descriptors

_LOCALTIME: Final = Path("/etc/localtime")
_STEP_S: Final = 900
_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - of local times
_FIRST_S: Final = int((datetime(1, 1, 2) - _START).total_seconds())  # noqa: DTZ001 - as above
_LAST_S: Final = int((datetime(9999, 12, 30) - _START).total_seconds())  # noqa: DTZ001 - as above
DISORDER_US: Final = 60 * SECOND_US
"""So far may records of a file be out of order before an ambiguous time is taken for the later one."""
_MOST_HOURS: Final = 14
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")


def zone_named(name: str) -> tzinfo:
    """Return the zone with an IANA name such as Europe/Berlin.

    Raises UsageError, with a name that is near, and OSError if no file can be opened now.
    """
    if found := _zone(name):
        return found
    raise UsageError("use the time zone", *_unknown(name))


def _zone(name: str) -> tzinfo | None:
    try:
        return UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        if descriptors.are_lacking(error):
            raise
        return None


def _unknown(name: str) -> tuple[str, str]:
    known = zoneinfo.available_timezones()
    if not known:
        return f"{name!r} cannot be looked up: this host has no time zone database", "install the package tzdata"
    return f"{name!r} is no time zone of the IANA database", did_you_mean(name, known) or "as in Europe/Berlin"


def host_zone() -> tzinfo:
    """Return this host's zone: that of the variable TZ, or else of /etc/localtime, or else UTC.

    Raises as `zone_named` does.
    """
    return zone_of_host(os.environ.get("TZ"))


@functools.lru_cache(8)
def zone_of_host(variable: str | None, localtime: Path = _LOCALTIME) -> tzinfo:
    """Return the zone of a host with this variable TZ and this link to its zone. Raises as `zone_named` does."""
    name = (variable or "").removeprefix(":")
    try:
        if variable is not None:
            return UTC if not name else _zone_in(Path(name)) if name.startswith("/") else zone_named(name)
        return _zone_in(localtime) if localtime.exists() else UTC
    except (UsageError, OSError, ValueError) as error:
        if descriptors.are_lacking(error):
            raise
        where = str(localtime) if variable is None else f"TZ={variable}"
        raise UsageError(
            "find this host's time zone", f"{where} is none of the IANA database", "set timezone:, as in Europe/Berlin"
        ) from error


def _zone_in(file: Path) -> tzinfo:
    name = str(file.resolve()).partition("/zoneinfo/")[2]
    with file.open("rb") as data:
        return zoneinfo.ZoneInfo.from_file(data, key=name or str(file))


def name_of(zone: tzinfo) -> str:
    """Return a zone's name for people."""
    return getattr(zone, "key", None) or str(zone)


def portable_name(zone: tzinfo, at_us: int) -> str:
    """Return a name by which other hosts know a zone: its IANA name, or else its offset at a time, as in +02:00."""
    name = "UTC" if zone is UTC else getattr(zone, "key", None) or ""
    if name and not name.startswith("/"):
        return str(name)
    minutes = _exact_s(zone, at_us // SECOND_US, 0) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@functools.lru_cache(64)
def zone_told(name: str) -> tzinfo:
    """Return the zone of a portable name, which anyone may have written; UTC if this host does not know it.

    Raises OSError if no file can be opened now.
    """
    if found := _OFFSET.fullmatch(name):
        minutes = int(found[2]) * 60 + int(found[3])
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    return _zone(name) or UTC  # without a name that is near: to find that takes 25 ms of whoever is sent such a zone


def utc_us(local_us: int, zone: tzinfo, previous_us: int | None = None) -> int:
    """Return the time in UTC of a local time, both in microseconds since 1970.

    Of an ambiguous time, at the end of DST, it is the first one, unless the record before it, at `previous_us`, shows
    that the file is already past that. A time that the clock skipped is moved on as far as the clock was.
    """
    if zone is UTC:
        return local_us
    second = local_us // SECOND_US
    offset = _offset_s(zone, second // _STEP_S)
    if offset is not None:
        return local_us - offset * SECOND_US
    first = local_us - _exact_s(zone, second, 0) * SECOND_US
    later = local_us - _exact_s(zone, second, 1) * SECOND_US
    is_past = previous_us is not None and previous_us > first + DISORDER_US
    return later if is_past and later > first else first


def is_ambiguous(local_us: int, zone: tzinfo) -> bool:
    """Return True near a change of a zone's offset, where a local time may not say which time it is."""
    return zone is not UTC and _offset_s(zone, local_us // SECOND_US // _STEP_S) is None


@functools.lru_cache(4096)
def _offset_s(zone: tzinfo, step: int) -> int | None:
    """Return a zone's offset during a quarter of an hour of local time; None if it is not the same throughout."""
    ends = (step * _STEP_S, step * _STEP_S + _STEP_S - 1)
    offsets = {_exact_s(zone, second, fold) for second in ends for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def _exact_s(zone: tzinfo, second: int, fold: int) -> int:
    inside = min(max(second, _FIRST_S), _LAST_S)  # a zone has no offset beyond the years of datetime
    local = (_START + timedelta(seconds=inside)).replace(tzinfo=zone, fold=fold)
    offset = local.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


@functools.lru_cache(1024)
def stated_offset_us(text: bytes) -> int | None:
    """Return the offset that a stamp states, as in `Z`, `UTC`, `+01:00`, `+0100` or `+01`; None if it is impossible."""
    digits = text.strip().removeprefix(b"UTC").removeprefix(b"GMT").replace(b":", b"")
    if digits in {b"", b"Z", b"z"}:
        return 0
    hours, minutes = int(digits[1:3]), int(digits[3:5] or b"0")
    if hours > _MOST_HOURS or minutes > 59:  # noqa: PLR2004 - of an hour
        return None
    return (hours * 60 + minutes) * 60 * SECOND_US * (-1 if digits[:1] == b"-" else 1)
