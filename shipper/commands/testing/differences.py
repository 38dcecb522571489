"""A record as `logbus-shipper test` shows it, and how it differs from what a configuration's tests expect."""

from collections.abc import Iterator

from msgspec import Struct

from logbus import eventtime
from logbus.decoding import decoded
from logbus.errors import counted
from logbus.eventtime import TimeRules, time_of
from logbus.fields import Parsed, parse, text_of, value_at
from logbus.severity import Severity, parse_severity
from shipper.expectations import Expected


class Timed(Struct, frozen=True):
    """A record's event time, in microseconds since 1970, and where it comes from; None is when the record is read."""

    time_us: int | None
    why: str

    def __str__(self) -> str:
        return f"time {'as read' if self.time_us is None else eventtime.text_of(self.time_us)}: {self.why}"


class Shown(Struct, frozen=True):
    """One record: its place (bytes; lines from 1), what is published, at which level (a digit), and why; its time."""

    offset: int
    line: int
    lines: int
    body: bytes
    level: int
    why: str
    notes: tuple[str, ...]
    time: Timed | None = None

    @property
    def severity(self) -> Severity:
        """The record's severity."""
        return Severity(self.level - ord("0"))


def differences(each: Shown, expected: Expected) -> Iterator[str]:
    """Yield how a record differs from what is expected, but for its time."""
    text = each.body.removesuffix(b"\n").decode(errors="backslashreplace")
    if expected.severity and each.severity != parse_severity(expected.severity):
        yield f"it is {each.severity.word}, not {expected.severity} ({each.why})"
    if expected.dropped == bool(each.body):
        yield "it is not dropped" if expected.dropped else f"it is {'; '.join(each.notes)}"
    elif expected.text not in (None, text):
        yield f"its text is {text!r}"
    elif expected.contains not in text:
        yield f"its text is {text!r}, without {expected.contains!r}"
    if expected.lines not in (None, each.lines):
        yield f"it has {counted(each.lines, 'line')}, not {expected.lines}"
    if each.body and (expected.message is not None or expected.fields):
        yield from _unlike(parse(each.body), expected)


def _unlike(found: Parsed, expected: Expected) -> Iterator[str]:
    message = decoded(found.message)
    if expected.message not in (None, message):
        yield f"its message is {message!r}"
    for name, text in expected.fields.items():
        value = value_at(found.fields, name)
        if value is None:
            yield f"it has no field {name}"
        elif text_of(value) != text:
            yield f"its field {name} is {text_of(value)!r}, not {text!r}"


def time_flaw(each: Shown, expected: Expected, rules: TimeRules | None) -> str:
    """Return how a record's time differs from the expected one; "" if it does not."""
    if not each.time or not rules:
        return f"it has no time, with time: off, not {expected.time}"
    if each.time.time_us == time_of(expected.time, rules.zone):
        return ""
    return f"its {each.time}, not {expected.time}"
