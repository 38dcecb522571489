"""What a sink is, and how sink types are found.

A sink type is an entry point of the group `logbus.sinks`: a module, or any object, with

    Settings                        a msgspec.Struct: the keys that the type has in sinks.yml
    open_sink(settings, context)    -> Sink
    bindings(settings)              -> topic patterns to bind the queue with; absent or (): everything
    outputs(settings)               -> path templates of the files that it writes; absent or (): none
    durable(settings)               -> False if it remembers nothing (a terminal); absent: True

A sink that can be cut back to where it was at its last commit also implements `DurableSink`; the runner then makes what
it holds exactly once. The order is always: write, commit, ledger, acknowledge.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import msgspec

from logbus.batch import Batch
from logbus.errors import LogbusError, UsageError

GROUP = "logbus.sinks"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an output is committed: `length` in bytes (or any number that grows), and which file it is."""

    length: int
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What a sink is given besides its settings.

    `state` is a directory of its own, or None if it shall remember nothing. `remember(output, mark)` notes durably how
    far an output went before this sink first writes to it, so that a crash right after can be undone.
    """

    name: str
    state: Path | None
    remember: Callable[[str, Mark], None]
    is_new: bool = False


class Sink(Protocol):
    """Somewhere to write batches."""

    def write(self, batch: Batch) -> None:
        """Write one batch. Raises OutputError (try again later), BatchRefused (this one never), OutputClosed."""

    def commit(self) -> None:
        """Make durable what was written. Raises OutputError: then nothing since the last commit counts as saved."""

    def close(self) -> None:
        """Release what is held; what is not committed may be lost."""


@runtime_checkable
class DurableSink(Protocol):
    """A sink whose outputs can be cut back; these come on top of `Sink`."""

    def marks(self) -> Mapping[str, Mark]:
        """Return each output as of the commit just made; one that is left out needs no cutting back any more."""

    def restore(self, marks: Mapping[str, Mark]) -> None:
        """Cut each output back to its mark: at the start, and after an OutputError.

        One that shrank or was replaced by someone is reported and kept as it is. Raises OutputError (try again later).
        """


@runtime_checkable
class PatientSink(Protocol):
    """A sink that may have to wait, for somebody who reads slowly: it is asked before each batch and each commit."""

    def ready(self) -> bool:
        """Go on with what could not be written at once; tell whether all of it is. Raises OutputClosed, OutputError."""


class SinkType(Protocol):
    """What an entry point of the group `logbus.sinks` gives; `bindings`, `outputs` and `durable` may be absent."""

    Settings: type[msgspec.Struct]

    def open_sink(self, settings: Any, context: Context) -> Sink:  # noqa: ANN401 - its own Settings, whatever they are
        """Return an open sink. Raises UsageError for settings that make no sense."""


class BatchRefused(LogbusError):  # noqa: N818 - as in logbus.errors
    """This sink can never write this batch: it is set aside in the dead letters."""


class OutputClosed(Exception):  # noqa: N818 - no error: whoever read our output has seen enough
    """Nobody reads the output any more; there is nothing left to do."""


def find_type(name: str) -> SinkType:
    """Return the sink type `name`. Raises UsageError if there is none, or if its package does not load."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        raise UsageError(f"use a sink of type {name!r}", "there is no such type", suggestion(name, found))
    try:
        return cast("SinkType", found[name].load())
    except ImportError as error:
        raise UsageError(
            f"use a sink of type {name!r}", error, "its package does not load: install it again"
        ) from error


def suggestion(word: str, known: Mapping[str, object]) -> str:
    """Return a hint: the known word that `word` resembles, or all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(sorted(known))}"


def bindings_of(sink_type: SinkType, settings: msgspec.Struct) -> tuple[str, ...]:
    """Return the topic patterns that the type asks for; () for everything."""
    ask = getattr(sink_type, "bindings", None)
    return tuple(ask(settings)) if ask else ()


def outputs_of(sink_type: SinkType, settings: msgspec.Struct) -> tuple[str, ...]:
    """Return the path templates of the files that a sink with these settings writes; () if there are none."""
    ask = getattr(sink_type, "outputs", None)
    return tuple(ask(settings)) if ask else ()


def is_durable(sink_type: SinkType, settings: msgspec.Struct) -> bool:
    """Return True if a sink with these settings has something to remember."""
    ask = getattr(sink_type, "durable", None)
    return bool(ask(settings)) if ask else True
