"""Writes a first configuration: never over one that is there, and readable by the daemon's user."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from logbus.errors import UsageError, visible

DAEMON: Final = "logbus"
"""The user of the units in config/systemd."""
MODE: Final = 0o640
DEFAULT_BROKER: Final = "${LOGBUS_BROKER:-amqp://guest:guest@127.0.0.1:5672/}"


def options(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator that gives a command `init` its options; the file is written to `default`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for each in (
            click.option("--print", "only_print", is_flag=True, help="Print it to standard output, and write nothing."),
            click.option("--broker", metavar="URL", help="RabbitMQ.  [$LOGBUS_BROKER at each start, or this host]"),
            click.option(
                "--config",
                type=click.Path(path_type=Path),
                default=default,
                show_default=True,
                help="The file to write.",
            ),
        ):
            command = each(command)
        return command

    return decorate


def deliver(text: str, config: Path, program: str, *, only_print: bool) -> int:
    """Print a configuration, or write it and say what is next; return the exit code. Raises UsageError."""
    if only_print:
        click.echo(text, nl=False)
    else:
        write_new(config, text)
        click.echo(f"wrote {visible(config)}; next: {program} doctor --config {visible(config)}", err=True)
    return 0


def write_new(path: Path, text: str) -> None:
    """Write a new file of mode 0640, which the daemon's group may read if root writes it. Raises UsageError."""
    cannot = f"write {path}"
    try:
        path.parent.mkdir(exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        hint = "compare it with what --print shows, or choose another with --config"
        raise UsageError(cannot, "it is there already, and is never overwritten", hint) from None
    except OSError as error:
        hint = "run this as root, choose another path with --config, or see it with --print"
        raise UsageError(cannot, error, hint) from None
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        if (user := daemon_user()) and not os.geteuid():
            os.fchown(fd, -1, user.pw_gid)
        file.write(text)


def daemon_user() -> pwd.struct_passwd | None:
    """Return the user that the units run as, if it exists here."""
    try:
        return pwd.getpwnam(DAEMON)
    except KeyError:
        return None


def quoted(text: str) -> str:
    """Return a text as a double-quoted scalar of YAML, in which no ${NAME} is a variable."""
    escaped = "".join(
        f"\\{ch}" if ch in '"\\' else ch if ch.isprintable() else f"\\U{ord(ch):08X}"
        for ch in text.replace("${", "$${")
    )
    return f'"{escaped}"'


def broker_url(given: str | None) -> str:
    """Return the value of `broker.url`: the given URL, or a variable with the usual default."""
    return quoted(given) if given else DEFAULT_BROKER
