"""`logbus-shipper doctor`: whether this host and RabbitMQ are ready for a shipper. Changes nothing."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from logbus import daemon
from logbus.broker.session import Session
from logbus.broker.topology import LOGS, Exchange
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.config.settings import load_document
from logbus.config.variables import unused_broker
from logbus.doctor import broker, disks, host, limits, page, permissions, queues
from logbus.doctor.verdicts import MISCONFIGURED, REFUSED, Check, ok, problem, problem_of, warning
from logbus.errors import SourceError, UsageError, counted, describe, visible
from shipper.files.complaints import HINT
from shipper.files.discovery import Discovery, Found
from shipper.files.globs import check_inputs
from shipper.files.opening import open_regular
from shipper.files.patterns import Directories
from shipper.files.watcher import Watcher
from shipper.settings import Input, Settings

INPUTS: Final = "inputs"
SHOWN: Final = 5
UNIT: Final = "logbus-shipper"
ALLOW: Final = "`logbus-sinks topology permissions` prints what to allow"
EPILOG: Final = f"""
\b
Examples:
  logbus-shipper doctor --config config/shipper.yml
  sudo -u logbus logbus-shipper doctor --config /etc/logbus/shipper.yml --strict
{page.EXIT_CODES}"""


@click.command(cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@click.option("--config", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The shipper.yml.")
@page.options
@daemon.errors_to_exit_codes
def doctor(*, config: Path, as_json: bool, strict: bool) -> int:
    """Check everything that a shipper needs: its files, disk and limits, RabbitMQ, permissions and queues.

    Each check has a verdict, what was found, and what to do. Nothing is changed.
    """
    logs.configure("doctor")
    return page.show(checks(config), as_json=as_json, strict=strict)


def checks(config: Path) -> Iterator[Check]:
    """Yield all checks of a configuration; only the first, if it is invalid."""
    try:
        document = load_document(config)
        settings = document.convert(Settings)
        check_inputs(document, settings)
    except UsageError as error:
        yield problem_of("configuration", str(config), error)
        return
    yield ok("configuration", str(config), f"valid: {counted(len(settings.inputs), 'input')}")
    if unused := unused_broker(document):
        yield warning("configuration", "LOGBUS_BROKER", unused, "write ${LOGBUS_BROKER} in the file, or unset it")
    yield from host.software()
    yield host.user(settings.state)
    seen = Seen()
    found = list(_scanned(settings, seen))
    for entry in (entry for entry in settings.inputs if entry.paths != ["-"]):
        yield from of_input(entry, [each for each in found if each.input is entry])
    yield from of_directories(seen.directories)
    yield from _state(settings)
    yield from _system(settings, len(found), seen)
    yield from broker.checks(settings.broker, questions)
    yield from queues.of_all_sinks(settings.broker)
    yield from broker.cluster(settings.broker)


class Seen(Watcher):
    """Remembers the directories that a shipper would watch, and watches none."""

    def __init__(self) -> None:
        self.directories: Directories = {}

    def watch(self, directories: object) -> None:
        """Remember the directories, with the error of each that cannot be read."""
        assert isinstance(directories, dict)  # noqa: S101 - as Discovery calls it
        self.directories = directories


def _scanned(settings: Settings, seen: Seen) -> Iterator[Found]:
    """Yield the files of all inputs; what a scan would log is a check here."""
    with _silence():
        yield from Discovery([each for each in settings.inputs if each.paths != ["-"]], seen).scan()


@contextmanager
def _silence() -> Iterator[None]:
    logger = logging.getLogger("shipper")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def of_input(entry: Input, found: list[Found]) -> Iterator[Check]:
    """Yield whether an input's files are there, and can be read."""
    name = visible(", ".join(entry.paths))
    unreadable = {each.path: why for each in found if (why := _unreadable(each.path))}
    if entry.redact and entry.redact.key_file and not Path(entry.redact.key_file).is_file():
        found_there = f"the key file {entry.redact.key_file} is no file"
        yield problem(INPUTS, name, found_there, "make it, or remove key_file", MISCONFIGURED)
    if not found:
        yield warning(INPUTS, name, "no file matches yet", "check the path, and who may list its directory")
    elif unreadable:
        reasons = ", ".join(f"{why}: {number}" for why, number in Counter(unreadable.values()).items())
        some = ", ".join(list(unreadable)[:SHOWN])
        yield problem(
            INPUTS, name, f"{counted(len(unreadable), 'file')} of {len(found)} cannot be read ({reasons}): {some}", HINT
        )
    else:
        size = sum(each.status.st_size for each in found)
        yield ok(INPUTS, name, f"{counted(len(found), 'file')}, {size:,} bytes")


def of_directories(directories: Directories) -> Iterator[Check]:
    """Yield a problem for each directory that cannot be listed."""
    for path, error in directories.items():
        if error and not isinstance(error, FileNotFoundError | NotADirectoryError):
            yield problem(
                INPUTS, path, f"cannot be listed: {describe(error)}", "let the daemon's user read and enter it"
            )


def _unreadable(path: str) -> str:
    """Return why a file cannot be read; "" if it can, or is gone by now."""
    try:
        open_regular(path).close()
    except FileNotFoundError:
        return ""
    except (OSError, SourceError) as error:
        return describe(getattr(error, "cause", error))
    return ""


def _state(settings: Settings) -> Iterator[Check]:
    if settings.state:
        yield from disks.directory("state", settings.state)
    else:
        found = "none is set: nothing is remembered, and each start ships every file again"
        yield warning("files", "state", found, "set state: /var/lib/logbus/shipper")


def _system(settings: Settings, files: int, seen: Seen) -> Iterator[Check]:
    lock = Path(settings.state or "/nonexistent") / "lock"
    pid = host.holder(lock, "shipper")
    yield host.clock()
    yield limits.open_files(files + 48, pid)
    if settings.watch == "auto":
        yield from limits.inotify(len(seen.directories), runs=pid > 0)
    yield host.unit(UNIT)
    yield host.daemon(lock, "shipper")


def questions(link: Session) -> Iterator[Check]:
    """Yield whether RabbitMQ has what a shipper publishes to, and lets this user publish."""
    allowed = permissions.may_write(link, LOGS)
    if not allowed:
        pass  # RabbitMQ 4.3 does not tell a user without any permission for an exchange whether it exists
    elif not link.exists(Exchange(LOGS, "fanout")):
        advice = "start a sink, or let an operator run: logbus-sinks topology apply"
        yield warning("topology", f"exchange {LOGS}", "missing: the shipper makes it if it may", advice)
    else:
        yield ok("topology", f"exchange {LOGS}", "there")
    if allowed:
        yield ok("permissions", f"write {LOGS}", "allowed")
    else:
        yield problem("permissions", f"write {LOGS}", "refused: nothing can be published", ALLOW, REFUSED)
    yield permissions.of_status(link, ALLOW)
