"""`logbus-sinks`, or `python -m sinks`: the command line, see `--help`."""

from logbus import early

early.prepare(__name__)

import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from logbus import daemon
from logbus.broker.management import queues
from logbus.broker.session import session
from logbus.broker.topology import LOGS, sink_queue
from logbus.command_line import logs
from logbus.command_line.commands import Command, printing_option, write_epilog
from logbus.command_line.completion import command_for, directories, offer
from logbus.config.settings import Broker, Document, check_again, load_document
from logbus.config.variables import unused_broker
from logbus.errors import UsageError, counted, did_you_mean, visible
from logbus.native import accelerators
from logbus.severity import Severity
from sinks import file as file_sink
from sinks.commands import dead_letters, permissions, topology
from sinks.commands.audit import Coverage, coverage, report
from sinks.commands.compare import compare, require_compared
from sinks.settings import Plan, Settings, ad_hoc_plan, load_plan, names_in, plan_of, plans_of
from sinks.sink import bindings_of
from sinks.wiring import queue_of, run

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

logger = logging.getLogger("sinks")

URL = Broker().url
EXAMPLES = """
\b
Examples:
  logbus-sinks init
  logbus-sinks doctor --config config/sinks.yml
  logbus-sinks console --min warning
  logbus-sinks file --path 'logs/{host}/{label}/{name}' --state state
  logbus-sinks --config config/sinks.yml archive
  logbus-sinks --config config/sinks.yml archive --check
  logbus-sinks audit --config config/sinks.yml archive
  logbus-sinks topology check --config config/sinks.yml
  logbus-sinks dead list
  logbus-sinks completion bash
"""

Decorated = Callable[..., Any]

LATER = {"doctor": "sinks.commands.doctor", "init": "sinks.commands.init"}
"""Commands whose modules are imported only when used; each defines a command of the same name."""


class Commands(click.Group):
    """The commands; a command line that begins with none of them runs the daemon."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; import its module, if that was put off."""
        if cmd_name not in LATER:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(importlib.import_module(LATER[cmd_name]), cmd_name)
        return found

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog."""
        write_epilog(self, ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Return the commands, and the options of the group and of the daemon, which needs no word."""
        return [*super().shell_complete(ctx, incomplete), *self.commands["daemon"].shell_complete(ctx, incomplete)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `daemon` before `--config FILE NAME`. Raises UsageError for a command that does not exist."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and args[0] not in ("--help", "-h", "--version", "--schema"):
            if not ctx.resilient_parsing and not any(each.partition("=")[0] == "--config" for each in args):
                meant = did_you_mean(args[0], known) or f"to run the sink {args[0]}, add --config FILE"
                raise click.UsageError(f"there is no command {args[0]}: {meant}")
            args = ["daemon", *args]
        return super().parse_args(ctx, args)


def options(*several: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Return one decorator for several options."""

    def decorate(command: Decorated) -> Decorated:
        for each in reversed(several):
            command = each(command)
        return command

    return decorate


broker_options = options(
    click.option("--broker", default=URL, envvar="LOGBUS_BROKER", metavar="URL", help="RabbitMQ. [env: LOGBUS_BROKER]"),
    logs.options,
)
file_options = options(
    click.option("--path", required=True, metavar="TEMPLATE", help="A path with {host} {label} {path} {name} {date}."),
    click.option(
        "--state", required=True, metavar="DIR", shell_complete=directories, help="The state directory, for the ledger."
    ),
)
DIRECTORY: dict[str, Any] = {"metavar": "DIR", "type": click.Path(path_type=Path), "shell_complete": directories}
severities = offer(lambda _config: [each.word for each in Severity])
config_option = click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="The sinks.yml.")


@click.group(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@accelerators.version_option()
@printing_option("--schema", "sinks.commands.schema", "Print the JSON Schema of the configuration file, and exit.")
@click.option("--verbose", "-v", is_flag=True, expose_value=False, hidden=True)
def cli() -> None:
    """Write what shippers publish: to a terminal, to files, or wherever a sink type writes.

    With --config FILE NAME, run the sink NAME of that file until SIGTERM.
    """


@cli.command("daemon", short_help="Run a sink of a configuration file (the default).")
@options(config_option)
@click.argument("name", required=False, shell_complete=offer(names_in))
@click.option("--check", is_flag=True, help="Only check the configuration, and print what would run.")
@logs.options
@daemon.errors_to_exit_codes
def daemon_command(config: Path | None, name: str | None, check: bool, log: logs.Wanted) -> int:
    """Run the sink NAME of a configuration file until SIGTERM."""
    logs.configure(f"sink {name or ''}".strip(), None if check else log)
    path = _required(config)
    name = name or _no_name(path)
    plan = plan_of(_document(path), name)
    if check:
        plan.broker.check()
        return _describe(plan)
    return run(plan, read_again=lambda: check_again(path, lambda it: plan_of(it, name).broker.check()))


@cli.command()
@options(broker_options)
@click.option(
    "--min",
    "least",
    default="debug",
    metavar="SEVERITY",
    shell_complete=severities,
    help="Only this severity and worse.",
)
@click.option("--bind", multiple=True, metavar="PATTERN", help="A topic pattern such as 'web-1.*.#'; may be repeated.")
@click.option("--host", default="*", metavar="GLOB", help="Only from these hosts.")
@click.option("--label", default="*", metavar="GLOB", help="Only with these labels.")
@click.option("--grep", default="", metavar="PATTERN", help="Only records that match, in RE2 syntax.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per record.")
@daemon.errors_to_exit_codes
def console(broker: str, log: logs.Wanted, least: str, bind: tuple[str, ...], as_json: bool, **where: str) -> int:
    """Show new records as they arrive, and leave nothing behind on the broker."""
    logs.configure("console", log)
    keys: dict[str, object] = {"format": "json" if as_json else "text", **where}
    if least == "debug":
        plan = ad_hoc_plan("console", "console", keys, broker)
    else:
        plan = ad_hoc_plan("console", "severity", {"min": least, "write": {"type": "console", **keys}}, broker)
    return run(plan, bind)


@cli.command()
@options(broker_options, file_options)
@click.option("--queue", default="file", metavar="NAME", help="Its queue is logs.NAME. [default: file]")
@daemon.errors_to_exit_codes
def file(broker: str, log: logs.Wanted, path: str, state: str, queue: str) -> int:
    """Append everything to files, exactly once."""
    logs.configure("file sink", log)
    return run(ad_hoc_plan(queue, "file", {"path": path}, broker, Path(state)))


@cli.command()
@options(broker_options, file_options)
@click.option(
    "--min", "least", required=True, metavar="SEVERITY", shell_complete=severities, help="Only this severity and worse."
)
@click.option("--queue", default="severity", metavar="NAME", help="Its queue is logs.NAME. [default: severity]")
@daemon.errors_to_exit_codes
def severity(broker: str, log: logs.Wanted, path: str, state: str, least: str, queue: str) -> int:  # noqa: PLR0913, PLR0917 - flags
    """Append the records of a severity and worse to files."""
    logs.configure("severity sink", log)
    keys: dict[str, object] = {"min": least, "write": {"type": "file", "path": path}}
    return run(ad_hoc_plan(queue, "severity", keys, broker, Path(state)))


@cli.command()
@options(config_option)
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
    plan = load_plan(path := _required(config), name or _no_name(path)) if state is None else None
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


@cli.command()
@options(config_option)
@click.option("--broker", default=URL, envvar="LOGBUS_BROKER", metavar="URL", help="RabbitMQ. [env: LOGBUS_BROKER]")
@click.option("--all", "every", is_flag=True, help="Requeue or drop every dead letter.")
@click.option("--limit", default=dead_letters.LISTED, help="The most letters to list.", show_default=True)
@click.argument("action", type=click.Choice(["list", "show", "requeue", "drop"]))
@click.argument("letter", required=False)
@daemon.errors_to_exit_codes
def dead(config: Path | None, broker: str, every: bool, limit: int, action: str, letter: str | None) -> int:  # noqa: PLR0913, PLR0917 - flags
    """List the dead letters (messages that no sink could decode or write); show, requeue or drop one by its id."""
    logs.configure("dead")
    where = _document(config).convert(Settings).broker if config else Broker(url=broker)
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


@cli.command("topology")
@options(config_option)
@click.option("--force", is_flag=True, help="delete: a queue even if it is in use or not empty.")
@click.option("--shipper", default=permissions.SHIPPER, show_default=True, help="permissions: the shippers' user.")
@click.option("--applied", is_flag=True, help="permissions: the least, for sinks that `topology apply` declared.")
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
def topology_command(config: Path | None, action: str, names: tuple[str, ...], force: bool, **role: Any) -> int:  # noqa: ANN401 - flags of permissions
    """Compare RabbitMQ with the configuration of all sinks, or of NAMES; declare what is missing; delete queues.

    permissions prints the users that shippers, sinks and people need, and what RabbitMQ has to allow each of them.
    """
    logs.configure("topology")
    path = _required(config)
    if action == "permissions":
        return _print_permissions(_document(path), names, **role)
    if action == "delete" and not names:
        raise UsageError("delete queues", "no sink is named", "give their sinks' names")
    document = _document(path)
    every = plans_of(document)
    broker = document.convert(Settings).broker
    with session(broker, "topology") as link:
        if action == "delete":
            found = [topology.delete(link, _queue_named(name, every), force=force) for name in names]
        else:
            plans = [plan_of(document, name) for name in names] or list(every.values())
            look = {"check": topology.check, "apply": topology.apply}[action]
            found = list(look(link, topology.wanted(plans)))
        if action == "check" and broker.management:
            found += topology.others(link, queues(broker), list(every.values()))
    for each in found:
        click.echo(each)
    return int(action != "delete" and any(each.state not in {"ok", "made", "other"} for each in found))


cli.add_command(command_for("logbus-sinks"))


def _print_permissions(document: Document, names: tuple[str, ...], *, shipper: str, applied: bool, form: str) -> int:
    plans = [plan_of(document, name) for name in names] or list(plans_of(document).values())
    found = permissions.roles(plans, shipper, applied=applied)
    vhost = document.convert(Settings).broker.endpoints()[0].vhost
    if form == "definitions":
        click.echo(permissions.as_definitions(found, vhost))
    for line in permissions.as_commands(found, vhost) if form == "rabbitmqctl" else ():
        click.echo(line)
    return 0


def _queue_named(name: str, plans: dict[str, Plan]) -> str:
    """Return the queue of a sink, also of one that no configuration has any more. Raises UsageError."""
    return queue_of(plans[name]).name if name in plans else sink_queue(name.removeprefix(f"{LOGS}.")).name


def _same(plan: Plan | None, streams: list[Coverage], against: Path) -> bool:
    if plan is None or not isinstance(plan.settings, file_sink.Settings):
        raise click.UsageError("--against needs --config and the NAME of a file sink")
    found = list(compare(plan.settings, streams, against))
    for each in found:
        click.echo(each)
    require_compared(found, against)
    return not any(each.verdict == "differs" for each in found)


def _describe(plan: Plan) -> int:
    patterns = bindings_of(plan.sink_type, plan.settings)
    wanted = f"bound by {', '.join(map(repr, patterns))}" if patterns else "bound to everything"
    click.echo(f"{plan.name}: a {plan.common.type} sink, {wanted}, state in {plan.state or 'memory'}")
    click.echo(f"broker {visible(plan.broker.shown())}")
    return 0


def _required(config: Path | None) -> Path:
    if config is None:
        raise click.UsageError("--config is missing: which sinks.yml?")
    return config


def _no_name(config: Path) -> NoReturn:
    raise UsageError(
        "choose a sink", "NAME is missing", f"the sinks of {config} are: {', '.join(names_in(config)) or 'none'}"
    )


def _document(path: Path) -> Document:
    """Return a configuration; warn if LOGBUS_BROKER is set in vain."""
    document = load_document(path)
    if warning := unused_broker(document):
        logger.warning("%s", warning)
    return document


def main() -> NoReturn:
    """Run the command line."""
    cli.main()
    sys.exit(0)


if __name__ == "__main__":
    main()
