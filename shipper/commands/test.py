"""`logbus-shipper test`: how a configuration handles a file, record by record; and the configuration's tests."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from logbus import daemon
from logbus.batch import routing_key
from logbus.command_line.commands import CONTEXT, Command
from logbus.command_line.completion import files_and, offer
from logbus.config.settings import load
from logbus.decoding import decoded
from logbus.errors import SourceError, UsageError, counted, visible
from logbus.fields import flat, parse
from logbus.fields import text_of as text_of_field
from shipper.commands.testing.differences import Shown, differences, time_flaw
from shipper.commands.testing.examining import examine, examine_file
from shipper.expectations import Case
from shipper.files.discovery import Discovery
from shipper.settings import Input, Settings

SHOWN = 200


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
    found = list(examine_file(entry, _content(file)))
    for number, each in enumerate(found, 1):
        _show(number, each)
        if with_fields and each.body:
            _show_fields(each.body)
    click.echo(f"routing key: {_routing_key(settings, entry, file, found)}")
    if fields := entry.fields_of(file):
        click.echo("fields: " + ", ".join(visible(f"{name}={text}") for name, text in fields.items()))
    return 0


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
