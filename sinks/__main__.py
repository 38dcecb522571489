"""`logbus-sinks`, or `python -m sinks`: the command line, see `--help`."""

from logbus import early

early.prepare(__name__)

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command, printing_option, write_epilog
from logbus.command_line.completion import command_for, directories, offer
from logbus.command_line.later import later
from logbus.config.settings import check_again
from logbus.errors import did_you_mean, visible
from logbus.native import accelerators
from logbus.severity import Severity
from sinks.commands.configured import URL, config_option, document_of, names_in, no_name, required

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from sinks.settings import Plan, ad_hoc_plan, plan_of
    from sinks.sink import bindings_of, checked
    from sinks.wiring import run
else:  # a search begins to read twice as soon without them
    ad_hoc_plan, plan_of = (later("sinks.settings", each) for each in ("ad_hoc_plan", "plan_of"))
    bindings_of, checked = (later("sinks.sink", each) for each in ("bindings_of", "checked"))
    run = later("sinks.wiring", "run")

early.imported()
EXAMPLES = """
\b
Examples:
  logbus-sinks init
  logbus-sinks doctor --config config/sinks.yml
  logbus-sinks console --min warning
  logbus-sinks console --field 'http.status=5*' --fields path,took_ms
  logbus-sinks file --path 'logs/{host}/{label}/{name}' --state state
  logbus-sinks --config config/sinks.yml archive
  logbus-sinks --config config/sinks.yml archive --check
  logbus-sinks audit --config config/sinks.yml archive
  logbus-sinks search timeout --since 2h --config config/sinks.yml archive
  logbus-sinks index check --config config/sinks.yml archive
  logbus-sinks stats --config config/sinks.yml archive
  logbus-sinks alert test --config sinks.yml alerts
  logbus-sinks web --config config/sinks.yml
  logbus-sinks ask web-1 status
  logbus-sinks topology check --config config/sinks.yml
  logbus-sinks dead list
  logbus-sinks completion bash
"""

Decorated = Callable[..., Any]

LATER = {
    "alert": "sinks.commands.alerts.alert",
    "ask": "sinks.fleet.ask",
    "audit": "sinks.commands.audit",
    "dead": "sinks.commands.dead",
    "doctor": "sinks.commands.doctor",
    "export": "sinks.export.command",
    "fleet": "sinks.fleet.command",
    "index": "sinks.commands.archive.index",
    "init": "sinks.commands.init",
    "search": "sinks.commands.search",
    "stats": "sinks.commands.archive.stats",
    "top": "sinks.fleet.top",
    "topology": "sinks.commands.topology_command",
    "web": "sinks.web.command",
}
"""Commands whose modules are imported only when used; each defines a command of the same name."""
SHOWS_LAST = "sinks.commands.last"
"""What a console begins with, if it is asked to."""


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
                meant = (did_you_mean(args[0], known), f"to run the sink {args[0]}, add --config FILE")
                raise click.UsageError(f"there is no command {args[0]}: {'; '.join(filter(None, meant))}")
            args = ["daemon", *args]
        return super().parse_args(ctx, args)


def options(*several: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Return one decorator for several options."""

    def decorate(command: Decorated) -> Decorated:
        for each in reversed(several):
            command = each(command)
        return command

    return decorate


def globs_by_name(words: tuple[str, ...]) -> dict[str, str]:
    """Return what `--field NAME=GLOB` asks for. Raises UsageError."""
    found = dict[str, str]()
    for each in words:
        name, sign, glob = each.partition("=")
        if not name or not sign:
            raise click.UsageError(f"--field {each!r} is not NAME=GLOB, as in http.status=5*")
        if found.setdefault(name, glob) != glob:
            raise click.UsageError(f"--field {name} is given twice: one glob must match all of it")
    return found


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
field_options = options(
    click.option(
        "--field",
        multiple=True,
        metavar="NAME=GLOB",
        callback=lambda _context, _option, each: globs_by_name(each),
        help="Only records with such a field, as in http.status=5*; all must match if repeated.",
    ),
    click.option(
        "--fields",
        default="",
        metavar="NAMES",
        callback=lambda _context, _option, names: [name for each in names.split(",") if (name := each.strip())],
        help="Of JSON and logfmt, only these fields behind the message, as in a,b.c.",
    ),
)
text_options = options(
    click.option("--raw", is_flag=True, help="JSON, logfmt and containers' lines as they are."),
    click.option("--utc", is_flag=True, help="Times in UTC."),
    click.option("--date", is_flag=True, help="Times with their date."),
    click.option("--read-time", is_flag=True, help="When records were read, not when they happened."),
    click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colours."
    ),
)
severities = offer(lambda _config: [each.word for each in Severity])


@click.group(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@accelerators.version_option()
@printing_option("--schema", "sinks.commands.schema", "Print the JSON Schema of the configuration file, and exit.")
@click.option("--verbose", "-v", is_flag=True, expose_value=False, hidden=True)
def cli() -> None:
    """Write what shippers publish: to a terminal, to files, or wherever a sink type writes.

    With --config FILE NAME, run the sink NAME of that file until SIGTERM.
    """


@cli.command("daemon", short_help="Run a sink of a configuration file (the default).")
@config_option
@click.argument("name", required=False, shell_complete=offer(names_in))
@click.option("--check", is_flag=True, help="Only check the configuration, and print what would run.")
@logs.options
@daemon.errors_to_exit_codes
def daemon_command(config: Path | None, name: str | None, check: bool, log: logs.Wanted) -> int:
    """Run the sink NAME of a configuration file until SIGTERM."""
    logs.configure(f"sink {name or ''}".strip(), None if check else log)
    path = required(config)
    name = name or no_name(path)
    plan = plan_of(document_of(path), name)
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
@options(field_options, text_options)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per record.")
@click.option("--archive", metavar="TEMPLATE", help="Begin with the last records in the files of a file sink.")
@click.option(
    "--last", "-n", default=10, show_default=True, type=click.IntRange(1, 100_000), help="Of these, how many."
)
@daemon.errors_to_exit_codes
def console(  # noqa: PLR0913, PLR0917 - flags
    broker: str,
    log: logs.Wanted,
    least: str,
    bind: tuple[str, ...],
    as_json: bool,
    archive: str | None,
    last: int,
    **keys: object,
) -> int:
    """Show new records as they arrive, and leave nothing behind on the broker."""
    logs.configure("console", log)
    keys |= {"format": "json", "parsed": "all"} if as_json else {"format": "text"}
    if archive is not None:
        asked = importlib.import_module(SHOWS_LAST)  # only where somebody asks
        if not asked.show_last(archive, last, keys, least):
            return 0
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


cli.add_command(command_for("logbus-sinks"))


def _describe(plan: "Plan") -> int:
    patterns = bindings_of(plan.sink_type, plan.settings)
    wanted = f"bound by {', '.join(map(repr, patterns))}" if patterns else "bound to everything"
    article = "an" if plan.common.type.startswith(tuple("aeiou")) else "a"
    click.echo(f"{plan.name}: {article} {plan.common.type} sink, {wanted}, state in {plan.state or 'memory'}")
    click.echo(f"broker {visible(plan.broker.shown())}")
    for line in checked(plan.sink_type, plan.settings):
        click.echo(visible(line))
    return 0


def main() -> NoReturn:
    """Run the command line."""
    cli.main()
    sys.exit(0)


if __name__ == "__main__":
    main()
