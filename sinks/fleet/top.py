"""`logbus-sinks top`: what is loud in the fleet, by host, input and severity."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

import click
from msgspec import Struct, field
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.config.patterns import Glob, compile_glob
from logbus.config.settings import Broker
from logbus.errors import counted, visible
from logbus.fleet.reporting import CHECK_S
from logbus.fleet.status import EVERY_S, Status
from sinks.fleet.loud import GROUPS, Loud, Rate
from sinks.fleet.watching import watch

URL: Final = Broker().url
PATIENCE_S: Final = 2 * (EVERY_S + CHECK_S) + 1.0
"""Within this time, each shipper has said twice what it has published."""
_MB: Final = 1_000_000
EPILOG: Final = """
\b
Examples:
  logbus-sinks top
  logbus-sinks top --by input --host 'web-*'
  logbus-sinks top --once --by host --limit 100 > rates.tsv
"""


class Watched(Struct, frozen=True):
    """What is measured: some hosts, by some groups, with so many rows of each."""

    hosts: Glob
    groups: tuple[str, ...]
    limit: int
    loud: Loud = field(default_factory=Loud)

    def hear(self, status: Status) -> None:
        """Take in a status."""
        if self.hosts(status.host):
            self.loud.hear(status)

    def rates(self, group: str) -> list[Rate]:
        """Return the rates of a group now, the loudest first."""
        return self.loud.rates(group, time.time_ns() // 1000)

    def tables(self) -> Group:
        """Return a table for each group."""
        waiting = "" if self.loud.compared else "waiting for two statuses of a shipper, up to 20 s"
        return Group(Text(waiting), *(_table(group, self.rates(group), self.limit) for group in self.groups))


@click.command("top", cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@click.option("--broker", default=URL, envvar="LOGBUS_BROKER", metavar="URL", help="RabbitMQ. [env: LOGBUS_BROKER]")
@click.option("--by", multiple=True, type=click.Choice(GROUPS), help="Only this table; may be repeated.")
@click.option("--host", default="*", metavar="GLOB", help="Only these hosts.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 10_000), help="Rows of each table.")
@click.option("--once", is_flag=True, help="Print one measurement and exit, which takes 23 s; the default in a pipe.")
@daemon.errors_to_exit_codes
def top(broker: str, by: tuple[str, ...], host: str, limit: int, once: bool) -> int:
    """Show what is loud: records per second by host, input and severity, of all shippers.

    Each shipper says every 10 s what it has published, so the first rates take up to 20 s.
    """
    logs.configure("top")
    console = Console()
    watched = Watched(compile_glob(host), by or GROUPS, limit)
    goes_on = console.is_terminal and not once
    watch(broker, "top", watched.hear, watched.tables, patience_s=None if goes_on else PATIENCE_S)
    if console.is_terminal:
        console.print(watched.tables())
    else:
        for line in _lines(watched):
            click.echo(line)
    click.echo(f"measured: {counted(watched.loud.compared, 'shipper')}", err=True)
    return 0


def _lines(watched: Watched) -> Iterator[str]:
    """Yield tab-separated lines, headings first."""
    yield "group\tname\trecords/s\tbytes/s"
    for group in watched.groups:
        for rate in islice(watched.rates(group), watched.limit):
            yield f"{group}\t{visible(rate.name)}\t{rate.records_per_s:.1f}\t{rate.bytes_per_s:.0f}"


def _table(group: str, rates: list[Rate], limit: int) -> Table:
    total = sum(rate.records_per_s for rate in rates)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(group, min_width=24, overflow="fold")
    for name in ("records/s", "MB/s", "share"):
        table.add_column(name, justify="right", min_width=10)
    for rate in rates[:limit]:
        size = f"{rate.bytes_per_s / _MB:.2f}" if rate.bytes_per_s else ""
        share = f"{100 * rate.records_per_s / total:.0f} %"
        table.add_row(Text(visible(rate.name)), f"{rate.records_per_s:,.1f}", size, share)
    if len(rates) > limit:
        table.add_row(Text(f"and {len(rates) - limit} more", style="dim"))
    return table
