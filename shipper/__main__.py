"""`logbus-shipper`, or `python -m shipper`: ship the named files, or run as a configured daemon."""

# Paths are hostile strings, passed to the operating system unchanged.
# ruff: noqa: PTH110, PTH112

from logbus import early

early.prepare(__name__)

import logging
import os
import resource
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
import msgspec

from logbus import daemon
from logbus.broker.connecting.connection import Connection
from logbus.broker.publishing.publisher import Publisher
from logbus.broker.publishing.window import Amount
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Program, printing_option
from logbus.command_line.completion import directories, files_and
from logbus.command_line.later import later
from logbus.config.settings import Broker, Document, check_again, load_document
from logbus.config.variables import unused_broker
from logbus.control.answering import Answering
from logbus.errors import SourceError, UsageError, counted, did_you_mean
from logbus.fleet.reporting import Reporter
from logbus.native import accelerators, pcre2
from shipper.agent import Agent
from shipper.control import Shipper, verbs
from shipper.files.discovery import found_by, left_out
from shipper.files.globs import check_inputs
from shipper.key_files import await_keys, check_keys
from shipper.own_status import describer, troubles
from shipper.progress_line import ProgressLine
from shipper.settings import Input, Settings
from shipper.state.registry import Registry

early.imported()
logger = logging.getLogger("shipper")

show = later("shipper.commands.check", "show")
serve = later("logbus.telemetry.serving", "serve")
"""Needs prometheus-client, which takes long to import."""
DESCRIPTORS_KEPT = 48
LEAST_BUDGET = 8
DESCRIPTORS_WANTED = 65_536

EPILOG = """
\b
Examples:
  logbus-shipper app.log                          follow a file, from its start
  logbus-shipper --once '/var/log/*.log'          ship the present content, wait for every confirm, exit
  dmesg --follow | logbus-shipper -               ship standard input
  logbus-shipper --state ~/.shipper --from end 'logs/**/*.log'   remember positions
  logbus-shipper init                                            write a configuration for what is on this host
  logbus-shipper doctor --config config/shipper.yml              is everything ready: files, limits, RabbitMQ?
  logbus-shipper --config config/shipper.yml --check             what would be shipped?
  logbus-shipper test --config config/shipper.yml app.log        how is each of its records handled, and why?
  logbus-shipper status --config config/shipper.yml              how far behind is each file?
  logbus-shipper explain app.log --config config/shipper.yml     is it shipped, and if not, why?
  logbus-shipper rewind app.log --config config/shipper.yml      ship it again
  logbus-shipper completion bash                                    complete its command line in bash, zsh or fish

\b
Commands, from init to completion, have a --help of their own. To ship a file called "status", write ./status.

\b
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 the broker refused us.
SIGTERM waits for confirms and exits, a second one exits at once. With --config, SIGHUP reloads the file and scans at
once; without, it acts as SIGTERM.
"""


COMMANDS = {
    "completion": "shipper.commands.completion",
    "doctor": "shipper.commands.doctor",
    "explain": "shipper.commands.explain",
    "init": "shipper.commands.init",
    "rewind": "shipper.commands.rewind",
    "status": "shipper.commands.status",
    "test": "shipper.commands.test",
}
"""Subcommands and their modules, which are imported only when used; each defines a command of the same name."""


@click.command(
    cls=Program,
    commands=COMMANDS,
    epilog=EPILOG,
    context_settings=CONTEXT,
)
@click.argument("paths", nargs=-1, metavar="[PATH|GLOB|-]...", shell_complete=files_and(COMMANDS))
@click.option("--config", type=click.Path(path_type=Path), help="Run as the daemon that this YAML file describes.")
@click.option(
    "--check", "only_check", is_flag=True, help="Show what would be shipped and exit: 0, or 2 on a configuration error."
)
@click.option("--broker", metavar="URL", help="RabbitMQ, or $LOGBUS_BROKER.  [amqp://guest:guest@127.0.0.1:5672/]")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    shell_complete=directories,
    help="Remember positions in this directory.",
)
@click.option("--once", is_flag=True, help="Ship the present content, wait until all of it is confirmed, then exit.")
@click.option(
    "--from", "start", type=click.Choice(["start", "end"]), help="Where to start in files that are not remembered."
)
@click.option("--label", metavar="WORD", help="The label of the records.  [the file's name up to its first dot]")
@click.option("--host", metavar="NAME", help="The host of the records.  [this host's name]")
@logs.options
@printing_option("--schema", "shipper.commands.schema", "Print the JSON Schema of the configuration file, and exit.")
@accelerators.version_option()
@daemon.errors_to_exit_codes
def main(  # noqa: PLR0913 - one parameter per flag
    *,
    paths: tuple[str, ...],
    config: Path | None,
    only_check: bool,
    broker: str | None,
    state: Path | None,
    once: bool,
    start: str | None,
    label: str | None,
    host: str | None,
    log: logs.Wanted,
) -> int:
    """Ship the lines of log files to RabbitMQ: every one, in order, across restarts of either side."""
    logs.configure("shipper", None if only_check else log)
    given = {"start": start, "label": label, "host": host}
    settings = _from_file(config, paths, given, broker) if config else _ad_hoc(paths, given)
    if broker or (not config and os.environ.get("LOGBUS_BROKER")):
        settings = msgspec.structs.replace(settings, broker=Broker(url=broker or os.environ["LOGBUS_BROKER"]))
    if state:
        settings = msgspec.structs.replace(settings, state=str(state))
    if config and not settings.state and any(each.paths != ["-"] for each in settings.inputs):
        logger.warning("there is no state: nothing is remembered, and each start ships every file again (set state)")
    if only_check:
        _check_secrets(settings)
        show(settings)
        return 0
    return _ship(settings, once=once, config=config)


def _from_file(config: Path, paths: tuple[str, ...], given: dict[str, str | None], broker: str | None) -> Settings:
    extra = [f"--{'from' if name == 'start' else name}" for name, value in given.items() if value] + list(paths)
    if extra:
        raise UsageError(f"use {extra[0]} together with --config", "the file sets it", f"set it in {config}")
    document = load_document(config)
    if not broker and (warning := unused_broker(document)):
        logger.warning("%s", warning)
    return _converted(document)


def _converted(document: Document) -> Settings:
    """Return a valid configuration of a shipper. Raises ConfigError."""
    settings = document.convert(Settings)
    check_inputs(document, settings)
    return settings


def _ad_hoc(paths: tuple[str, ...], given: dict[str, str | None]) -> Settings:
    if not paths:
        raise UsageError("ship", "no files were named", "give paths, globs or -, or --config FILE; see --help")
    if not os.path.lexists(paths[0]) and (meant := did_you_mean(paths[0], COMMANDS)):
        hint = f"{meant} To wait for a file of that name, write ./{paths[0]}"
        raise UsageError(f"ship {paths[0]}", "there is no such file, and no such command", hint)
    for path in paths:
        if path != "-" and os.path.isdir(path):
            raise UsageError(f"ship {path}", "it is a directory", f"quote a glob, such as '{path.rstrip('/')}/*.log'")
    files = [path for path in paths if path != "-"]
    groups = [["-"], files] if "-" in paths else [files]
    inputs = [
        Input(paths=group, label=given["label"] or "", start="end" if given["start"] == "end" else "start")
        for group in groups
        if group
    ]
    return Settings(inputs=inputs, host=given["host"] or "")


def _ship(settings: Settings, *, once: bool, config: Path | None) -> int:
    if once:
        _require_something(settings)
    await_keys(settings)
    registry = Registry(Path(settings.state) if settings.state else None)
    link = Connection(settings.broker, role="shipper")
    publisher = Publisher(link, Amount(settings.window.batches, settings.window.bytes))
    own = str(config) if config else ""
    read_again = partial(check_again, config, _check) if config else None
    with ExitStack() as unless_built:
        unless_built.callback(registry.close)
        unless_built.callback(link.close)
        agent = Agent(settings, publisher, registry, once=once, waker=link, budget=_descriptors(), config=own)
        unless_built.pop_all()
    if not once:
        describe = describer(agent, publisher, settings)
        link.guests.invite(Reporter(link, describe, partial(troubles, agent)))
        if settings.control != "off":
            shipper = Shipper(settings, agent.lives, own)
            link.guests.invite(Answering(link, verbs(shipper, describe, link.call_later, read_again)))
    if settings.metrics:
        serve(settings.metrics, "shipper")
    if not pcre2.version():
        logger.info("PCRE2 is missing, or has no JIT here: severities take longer (see --version --verbose)")
    service = ProgressLine(agent) if once and sys.stderr.isatty() else agent
    began = time.monotonic()
    code = daemon.run(service, link, drain_timeout_s=settings.drain_timeout_s, read_again=read_again)
    if once and (agent.records or not agent.failures):
        took_s = time.monotonic() - began
        click.echo(
            f"shipped {counted(agent.records, 'line')}, {counted(agent.bytes, 'byte')} of "
            f"{counted(agent.files, 'file')} in {took_s:.1f} s",
            err=True,
        )
    return code or int(once and (agent.failures > 0 or not agent.complete))


def _check(document: Document) -> None:
    """Raise UsageError if a document is no valid shipper configuration, or one of its secrets cannot be used."""
    _check_secrets(_converted(document))


def _check_secrets(settings: Settings) -> None:
    settings.broker.check()
    check_keys(settings)


def _require_something(settings: Settings) -> None:
    """Raise SourceError if there is no file to ship."""
    inputs = [each for each in settings.inputs if each.paths != ["-"]]
    if len(inputs) == len(settings.inputs) and not found_by(inputs):
        paths = [path for each in inputs for path in each.paths]
        if why := next((why for each in inputs for path in each.paths if (why := _left_out(path, each))), ""):
            hint = (
                "ship what it was made of; or its content: zcat FILE | ... -, or include_compressed in a configuration"
            )
            raise SourceError(f"ship {', '.join(paths)}", f"it is {why}", hint)
        raise SourceError(f"ship {', '.join(paths)}", "there is no such file", "check the path; quote a glob")


def _left_out(path: str, entry: Input) -> str:
    """Return why a file that exists is left out, if it is."""
    return left_out(path, entry) if os.path.exists(path) else ""


def _descriptors() -> int:
    """Raise the soft limit of descriptors as far as the hard one allows; return how many files may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(LEAST_BUDGET, soft - DESCRIPTORS_KEPT)


if __name__ == "__main__":
    main()
