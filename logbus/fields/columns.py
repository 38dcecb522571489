"""The columns of a line of text: the first format that matches says what they are, and where the message begins."""

import functools
import re
from typing import Final, NamedTuple

from logbus.decoding import decoded
from logbus.fields import syslog
from logbus.fields.formats import beginning_with
from logbus.fields.pairs import pairs_in
from logbus.fields.parsed import Value
from logbus.fields.parts import STAMP, Layout
from logbus.fields.stamped import BARE, STAMPED
from logbus.severity.columns import BLANKS
from logbus.severity.words import either, maybe, repeated

LINE_MAX_BYTES: Final = 1 << 17
"""This much of a record is searched for columns."""
_NOTHING: Final = frozenset([b"", b"-", b'"-"'])
"""How a column says that it has no value."""
_LEADING: Final = frozenset(b"\xef \t\x1b")
_WRAPPER: Final = either(
    rb"(?P<container>[A-Za-z][\w.-]{0,62}) {1,40}\| " + BLANKS,
    rb"\[pod/(?P<pod>[\w./-]{1,200})\] ",
    rb"(?P<file>[\w.:/-]{1,128}\.log[\w.:-]{0,64}) (?=[0-9]{4}-[0-9]{2}-)",
)
"""What docker compose and kubectl write before a container's line, and what searches in files do."""


class Columns(NamedTuple):
    """The format of a record, the fields in its columns, and where its message begins."""

    format: str
    fields: dict[str, Value]
    message_at: int


def columns_of(record: bytes) -> Columns | None:
    """Return what the columns at the beginning of a record say; None if there are none."""
    at = lead_end(record)
    wrapper = _wrapper().pattern.match(record, at)
    found = _columns_at(record, wrapper.end() if wrapper else at)
    if not wrapper:
        return found
    if not found:
        return Columns(BARE, _fields(_wrapper(), wrapper), wrapper.end())
    return found._replace(fields=_fields(_wrapper(), wrapper) | found.fields)


def lead_end(record: bytes) -> int:
    """Return where a record begins behind a byte order mark, blanks and colours."""
    if not record or record[0] not in _LEADING:
        return 0
    lead = _lead().match(record, 0, LINE_MAX_BYTES)
    return lead.end() if lead else 0


def _columns_at(record: bytes, at: int) -> Columns | None:
    if at >= min(len(record), LINE_MAX_BYTES):
        return None
    for layout in beginning_with(record[at]):
        if found := layout.pattern.match(record, at, LINE_MAX_BYTES):
            return _columns(layout, found)
    stamp = _stamp().match(record, at, LINE_MAX_BYTES)
    if not stamp:
        return None
    for layout in _stamped():
        if found := layout.pattern.match(record, stamp.end(), LINE_MAX_BYTES):
            return _columns(layout, found)
    return None


def _columns(layout: Layout, found: re.Match[bytes]) -> Columns:
    fields = _fields(layout, found)
    at = found.start(layout.message) if layout.message else found.end()
    if layout.format == "nginx":
        fields = fields | _trailing(found.string[at:LINE_MAX_BYTES])
    return Columns(layout.format, fields, at)


def _fields(layout: Layout, found: re.Match[bytes]) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for name, value in zip(layout.fields, found.groups(), strict=True):
        if value is None or value in _NOTHING:
            continue
        if name == "data":
            fields |= {decoded(key): decoded(each) for key, each in syslog.parameters(value)}
        elif name == "pairs":
            fields |= pairs_in(value) or {}
        else:
            fields[name] = decoded(value).strip(" ")
    return fields


def _trailing(message: bytes) -> dict[str, Value]:
    """Return the pairs at the end of nginx's messages, `, client: 192.0.2.1, server: ...`."""
    at = message.rfind(b", client: ")
    found = _nginx_pairs().fullmatch(message, at) if at >= 0 else None
    if not found:
        return {}
    return {decoded(key): decoded(value.strip(b'"')) for key, value in _nginx_pair().findall(found[0])}


_PAIR: Final = rb", (client|server|request|subrequest|upstream|host|referrer|login): "
_PAIR_VALUE: Final = rb'("[^"\n]*+"|[^,"\n]*+)'


@functools.cache
def _nginx_pair() -> re.Pattern[bytes]:
    return re.compile(_PAIR + _PAIR_VALUE)


@functools.cache
def _nginx_pairs() -> re.Pattern[bytes]:
    return re.compile(repeated(_PAIR + _PAIR_VALUE, b"+"))


@functools.cache
def _lead() -> re.Pattern[bytes]:
    return re.compile(maybe(rb"\xef\xbb\xbf") + BLANKS)


@functools.cache
def _wrapper() -> Layout:
    return Layout.of("wrapper", _WRAPPER)


@functools.cache
def _stamp() -> re.Pattern[bytes]:
    return re.compile(either(rb"\[ *+(?:" + STAMP + rb")(?:\]|(?= [A-Z]))", STAMP))


@functools.cache
def _stamped() -> tuple[Layout, ...]:
    return tuple(Layout.of(name, pattern) for name, pattern in STAMPED)
