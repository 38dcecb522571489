"""`logbus-sinks stats`: how much an archive has of each host, label, severity and hour, by its index alone."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.completion import offer
from logbus.errors import LogbusError, counted, visible
from logbus.eventtime import host_zone
from sinks.archives import file_sinks, states
from sinks.commands.configured import config_option, document_of, names_in, required
from sinks.index.reading import Reader, Unusable
from sinks.printable import inert_json
from sinks.search.files.sources import Listing, add_outputs
from sinks.search.indexed.opening import readers_of
from sinks.search.indexed.outputs import known_as
from sinks.search.indexed.statistics import Key, Statistics, Sum, groups_in, uncovered_bytes
from sinks.search.results.progress import shown_bytes
from sinks.search.spans import END

EXAMPLES: Final = """
\b
Examples:
  logbus-sinks stats --config sinks.yml
  logbus-sinks stats --config sinks.yml archive --by host,severity --top 5
  logbus-sinks stats --config sinks.yml archive --by hour
"""
_BAR: Final = "#"
_BAR_WIDTH: Final = 24
_NARROWEST: Final = 60
_WIDEST: Final = 160


@click.command("stats", cls=Command, epilog=EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=offer(names_in))
@config_option
@click.option("--by", default="host,label,severity", metavar="GROUPS", help="Some of host, label, severity, hour.")
@click.option("--top", type=click.IntRange(min=1), default=20, metavar="N", help="At most N rows. [default: 20]")
@click.option("--utc", is_flag=True, help="Hours are those of UTC instead of this host's zone.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each row; all rows.")
@daemon.errors_to_exit_codes
def stats(names: tuple[str, ...], config: Path | None, by: str, top: int, utc: bool, as_json: bool) -> int:  # noqa: PLR0913, PLR0917 - flags
    """Show how many lines and bytes file sinks have written, by their indexes alone: nothing of the outputs is read.

    Bytes are those of the content, before compression. With --by hour, there is a row for each of the last hours: of
    events in finished outputs, of reading in others.
    """
    logs.configure("stats")
    found = Statistics(groups_in(by), UTC if utc else host_zone())
    flaws = _gathered(required(config), names, found)
    if as_json:
        sys.stdout.write(_as_json(found))
    else:
        _show(found, top)
    for flaw in flaws:
        click.echo(visible(flaw), err=True)
    if found.unindexed_bytes:
        click.echo(f"not indexed: {shown_bytes(found.unindexed_bytes)} on disk", err=True)
    return 2 if flaws else 0


def _gathered(config: Path, names: tuple[str, ...], found: Statistics) -> list[str]:
    """Add up all outputs of the sinks; return what could not be. Raises UsageError."""
    document = document_of(config)
    archives = file_sinks(config, document, names)
    kept = {name: state for name, state in states(document, names).items() if name in archives}
    readers = readers_of(kept, lambda text: click.echo(text, err=True), without="nothing is known")
    listing = Listing()
    for settings in archives.values():
        add_outputs(listing, settings.path, settings.format, {})
    flaws = _added(listing, readers, found)
    for reader in readers:
        reader.close()
    return listing.flaws + flaws


def _added(listing: Listing, readers: Sequence[Reader], found: Statistics) -> list[str]:
    """Add up files; return what could not be."""
    flaws: list[str] = []
    for source in listing.sources():
        try:
            entry = known_as(source, readers)
            output = entry.output(parts=True, hours="hour" in found.groups) if entry else None
            names = output.reader.names(output.known) if output else {}
            for row in output.rows if output else ():
                found.add(row, names, source)
        except (LogbusError, OSError, Unusable) as error:
            flaws.append(f"not counted: {source.path}: {error}")
            continue
        whole = source.size_bytes if output is None or output.size_bytes == END else output.size_bytes
        found.unindexed_bytes += uncovered_bytes(output.rows if output else (), whole)
    return flaws


def _as_json(found: Statistics) -> str:
    rows = (
        dict(zip(found.groups, key, strict=True)) | {"lines": each.lines, "bytes": each.size_bytes}
        for key, each in found.ranked()
    )
    return "".join(f"{inert_json(msgspec.json.encode(_told(row)).decode())}\n" for row in rows)


def _told(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row whose texts JSON can tell: names of files need not be UTF-8."""
    return {key: each.encode(errors="replace").decode() if isinstance(each, str) else each for key, each in row.items()}


def _show(found: Statistics, top: int) -> None:
    """Show a table with bars: of the last hours, or of the largest rows."""
    rows = found.ranked()
    shown = rows[-top:] if found.groups[0] == "hour" else rows[:top]
    if shown:
        width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))
        Console(width=width, highlight=False, markup=False).print(_table(found.groups, shown))
    if len(rows) > len(shown):
        click.echo(f"and {counted(len(rows) - len(shown), 'row')} more: --top {len(rows)}", err=True)


def _table(groups: Sequence[str], rows: Sequence[tuple[Key, Sum]]) -> Table:
    """Return the table; the longest bar is of the most lines."""
    table = Table(box=None, pad_edge=False)
    for name in groups:
        table.add_column(name, overflow="fold")
    for name in ("lines", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    most = max(each.lines for _, each in rows)
    for key, each in rows:
        bar = _BAR * max(1, _BAR_WIDTH * each.lines // max(1, most))
        cells = [*map(visible, key), f"{each.lines:,}", shown_bytes(each.size_bytes), bar]
        table.add_row(*map(Text, cells))
    return table
