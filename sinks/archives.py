"""The file sinks of a configuration, whose outputs are an archive."""

from pathlib import Path

import msgspec

from logbus.config.settings import Document
from logbus.errors import UsageError
from sinks import file as file_sink
from sinks import severity as severity_sink
from sinks.settings import plan_of, plans_of


def file_sinks(config: Path, document: Document, names: tuple[str, ...]) -> dict[str, file_sink.Settings]:
    """Return the settings of the file sinks in a `document` read from `config`, those within others too.

    `names`: of the sinks that are meant, all if empty. Raises UsageError if none writes files.
    """
    plans = {name: plan_of(document, name) for name in names} or plans_of(document)
    inside = {name: _innermost(each.settings) for name, each in plans.items()}
    found = {name: each for name, each in inside.items() if isinstance(each, file_sink.Settings)}
    if not found:
        raise UsageError(
            f"search what {config} says", "none of its sinks writes files", "name a file sink, or use --path"
        )
    return found


def states(document: Document, names: tuple[str, ...]) -> dict[str, Path]:
    """Return the state directories of the sinks with these names, all if empty, as far as they have one."""
    plans = {name: plan_of(document, name) for name in names} or plans_of(document)
    return {name: each.state for name, each in plans.items() if each.state}


def _innermost(settings: msgspec.Struct) -> msgspec.Struct:
    """Return the settings of the sink that a severity sink passes records to."""
    while isinstance(settings, severity_sink.Settings):
        settings = severity_sink.inner_of(settings)[1]
    return settings
