"""The interfaces of a sink, and how sink types are found.

A sink type is an entry point of the group `logbus.sinks`: a module, or any object, with

    Settings                        a msgspec.Struct: the type's own keys in sinks.yml
    open_sink(settings, context)    -> Sink
    bindings(settings)              -> topic patterns to bind the queue with; absent or (): everything; "" among
                                       them: all messages of other programs
    outputs(settings)               -> path templates of the files that it writes; absent or (): none
    durable(settings)               -> False if it keeps no state (a terminal); absent: True
    hears(settings)                 -> True if its sinks have a method `hear` (permissions to read them); absent: False
    gives_way(settings)             -> True if its process lets others go first on a busy host; absent: False
    check(settings)                 -> lines about what it would do, for `--check`; absent: none. It raises UsageError
                                       for what cannot work, such as a secret that cannot be read

A sink that can be cut back to its last commit also implements `DurableSink`; the runner then gives it exactly-once
output. The order is always: write, commit, ledger, acknowledge.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast, runtime_checkable

import msgspec
from msgspec import Struct

from logbus.batch import Batch, Head
from logbus.errors import LogbusError, UsageError, did_you_mean
from logbus.fleet.status import Status

GROUP = "logbus.sinks"
OWN: Final = frozenset(["alert", "console", "file", "severity", "web"])
"""Our own types, packages of these names: found without asking all installed packages, which takes as long again."""


class Mark(Struct, frozen=True):
    """The committed `length` of an output in bytes (or any number that grows), and the `identity` of its file."""

    length: int
    identity: str = ""


class Context(Struct, frozen=True):
    """What a sink is given besides its settings.

    `state` is a directory of its own, or None if it keeps no state. `remember(output, mark)` saves the mark of an
    output before this sink first writes to it, so that a crash right after can be undone.
    """

    name: str
    state: Path | None
    remember: Callable[[str, Mark], None]
    is_new: bool = False


class Sink(Protocol):
    """Somewhere to write batches."""

    def write(self, batch: Batch) -> None:
        """Write one batch. Raises OutputError (retry later), BatchRefused (never retry this one), OutputClosed."""

    def commit(self) -> None:
        """Make everything written durable. Raises OutputError: then nothing since the last commit counts as saved."""

    def close(self) -> None:
        """Release all resources; what is not committed may be lost."""


@runtime_checkable
class DurableSink(Protocol):
    """A sink whose outputs can be cut back; these methods are in addition to those of `Sink`."""

    def marks(self) -> Mapping[str, Mark]:
        """Return the mark of each output as of the latest commit; one left out need not be cut back any more."""

    def restore(self, marks: Mapping[str, Mark]) -> None:
        """Cut each output back to its mark: at the start, and after an OutputError.

        An output that somebody truncated or replaced is reported and kept as it is. Raises OutputError (retry later).
        """


@runtime_checkable
class PatientSink(Protocol):
    """A sink that may have to wait for a slow reader: it is asked before each batch and each commit."""

    def ready(self) -> bool:
        """Continue a write that did not finish; return True if it is complete. Raises OutputClosed, OutputError."""


@runtime_checkable
class InformedSink(Protocol):
    """A sink that is told when the ledger has recorded its last commit, which is then never cut back."""

    def committed(self) -> None:
        """Take note of it. Raises nothing."""


@runtime_checkable
class SkimmingSink(Protocol):
    """A sink that only counts the records of some batches, so that these need not be decompressed."""

    def skims(self, head: Head) -> bool:
        """Return True if the records of a batch are only to be counted."""

    def pass_over(self, head: Head) -> None:
        """Count the records of a batch that it skims. Raises nothing."""


@runtime_checkable
class HearingSink(Protocol):
    """A sink that also wants to know how the processes of the fleet are."""

    def hear(self, status: Status) -> None:
        """Take in what a process says of itself. Raises nothing."""


class SinkType(Protocol):
    """An entry point of the group `logbus.sinks`; `bindings`, `outputs` and what follows may be absent."""

    Settings: type[msgspec.Struct]

    def open_sink(self, settings: Any, context: Context) -> Sink:  # noqa: ANN401 - its own Settings, whatever they are
        """Return an open sink. Raises UsageError for invalid settings."""


class BatchRefused(LogbusError):  # noqa: N818 - as in logbus.errors
    """This sink can never write this batch: it goes to the dead letters."""


class OutputClosed(Exception):  # noqa: N818 - no error: the reader of our output has seen enough
    """The output's reader is gone; there is nothing left to do."""


def find_type(name: str) -> SinkType:
    """Return the sink type `name`. Raises UsageError if it does not exist, or its package cannot be imported."""
    try:
        return cast("SinkType", import_module(f"sinks.{name}")) if name in OWN else _other_type(name)
    except ImportError as error:
        raise UsageError(
            f"use a sink of type {name!r}", error, "its package cannot be imported: reinstall it"
        ) from error


def _other_type(name: str) -> SinkType:
    """Return a sink type of another package. Raises UsageError, ImportError."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - large, and only for types of others

    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        raise UsageError(f"use a sink of type {name!r}", "there is no such type", suggestion(name, found))
    return cast("SinkType", found[name].load())


def suggestion(word: str, known: Mapping[str, object]) -> str:
    """Return a hint: the known word that `word` resembles, or all of them."""
    return did_you_mean(word, known) or f"there is {', '.join(sorted(known))}"


def _asked(sink_type: SinkType, question: str, settings: msgspec.Struct, absent: Any) -> Any:  # noqa: ANN401 - of any question
    """Return what a type answers about settings; `absent` if it does not know the question."""
    ask = getattr(sink_type, question, None)
    return ask(settings) if ask else absent


def bindings_of(sink_type: SinkType, settings: msgspec.Struct) -> tuple[str, ...]:
    """Return the topic patterns for the queue; () for everything."""
    return tuple(_asked(sink_type, "bindings", settings, ()))


def outputs_of(sink_type: SinkType, settings: msgspec.Struct) -> tuple[str, ...]:
    """Return the path templates of the files that a sink with these settings writes; () if there are none."""
    return tuple(_asked(sink_type, "outputs", settings, ()))


def checked(sink_type: SinkType, settings: msgspec.Struct) -> tuple[str, ...]:
    """Return lines about what a sink with these settings would do. Raises UsageError if it cannot."""
    return tuple(_asked(sink_type, "check", settings, ()))


def is_durable(sink_type: SinkType, settings: msgspec.Struct) -> bool:
    """Return True if a sink with these settings keeps state."""
    return bool(_asked(sink_type, "durable", settings, True))  # noqa: FBT003 - what it is without an answer


def hears_fleet(sink_type: SinkType, settings: msgspec.Struct) -> bool:
    """Return True if a sink with these settings has a method `hear`, for the statuses of the fleet."""
    return bool(_asked(sink_type, "hears", settings, False))  # noqa: FBT003 - as above


def gives_way(sink_type: SinkType, settings: msgspec.Struct) -> bool:
    """Return True if a sink with these settings is less urgent than other processes of its host."""
    return bool(_asked(sink_type, "gives_way", settings, False))  # noqa: FBT003 - as above
