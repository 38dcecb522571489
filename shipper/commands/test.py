"""`logbus-shipper test`: how a configuration handles a file, record by record; and the configuration's tests."""

import functools
import io
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from logbus import daemon
from logbus.batch import routing_key
from logbus.command_line.commands import CONTEXT, Command
from logbus.command_line.completion import files_and, offer
from logbus.config.settings import load
from logbus.decoding import decoded
from logbus.errors import SourceError, UsageError, counted, visible
from logbus.eventtime import EventTime, FileClock, TimeRules, name_of, text_of
from logbus.fields import flat, parse
from logbus.fields import text_of as text_of_field
from logbus.severity import PIECE, UNSTATED, marked
from logbus.severity.formats import FORMATS, Format, line_pattern
from logbus.traces import NOTHING, Before
from shipper.commands.differences import Shown, Timed, differences, time_flaw
from shipper.expectations import Case
from shipper.files.discovery import Discovery
from shipper.records.cuts import Bounds
from shipper.records.encoding import encoding_of
from shipper.records.filters import selected
from shipper.records.levels import reader_of
from shipper.records.recorder import Recorder
from shipper.records.redaction import Redactor
from shipper.settings import Input, Settings

WINDOW_BYTES = 1 << 20
SHOWN = 200
DEFAULT = "default_severity: no level is stated"


class Place(NamedTuple):
    """Where a record is: its offset, its first line, and the line of the record that it may continue."""

    offset: int
    line: int
    base: int


def _labels(config: Path | None) -> list[str]:
    """Return the labels of a configuration's inputs. Raises ConfigError."""
    return [each.label for each in load(config, Settings).inputs if each.label] if config else []


@click.command(cls=Command, context_settings=CONTEXT)
@click.argument("file", required=False, metavar="[FILE|-]", shell_complete=files_and())
@click.option("--config", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The shipper.yml.")
@click.option(
    "--input",
    "wanted",
    metavar="LABEL|NUMBER",
    shell_complete=offer(_labels),
    help="Which input, from 0.  [the one whose paths name FILE]",
)
@click.option("--fields", "with_fields", is_flag=True, help="Show the message and the fields of each record as well.")
@daemon.errors_to_exit_codes
def test(file: str | None, config: Path, wanted: str | None, *, with_fields: bool) -> int:
    """Show how an input handles FILE, record by record; without FILE, run the configuration's own tests."""
    settings = load(config, Settings)
    if file is None:
        return _run_tests(settings)
    entry = _input(settings, wanted or "", file)
    found = list(_examine_file(entry, _content(file)))
    for number, each in enumerate(found, 1):
        _show(number, each)
        if with_fields and each.body:
            _show_fields(each.body)
    click.echo(f"routing key: {_routing_key(settings, entry, file, found)}")
    if fields := entry.fields_of(file):
        click.echo("fields: " + ", ".join(visible(f"{name}={text}") for name, text in fields.items()))
    return 0


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


def _examine_file(entry: Input, data: bytes) -> Iterator[Shown]:
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


def _input(settings: Settings, wanted: str, path: str) -> Input:
    """Return the input with the label or number `wanted`; if that is empty, the one that ships `path`."""
    inputs = settings.inputs
    named = [each for each in inputs if each.label == wanted] if wanted else inputs
    if not named and wanted.isdecimal() and int(wanted) < len(inputs):
        return inputs[int(wanted)]
    if len(named) == 1:
        return named[0]
    if not wanted and (found := Discovery(inputs).input_of(str(Path(path).absolute()))):
        return found
    raise UsageError(
        "choose the input", f"the configuration has {counted(len(inputs), 'input')}", "give the label or number of one"
    )


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise SourceError(f"read {file}", error) from error


def _show(number: int, each: Shown) -> None:
    end = f"-{each.line + each.lines - 1}" if each.lines > 1 else ""
    where = f"{'lines' if end else 'line'} {each.line}{end}, from byte {each.offset}"
    click.echo(
        "; ".join(
            [
                f"record {number}: {each.severity.word}, {where}",
                each.why,
                *each.notes,
                *([str(each.time)] if each.time else []),
            ]
        )
    )
    for line in io.BytesIO(each.body):
        click.echo("    " + _shortened(decoded(line.rstrip(b"\r\n"))))


def _show_fields(record: bytes) -> None:
    found = parse(record)
    click.echo("        message: " + _shortened(decoded(found.message)))
    for name, value in flat(found.fields):
        click.echo("        " + _shortened(f"{name}={text_of_field(value)}"))


def _shortened(text: str) -> str:
    shown = visible(text)
    return f"{shown[:SHOWN]}{'...' * (len(shown) > SHOWN)}"


def _routing_key(settings: Settings, entry: Input, path: str, found: list[Shown]) -> str:
    levels = bytes(each.level for each in found if each.body)
    return routing_key(settings.host_name(), entry.label_of(path), levels)


def _run_tests(settings: Settings) -> int:
    if not settings.tests:
        raise UsageError("test", "the configuration has no tests", "add a section tests:, or name a file")
    failed = 0
    for case in settings.tests:
        flaws = list(_flaws(settings, case))
        failed += bool(flaws)
        click.echo(f"{'FAILED' if flaws else 'ok'}: {visible(case.name)}")
        for flaw in flaws:
            click.echo(f"    {visible(flaw)}")
    click.echo(f"{len(settings.tests) - failed} of {len(settings.tests)} tests passed")
    return int(failed > 0)


def _flaws(settings: Settings, case: Case) -> Iterator[str]:
    """Yield the differences between a test's result and its expectations."""
    entry = _input(settings, str(case.input), case.path)
    found = list(examine(entry, case.text.encode("utf-8", "surrogateescape")))
    if len(found) != len(case.records):
        yield f"it makes {counted(len(found), 'record')}, not {len(case.records)}"
    for number, (each, expected) in enumerate(zip(found, case.records, strict=False), 1):
        yield from (f"record {number}: {flaw}" for flaw in differences(each, expected))
        if expected.time and (flaw := time_flaw(each, expected, entry.times(0))):
            yield f"record {number}: {flaw}"
    key = _routing_key(settings, entry, case.path, found)
    if case.routing_key and key != case.routing_key:
        yield f"the routing key is {key}, not {case.routing_key}"
    fields = dict(entry.fields_of(case.path))
    if case.fields and fields != case.fields:
        yield f"the fields are {fields}, not {case.fields}"
