"""`logbus-sinks dead`: list, show, requeue and drop dead letters."""

from pathlib import Path

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.config.settings import Broker
from logbus.errors import UsageError, counted
from sinks.commands import dead_letters
from sinks.commands.configured import config_option, document_of, url_option
from sinks.settings import Settings


@click.command("dead", cls=Command)
@config_option
@url_option
@click.option("--all", "every", is_flag=True, help="Requeue or drop every dead letter.")
@click.option("--limit", default=dead_letters.LISTED, help="The most letters to list.", show_default=True)
@click.argument("action", type=click.Choice(["list", "show", "requeue", "drop"]))
@click.argument("letter", required=False)
@daemon.errors_to_exit_codes
def dead(config: Path | None, broker: str, every: bool, limit: int, action: str, letter: str | None) -> int:  # noqa: PLR0913, PLR0917 - flags
    """List the dead letters (messages that no sink could decode or write); show, requeue or drop one by its id."""
    logs.configure("dead")
    where = document_of(config).convert(Settings).broker if config else Broker(url=broker)
    if action == "list":
        for line in dead_letters.show_list(where, limit):
            click.echo(line)
        return 0
    if (letter is None) != (every and action != "show"):
        raise UsageError(f"{action} a dead letter", "no id is given", "give its id, or --all to requeue or drop all")
    if action == "show":
        for line in dead_letters.show_one(where, letter or ""):
            click.echo(line)
        return 0
    count = {"requeue": dead_letters.requeue, "drop": dead_letters.drop}[action](where, letter)
    click.echo(f"{counted(count, 'dead letter')}: {action} done")
    return 0
