r"""Shows what was found: as lines for people, as JSON objects, or as the bytes alone.

    2026-11-24 10:04:05.123 err     web-1 app  the text

Whatever a record or a file's name holds, nothing reaches a terminal that it would obey.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from logbus.decoding import decoded
from sinks.event_times import clocks
from sinks.printable import inert_json, printable, printable_word
from sinks.search.asking import Found, Source
from sinks.search.layouts import Said, layout_of, severity_of
from sinks.search.matching import Matcher

_RESET: Final = b"\x1b[0m"
_MATCH: Final = b"\x1b[1;7m"
_DIM: Final = b"\x1b[2m"
_COLOURS: Final = {
    0: b"\x1b[1;37;41m",
    1: b"\x1b[1;31m",
    2: b"\x1b[1;31m",
    3: b"\x1b[31m",
    4: b"\x1b[33m",
    5: b"\x1b[36m",
}
_CONTINUED: Final = b"\n" + b" " * 24
_BREAK: Final = b"--\n"
_START: Final = datetime(1970, 1, 1, tzinfo=None)  # noqa: DTZ001 - of the zone that is shown

Show = Callable[[Found], bytes]
"""Returns what to write for a record."""


class Look(Struct, frozen=True):
    """How records are shown: the `zone` of times, and in colour with what `matcher` matches highlighted."""

    zone: tzinfo
    colour: bool = False
    matcher: Matcher | None = None


def said(found: Found, source: Source) -> Said:
    """Return what a record says, with the host and label that its file's path tells."""
    inner = layout_of(source.layout, found.data).said(found.data)
    host, label, path = (value or source.told.get(name, "") for name, value in _names(inner).items())
    return Said(inner.message, host, label, path, inner.fields)


def _names(inner: Said) -> Mapping[str, str]:
    return {"host": inner.host, "label": inner.label, "path": inner.path}


def raw(*, inert: bool) -> Show:
    """Return what shows the bytes of a record, and adds a newline that it lacks; `inert` on a terminal."""

    def show(found: Found) -> bytes:
        data = found.data if found.data.endswith(b"\n") else found.data + b"\n"
        return printable(data) if inert else data

    return show


def as_json(sources: Sequence[Source]) -> Show:
    """Return what shows a record as an object: where it is, when, how severe, and its message."""

    def show(found: Found) -> bytes:
        source = sources[found.source]
        what = said(found, source)
        [clock] = clocks([found.time_us])
        place: dict[str, object] = {
            "file": decoded(os.fsencode(source.path)),
            **({"line": found.line} if found.line else {}),
            "offset": found.offset,
            "time": clock.decode(),
            "severity": severity_of(found.digit).word,
            "message": decoded(what.message.removesuffix(b"\n").removesuffix(b"\r")),
        }
        place |= {name: value for name, value in _names(what).items() if value}
        place |= {} if found.is_hit else {"context": True}
        return inert_json(msgspec.json.encode(place).decode()).encode() + b"\n"

    return show


def as_text(sources: Sequence[Source], look: Look, *, near: bool = False) -> Show:
    """Return what shows a record as text; `near`: with a line between those that are not neighbours."""
    last: list[tuple[int, int]] = []

    def show(found: Found) -> bytes:
        source = sources[found.source]
        what = said(found, source)
        where = (
            f"{what.host} {what.label}"
            if what.host and what.label
            else f"{source.path}:{found.line or ''}".removesuffix(":")
        )
        text = _text(what.message, look) if found.is_hit else printable(what.message)
        lines = text.removesuffix(b"\n").replace(b"\n", _CONTINUED)
        begin = _clock(found.time_us // 1000, look.zone) + b" " + _word(found.digit, look)
        apart = near and bool(last) and last[0] != (found.source, found.offset)
        last[:] = [(found.source, found.offset + len(found.data))]
        return (_BREAK if apart else b"") + begin + b" " + _where(where, look) + b"  " + lines + b"\n"

    return show


def _text(message: bytes, look: Look) -> bytes:
    """Return a message as printable text, with its matches highlighted in colour."""
    if not (look.colour and look.matcher):
        return printable(message)
    shown, at = [], 0
    for start, end in look.matcher.spans(message):
        shown += [printable(message[at:start]), _MATCH, printable(message[start:end]), _RESET]
        at = end
    return b"".join([*shown, printable(message[at:])])


def _word(digit: int, look: Look) -> bytes:
    severity = severity_of(digit)
    colour = _COLOURS.get(severity, b"") if look.colour else b""
    return colour + b"%-7b" % severity.word.encode() + (_RESET if colour else b"")


def _where(where: str, look: Look) -> bytes:
    return _DIM + printable_word(where) + _RESET if look.colour else printable_word(where)


@lru_cache(1024)
def _clock(time_ms: int, zone: tzinfo) -> bytes:
    moment = local(time_ms * 1000, zone)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}".encode()


def local(time_us: int, zone: tzinfo) -> datetime:
    """Return a time in a zone; beyond what can be told, the nearest that can."""
    try:
        moment = _START.replace(tzinfo=zone) + timedelta(0)
        return datetime.fromtimestamp(time_us // 1_000_000, moment.tzinfo) + timedelta(microseconds=time_us % 1_000_000)
    except (ValueError, OverflowError, OSError):
        return _START.replace(tzinfo=zone)
