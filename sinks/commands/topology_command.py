"""`logbus-sinks topology`: RabbitMQ against a configuration, and the permissions that its roles need."""

from pathlib import Path
from typing import Any

import click

from logbus import daemon
from logbus.broker.management import queues
from logbus.broker.session import session
from logbus.broker.topology import LOGS, sink_queue
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.completion import offer
from logbus.config.settings import Document
from logbus.errors import UsageError
from sinks.commands import permissions
from sinks.commands import topology as declared
from sinks.commands.configured import config_option, document_of, required
from sinks.settings import Plan, Settings, names_in, plan_of, plans_of
from sinks.wiring import queue_of


@click.command("topology", cls=Command)
@config_option
@click.option("--force", is_flag=True, help="delete: a queue even if it is in use or not empty.")
@click.option("--shipper", default=permissions.SHIPPER, show_default=True, help="permissions: the shippers' user.")
@click.option("--applied", is_flag=True, help="permissions: the least, for sinks that `topology apply` declared.")
@click.option("--control", is_flag=True, help="permissions: those of `ask`, too: shippers and sinks answer.")
@click.option(
    "--format",
    "form",
    default="rabbitmqctl",
    show_default=True,
    type=click.Choice(["rabbitmqctl", "definitions"]),
    help="permissions: as commands, or as JSON for rabbitmqctl import_definitions.",
)
@click.argument("action", type=click.Choice(["check", "apply", "delete", "permissions"]))
@click.argument("names", nargs=-1, shell_complete=offer(names_in))
@daemon.errors_to_exit_codes
def topology(config: Path | None, action: str, names: tuple[str, ...], force: bool, **role: Any) -> int:  # noqa: ANN401 - flags of permissions
    """Compare RabbitMQ with the configuration of all sinks, or of NAMES; declare what is missing; delete queues.

    permissions prints the users that shippers, sinks and people need, and what RabbitMQ has to allow each of them.
    """
    logs.configure("topology")
    path = required(config)
    if action == "permissions":
        return _print_permissions(document_of(path), names, **role)
    if action == "delete" and not names:
        raise UsageError("delete queues", "no sink is named", "give their sinks' names")
    document = document_of(path)
    every = plans_of(document)
    broker = document.convert(Settings).broker
    with session(broker, "topology") as link:
        if action == "delete":
            found = [declared.delete(link, _queue_named(name, every), force=force) for name in names]
        else:
            plans = [plan_of(document, name) for name in names] or list(every.values())
            look = {"check": declared.check, "apply": declared.apply}[action]
            found = list(look(link, declared.wanted(plans)))
        if action == "check" and broker.management:
            found += declared.others(link, queues(broker), list(every.values()))
    for each in found:
        click.echo(each)
    return int(action != "delete" and any(each.state not in {"ok", "made", "other"} for each in found))


def _print_permissions(document: Document, names: tuple[str, ...], *, shipper: str, form: str, **more: bool) -> int:
    plans = [plan_of(document, name) for name in names] or list(plans_of(document).values())
    found = permissions.roles(plans, shipper, **more)
    vhost = document.convert(Settings).broker.vhost
    if form == "definitions":
        click.echo(permissions.as_definitions(found, vhost))
    for line in permissions.as_commands(found, vhost) if form == "rabbitmqctl" else ():
        click.echo(line)
    return 0


def _queue_named(name: str, plans: dict[str, Plan]) -> str:
    """Return the queue of a sink, also of one that no configuration has any more. Raises UsageError."""
    return queue_of(plans[name]).name if name in plans else sink_queue(name.removeprefix(f"{LOGS}.")).name
