"""`logbus-sinks fleet`: which shippers and sinks there are, and how each of them is."""

import re
import time
from pathlib import Path
from typing import Final

import click
from msgspec import Struct
from rich.console import Console

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.config.patterns import Glob, compile_glob
from logbus.config.settings import Broker
from logbus.errors import UsageError
from logbus.fleet.reporting import CHECK_S
from logbus.fleet.status import EVERY_S, Status
from sinks.fleet import watching
from sinks.fleet.remembered import hosts_in
from sinks.fleet.seen import Fleet, Row, missing
from sinks.fleet.table import lines, objects, summary, table

URL: Final = Broker().url
HEADING_LINES: Final = 1
PATIENCE_S: Final = EVERY_S + CHECK_S + 1.0
"""Each process says something within this time."""
_SPAN: Final = re.compile(r"([0-9]{1,6}) ?([smhd])")
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
EPILOG: Final = """
\b
Examples:
  logbus-sinks fleet --broker amqp://logbus-fleet@rabbit/
  logbus-sinks fleet --watch --host 'web-*'
  logbus-sinks fleet --expect hosts.txt --json

\b
State: live (it has shipped or written since its last status), idle (there was nothing to do), silent (nothing was heard
for two intervals, 20 s, or for --silent), gone (it said that it stops).

\b
Exit codes: 0; 1 if a host of --expect has no shipper that is live or idle; 2 usage; 3 RabbitMQ refused us.
"""


class Watched(Struct, frozen=True):
    """What is watched: some hosts of the fleet, and those that are expected."""

    fleet: Fleet
    hosts: Glob
    expected: list[str]

    def hear(self, status: Status) -> None:
        """Take in a status."""
        if self.hosts(status.host):
            self.fleet.hear(status, time.time_ns() // 1000)

    def rows(self) -> list[Row]:
        """Return the processes as they are now."""
        return list(self.fleet.rows(time.time_ns() // 1000))

    def missing(self) -> list[str]:
        """Return the hosts that were expected and do not run."""
        return missing(self.expected, self.rows())

    def is_complete(self) -> bool:
        """Return True once every expected host was heard."""
        return bool(self.expected) and not self.missing()


@click.command("fleet", cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@click.option("--broker", default=URL, envvar="LOGBUS_BROKER", metavar="URL", help="RabbitMQ. [env: LOGBUS_BROKER]")
@click.option("--watch", is_flag=True, help="Go on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per process and line.")
@click.option("--host", default="*", metavar="GLOB", help="Only these hosts.")
@click.option("--silent", metavar="TIME", help="Of which nothing is heard for so long is silent, as in 5m.")
@click.option("--expect", type=click.Path(path_type=Path), metavar="FILE", help="Hosts that must run, one a line.")
@daemon.errors_to_exit_codes
def fleet(  # noqa: PLR0913, PLR0917 - flags
    broker: str, watch: bool, as_json: bool, host: str, silent: str | None, expect: Path | None
) -> int:
    """Show each shipper and sink: is it running, how fast, how far behind, and what does not work.

    Each says this of itself every 10 s, so the answer takes that long; with --watch, the table goes on.
    """
    logs.configure("fleet")
    console = Console()
    if watch and (as_json or not console.is_terminal):
        raise UsageError("watch the fleet", "standard output is no terminal", "leave out --watch")
    watched = Watched(
        Fleet(_span_s(silent) if silent else None), compile_glob(host), hosts_in(expect) if expect else []
    )
    watching.watch(
        broker,
        "fleet",
        watched.hear,
        lambda: table(watched.rows(), max(2, console.height - HEADING_LINES)),
        patience_s=None if watch else PATIENCE_S,
        is_enough=watched.is_complete,
    )
    _show(watched, console, as_json=as_json)
    return int(bool(watched.missing()))


def _span_s(text: str) -> float:
    """Return a time span in seconds. Raises UsageError."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise UsageError(f"use --silent {text}", "it is no time span", "as in 30s, 5m or 2h")
    return float(int(found[1]) * _UNITS_S[found[2]])


def _show(watched: Watched, console: Console, *, as_json: bool) -> None:
    rows = watched.rows()
    if as_json or not console.is_terminal:
        for line in objects(rows) if as_json else lines(rows):
            click.echo(line)
    else:
        console.print(table(rows))
    click.echo(summary(rows, watched.missing()), err=True)
