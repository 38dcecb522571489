"""The stamp of a record in plain text: at its beginning, or behind columns such as a host, a level or a number.

A sentence may mention a time that is not the record's: three words in a row end the search, as do two at the beginning
of a record; in a record that begins with a number, four do. At most `_COLUMNS_MAX` columns are looked at, each of
bounded length.
"""

import re
from typing import Final

import msgspec

from logbus.eventtime.days import DAY_US
from logbus.eventtime.epochs import IN_TEXT, micros_of, unit_of
from logbus.eventtime.spellings import BY_FIRST_BYTE, ISO
from logbus.eventtime.zones import stated_offset_us


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """A stamp: its local time in microseconds since 1970, its offset from UTC if it states one, and its spelling."""

    local_us: int
    offset_us: int | None
    spelling: str
    start: int
    end: int


_COLUMNS_MAX: Final = 8
_WORDS_MAX: Final = 2
_WORDS_BEHIND_NUMBER_MAX: Final = 3
_LEAD: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]{1,64}|\x1b\[[0-9;]{0,12}m){0,16}")
_LEADING: Final = frozenset(b"\xef \t\x1b")
_OPENING: Final = frozenset(b"[(<{\"'#|*.")
_OPENERS: Final = re.compile(
    rb"<[0-9]{1,3}>(?:1 )?(?=[0-9A-Z])"
    rb"|[\[(<{\"'#|*.]{1,6} {0,6}(?=[0-9A-Z])(?:[A-Z] (?=[0-9]{4}-)|[A-Z]{2,5} (?=[A-Z][a-z]{2} ))?"
    rb"|[A-Z], \[(?=[0-9])|msg=audit\((?=[0-9])"
)
"""What may stand right before a stamp. Jupyter has a letter behind a bracket, monit a zone, Linux's audit a word."""
_COLUMN: Final = re.compile(
    rb"(?:\[[^\[\]\n]{0,128}\]|\([^()\n]{0,128}\)|<[^<>\n]{0,128}>"
    rb"|(?P<word>[A-Za-z][a-z]{1,40}(?=[ \t]))|[^\s\[]{1,200})"
    rb"(?:[ \t:|,-]|\x1b\[[0-9;]{0,12}m){0,40}"
)
_ACCESS: Final = re.compile(rb"[^ \[\n]{1,255} [^ \[\n]{1,255} [^\[\n]{1,255}\[(?=[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:)")
"""The columns of an access log, up to its time."""


def stamp_in(record: bytes, read_us: int) -> Stamp | None:
    """Return the stamp of a record, which was read at `read_us`."""
    read_day = read_us // DAY_US
    if not record:
        return None
    at = 0
    first = record[0]
    if first in _LEADING and (lead := _LEAD.match(record)):
        at = lead.end()
        if at == len(record):
            return None
        first = record[at]
    if first not in _OPENING:
        if found := stamp_at(record, at, read_day):
            return found
        if ISO[0].pattern.match(record, at):  # an impossible time: what is behind it is not the record's
            return None
        if columns := _ACCESS.match(record, at):
            return stamp_at(record, columns.end(), read_day)
    return _behind_columns(record, at, read_day)


def stamp_at(record: bytes, at: int, read_day: int) -> Stamp | None:
    """Return the stamp that begins at `at`."""
    if at >= len(record):
        return None
    for spelling in BY_FIRST_BYTE[record[at]]:
        if found := spelling.pattern.match(record, at):
            us = spelling.read(found, read_day)
            if us is None:
                return None
            zone = found["zone"]
            if not zone:
                return Stamp(us, None, spelling.name, at, found.end())
            offset = stated_offset_us(zone)
            return None if offset is None else Stamp(us, offset, spelling.name, at, found.end())
    return _epoch_at(record, at)


def _epoch_at(record: bytes, at: int) -> Stamp | None:
    found = IN_TEXT.match(record, at)
    unit = unit_of(found[2]) if found else None
    if not found or not unit:
        return None
    return Stamp(micros_of(found, unit), 0, unit, at, found.end())


def _behind_columns(record: bytes, at: int, read_day: int) -> Stamp | None:
    words = 0
    words_max = _WORDS_BEHIND_NUMBER_MAX if record[at : at + 1].isdigit() else _WORDS_MAX
    for number in range(_COLUMNS_MAX):
        if opener := _OPENERS.match(record, at):
            found = stamp_at(record, opener.end(), read_day)
            if found:
                return found
        if number and (found := stamp_at(record, at, read_day)):
            return found
        column = _COLUMN.match(record, at)
        if not column:
            return None
        is_word = column["word"] is not None
        words = words + 1 + (number == 0) if is_word else 0
        if words > words_max:
            return None
        at = column.end()
    return None
