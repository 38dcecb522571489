"""How an input handles records, one by one: what is published of each, at which level and time, and why."""

import functools
import io
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from logbus.eventtime import EventTime, FileClock, TimeRules, name_of, text_of
from logbus.severity import PIECE, UNSTATED, marked
from logbus.severity.formats import FORMATS, Format, line_pattern
from logbus.traces import NOTHING, Before
from shipper.commands.testing.differences import Shown, Timed
from shipper.records.cuts import Bounds
from shipper.records.encoding import encoding_of
from shipper.records.filters import selected
from shipper.records.levels import reader_of
from shipper.records.recorder import Recorder
from shipper.records.redaction import Redactor
from shipper.settings import Input

WINDOW_BYTES = 1 << 20
DEFAULT = "default_severity: no level is stated"


class Place(NamedTuple):
    """Where a record is: its offset, its first line, and the line of the record that it may continue."""

    offset: int
    line: int
    base: int


def examine(entry: Input, data: bytes) -> Iterator[Shown]:
    """Yield each record of `data`, complete and in UTF-8, as if no time passed. Raises UsageError as Recorder does."""
    recorder = Recorder(msgspec.structs.replace(entry, encoding="", newline="lf"))
    rules = entry.times(time.time_ns() // 1000)
    clock = FileClock(rules) if rules else None
    offset, line, base = 0, 1, 1
    before = NOTHING
    while offset < len(data):
        window = data[offset : offset + WINDOW_BYTES]
        last = offset + len(window) == len(data)
        cut = recorder.cut(window, flush=last, final=last)
        sizes = cut.bounds.sizes if cut.bounds else list(map(len, io.BytesIO(window[: cut.end or len(window)])))
        for size in sizes:
            text = data[offset : offset + size]
            shown, before = _examined(entry, recorder, text, Place(offset, line, base), before)
            base = base if shown.why.startswith("inherited") else line
            yield replace(shown, time=_timed(clock.event_time(text), rules)) if rules and clock else shown
            offset, line = offset + size, line + max(1, text.count(b"\n"))


def examine_file(entry: Input, data: bytes) -> Iterator[Shown]:
    """Yield each record of a file with the content `data`."""
    encoding = encoding_of(entry.encoding, entry.newline)
    if not encoding.decodes:
        yield from examine(entry, encoding.swapped(data))
        return
    text = encoding.decode(data)
    for each in examine(entry, text.body):
        yield replace(each, offset=text.file_at(each.offset))


def _examined(entry: Input, recorder: Recorder, text: bytes, place: Place, before: Before) -> tuple[Shown, Before]:
    """Return a record, and what the next one may continue."""
    lines = len(list(io.BytesIO(text)))
    bounds = Bounds([len(text)], [lines], open=False)
    body = recorder.finish(text, bounds, 0.0).body
    alone, _ = recorder.severities(text, bounds, NOTHING)
    level, why = _why(entry, text, place.line, alone)
    digit, after = recorder.severities(text, bounds, before)
    if why == DEFAULT and digit != UNSTATED:
        level, why = digit[0], f"inherited from line {place.base}"
    notes = _redacted(entry, text) if body else [_dropped(entry, text, level)]
    return Shown(place.offset, place.line, lines, body, level, why, tuple(notes)), after


def _timed(found: EventTime, rules: TimeRules) -> Timed:
    """Return a record's event time, and why it is that."""
    if found.stated and not found.disbelieved:
        zone = "" if found.stated.has_zone else f" in {name_of(rules.zone)}"
        place = "" if found.stated.place == "text" else f" in {found.stated.place}"
        return Timed(found.time_us, f"{found.stated.format}{place}{zone}")
    why = f"{text_of(found.stated.time_us)} is not believed" if found.stated else "no time is stated"
    if found.why == "inherited":
        return Timed(found.time_us, f"inherited, {why}")
    return Timed(None, why)


def _why(entry: Input, text: bytes, line: int, digit: bytes) -> tuple[int, str]:
    """Return a record's level, which is `digit`, and where it comes from: the line that states it, and the format."""
    if digit == UNSTATED:
        return ord(f"{entry.severity():d}"), DEFAULT
    number = reader_of(entry.said())(text).find(digit)
    if number < 0 or (entry.unwraps() and PIECE in marked(text)):
        last = line + text.count(b"\n") - 1
        return digit[0], f"stated in line {line}" if last <= line else f"stated in lines {line}-{last} together"
    found = list(io.BytesIO(text))[number]
    name: str = entry.format
    if name != "pattern" and not entry.level_key:
        name = next((each.name for each in FORMATS if _captures(each, found)), name)
    return digit[0], f"stated in line {line + number}, format {name}"


def _captures(each: Format, line: bytes) -> bool:
    return bool(_pattern(each).findall(b"\n" + line)[0])


@functools.cache
def _pattern(each: Format) -> re.Pattern[bytes]:
    return line_pattern([each])


def _dropped(entry: Input, text: bytes, level: int) -> str:
    digits = bytes([level])
    if entry.keep and not any(selected(each, digits, text, [len(text)])[0] for each in entry.keep):
        return "dropped: keep does not select it"
    for number, each in enumerate(entry.drop):
        if selected(each, digits, text, [len(text)])[0]:
            return f"dropped: drop[{number}] selects it"
    return "dropped: beyond rate_limit"


def _redacted(entry: Input, text: bytes) -> list[str]:
    if not entry.redact:
        return []
    names = [name for _, _, name in Redactor(entry.redact).find(text, [len(text)])]
    return [f"redacted {name}" for name in dict.fromkeys(names)]
