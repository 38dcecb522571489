"""`logbus-sinks audit`: what a sink has written of each stream, and whether its outputs equal their sources."""

from pathlib import Path
from typing import Any

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.completion import directories, offer
from sinks import file as file_sink
from sinks.commands.compare import compare, require_compared
from sinks.commands.configured import config_option, no_name, required
from sinks.commands.coverage import Coverage, coverage, report
from sinks.settings import Plan, load_plan, names_in
from sinks.sink import bindings_of

DIRECTORY: dict[str, Any] = {"metavar": "DIR", "type": click.Path(path_type=Path), "shell_complete": directories}


@click.command("audit", cls=Command)
@config_option
@click.option("--state", **DIRECTORY, help="A sink's state directory.")
@click.option("--against", **DIRECTORY, help="Also compare with sources under DIR.")
@click.argument("name", required=False, shell_complete=offer(names_in))
@daemon.errors_to_exit_codes
def audit(config: Path | None, state: Path | None, against: Path | None, name: str | None) -> int:
    """Print what a sink has written of each stream; exit 1 if there is a hole. The sink may be running.

    With --against DIR (and --config, of a file sink), compare its outputs byte for byte with the sources that are now
    at DIR/PATH; exit 1 if one differs.
    """
    logs.configure("audit")
    plan = load_plan(path := required(config), name or no_name(path)) if state is None else None
    directory = plan.state if plan else state
    if directory is None:
        raise click.UsageError(f"{name} keeps no state: there is nothing to audit")
    streams = coverage(directory)
    for line in report(streams):
        click.echo(line)
    if plan and bindings_of(plan.sink_type, plan.settings):
        click.echo("(this sink is bound to part of what is published: holes are what it did not ask for)")
        return 0
    return int(any(each.holes for each in streams) or (against is not None and not _same(plan, streams, against)))


def _same(plan: Plan | None, streams: list[Coverage], against: Path) -> bool:
    if plan is None or not isinstance(plan.settings, file_sink.Settings):
        raise click.UsageError("--against needs --config and the NAME of a file sink")
    found = list(compare(plan.settings, streams, against))
    for each in found:
        click.echo(each)
    require_compared(found, against)
    return not any(each.verdict == "differs" for each in found)
