"""What the commands share that read a sinks.yml: the option, and how its absence and its flaws are told."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from logbus.command_line.later import later
from logbus.config.settings import Broker, Document, load_document
from logbus.config.variables import unused_broker
from logbus.errors import UsageError

if TYPE_CHECKING:
    from sinks.settings import names_in
else:
    names_in = later("sinks.settings", "names_in")

__all__ = ["URL", "config_option", "document_of", "names_in", "no_name", "required", "url_option"]
logger = logging.getLogger("sinks")

URL = Broker().url
config_option = click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="The sinks.yml.")
url_option = click.option(
    "--broker", default=URL, envvar="LOGBUS_BROKER", metavar="URL", help="RabbitMQ. [env: LOGBUS_BROKER]"
)


def required(config: Path | None) -> Path:
    """Return the path that was given. Raises click's UsageError if none was."""
    if config is None:
        raise click.UsageError("--config is missing: which sinks.yml?")
    return config


def no_name(config: Path) -> NoReturn:
    """Raise UsageError, with the names of the sinks in a file."""
    raise UsageError(
        "choose a sink", "NAME is missing", f"the sinks of {config} are: {', '.join(names_in(config)) or 'none'}"
    )


def document_of(path: Path) -> Document:
    """Return a configuration; warn if LOGBUS_BROKER is set in vain."""
    document = load_document(path)
    if warning := unused_broker(document):
        logger.warning("%s", warning)
    return document
