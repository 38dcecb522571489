"""`logbus-shipper status`: the progress of each stream, from the registry and the files, also without a shipper."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.errors import counted, visible
from shipper.commands.remembered import Standing, Where, remembered, standings, state_of, state_option

HEADINGS = ("path", "state", "behind", "oldest_unconfirmed_s", "offset", "stream")
NUMBERS = HEADINGS[2:5]
EPILOG = """
\b
Examples:
  logbus-shipper status --config config/shipper.yml
  logbus-shipper status --state ~/.shipper --json | jq 'select(.behind > 0)'

\b
State: in place; rotated (its path leads to another file now), deleted or done (over, and all of it is confirmed);
gone (the shipper's last search did not find it: its unread bytes are lost); replaced (other bytes are in its place:
a new stream begins when the shipper reads them).
"""


@click.command(cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@state_option
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Or the shipper.yml that names it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per stream and line.")
@daemon.errors_to_exit_codes
def status(*, state: Path | None, config: Path | None, as_json: bool) -> int:
    """Show each stream: its file, how many bytes it is behind, for how long, and which files lost their name."""
    logs.configure("status")
    now_s = time.time()
    found = list(standings(remembered(state_of(state, config))))
    found.sort(key=lambda each: (each.where is Where.DONE, os.fsencode(each.row.path)))
    if as_json:
        for each in found:
            click.echo(json.dumps(_object(each, now_s)))
        return 0
    console = Console()
    if console.is_terminal:
        console.print(_table(found, now_s))
    else:
        for line in _lines(found, now_s):
            click.echo(line)
    click.echo(_summary(found), err=True)
    return 0


def _object(each: Standing, now_s: float) -> dict[str, object]:
    return {
        "path": _text(each.row.path),
        "file": _text(each.path),
        "state": each.where.value,
        "behind": each.behind,
        "oldest_unconfirmed_s": round(each.waiting_s(now_s)),
        "size": each.size,
        "offset": each.row.offset,
        "published": each.row.published,
        "stream": each.row.stream,
        "held": each.nameless,
        "done": each.row.done,
    }


def _cells(each: Standing, now_s: float) -> tuple[str, ...]:
    where = each.where.value
    if each.where is Where.ROTATED:
        where = f"rotated to {visible(os.path.basename(each.path))}"  # noqa: PTH119 - a hostile string
    waiting = str(round(each.waiting_s(now_s)))
    return visible(each.row.path), where, str(each.behind), waiting, str(each.row.offset), each.row.stream


def _lines(found: list[Standing], now_s: float) -> Iterator[str]:
    """Yield tab-separated lines, headings first."""
    yield "\t".join(HEADINGS)
    for each in found:
        yield "\t".join(_cells(each, now_s))


def _table(found: list[Standing], now_s: float) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in HEADINGS:
        table.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for each in found:
        style = "dim" if each.row.done else "yellow" if each.nameless or each.where is Where.REPLACED else ""
        table.add_row(*map(Text, _cells(each, now_s)), style="bold red" if each.behind and each.nameless else style)
    return table


def _summary(found: list[Standing]) -> str:
    behind = [each.behind for each in found if each.behind]
    nameless = [each for each in found if each.nameless]
    done = sum(each.row.done for each in found)
    streams, behind_by = counted(len(found), "stream"), counted(sum(behind), "byte")
    return f"{streams}: {len(behind)} behind by {behind_by} in total, {len(nameless)} rotated or deleted, {done} done"


def _text(path: str) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")
