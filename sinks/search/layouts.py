"""How the records stand in a file: as their program wrote them, or as a file sink wrapped them (prefix, json).

Each line has a code, as in `logbus.traces`: a digit or a letter from a to h begins a record of that severity.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from logbus.eventtime import TimeRules, event_time, event_times_us, time_of, times_of_records
from logbus.native import newlines
from logbus.severity import PIECE, SILENT_ERR, Severity, container_lines, marked, severity_of_word, stated
from logbus.traces import coded, kinds

UNSTATED_DIGIT: Final = ord(f"{Severity.INFO:d}")
_ERROR: Final = b"%d" % Severity.ERR
_CONTINUES: Final = ord("k")
_LOCK: Final = threading.Lock()
"""The library that classifies lines has one place for its results."""
_WORDS: Final = b"|".join(each.word.encode() for each in Severity)
_PREFIX: Final = re.compile(
    rb"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z ([^ \n]+) ([^ \n]+) (" + _WORDS + rb") ", re.ASCII
)
_CODE: Final = re.compile(rb"(?m)^(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [^ \n]+ [^ \n]+ (" + _WORDS + rb") )?")
_LETTERS: Final = {each.word.encode(): b"abcdefgh"[each : each + 1] for each in Severity} | {b"": b"k"}
_OBJECT: Final = re.compile(rb'\{"host":"[^\n]*"severity":"(?:' + _WORDS + rb')","message":"[^\n]*"event_time":"')


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a wrapped record says besides its text; "" for what is not known. `fields`: the shipper's."""

    message: bytes
    host: str = ""
    label: str = ""
    path: str = ""
    fields: Mapping[str, str] = {}


class Layout(Protocol):
    """A way in which records stand in a file."""

    def codes(self, body: bytes) -> bytes:
        """Return a code for each line."""

    def said(self, record: bytes) -> Said:
        """Return what a record says."""

    def stated_us(self, record: bytes, rules: TimeRules, previous_us: int | None) -> int | None:
        """Return the time that a record states, in microseconds since 1970; None if it is not to be believed."""

    def times_us(
        self, body: bytes, starts: Sequence[int], rules: TimeRules, previous_us: int | None
    ) -> Sequence[int] | None:
        """Return the event times of all records of a body, which begin at `starts`; None if one by one is as fast."""


class Raw(Struct, frozen=True):
    """Bytes as a program wrote them."""

    def codes(self, body: bytes) -> bytes:
        """Return the codes, by severities and the grammar of stack traces. A container's text in pieces is a record."""
        with _LOCK:
            marks = marked(body)
            has_pieces = PIECE in marks
            codes = coded(stated(body) if has_pieces else marks.replace(SILENT_ERR, _ERROR), kinds()(body))
        return container_lines.joined(body, codes, _CONTINUES) if has_pieces else codes

    def said(self, record: bytes) -> Said:
        """Return the record as its own message."""
        return Said(record)

    def stated_us(self, record: bytes, rules: TimeRules, previous_us: int | None) -> int | None:
        """Return the stated time."""
        found = event_time(record, rules, previous_us)
        return found.time_us if found.why == "stated" else None

    def times_us(
        self, body: bytes, starts: Sequence[int], rules: TimeRules, previous_us: int | None
    ) -> Sequence[int] | None:
        """Return the event times, all at once."""
        records = (body[start:end] for start, end in pairwise(starts))
        with _LOCK:
            if newlines.count(body) + (not body.endswith(b"\n")) == len(starts) - 1:
                return event_times_us(body, len(starts) - 1, rules, previous_us)
            return times_of_records(body, records, rules, previous_us)


class Prefixed(Raw, frozen=True):
    """Records behind time, host, label and severity; further lines of a record have no prefix."""

    def codes(self, body: bytes) -> bytes:
        """Return the codes, by the prefixes."""
        lines = _CODE.findall(body)
        return b"".join(map(_LETTERS.__getitem__, lines[: len(lines) - body.endswith(b"\n")]))

    def said(self, record: bytes) -> Said:
        """Return what the prefix says."""
        found = _PREFIX.match(record)
        if not found:
            return Said(record)
        host, label = (found[group].decode(errors="backslashreplace") for group in (1, 2))
        return Said(record[found.end() :], host, label)


class _Object(msgspec.Struct):
    severity: str = ""
    message: str = ""
    event_time: str = ""
    host: str = ""
    label: str = ""
    path: str = ""
    fields: dict[str, str] = {}


_decoder: Final = msgspec.json.Decoder(_Object)
_NO_OBJECT: Final = _Object()


class Objects(Struct, frozen=True):
    """JSON objects, one a line."""

    def codes(self, body: bytes) -> bytes:
        """Return the codes, by the objects' severities; `S` for a line that is no such object."""
        lines = body.removesuffix(b"\n").split(b"\n")
        return b"".join([_LETTERS.get(_object(line).severity.encode() or b"-", b"S") for line in lines])

    def said(self, record: bytes) -> Said:
        """Return what the object says."""
        found = _object(record)
        if found is _NO_OBJECT:
            return Said(record)
        return Said(found.message.encode(errors="replace"), found.host, found.label, found.path, found.fields)

    def stated_us(self, record: bytes, rules: TimeRules, previous_us: int | None) -> int | None:  # noqa: ARG002 - as of the others
        """Return the object's event time."""
        text = _object(record).event_time
        return time_of(text, rules.zone) if text else None

    def times_us(
        self, body: bytes, starts: Sequence[int], rules: TimeRules, previous_us: int | None
    ) -> Sequence[int] | None:
        """Return None: each object is read by itself."""


def _object(line: bytes) -> _Object:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_OBJECT


RAW: Final = Raw()
_BY_NAME: Final[dict[str, Layout]] = {"raw": RAW, "prefix": Prefixed(), "json": Objects()}


def layout_of(name: str, beginning: bytes) -> Layout:
    """Return the layout with the name of a sink's format; without one, what the first line looks like."""
    if name:
        return _BY_NAME[name]
    if _OBJECT.match(beginning):
        return _BY_NAME["json"]
    return _BY_NAME["prefix" if _PREFIX.match(beginning) else "raw"]


def severity_of(digit: int) -> Severity:
    """Return the severity of a digit."""
    return Severity(digit - ord("0"))


assert all(severity_of_word(word) is not None for word in _LETTERS if word)  # noqa: S101 - one spelling everywhere
