"""The sink type `severity`: passes some records to another sink, by severity, host, label and fields.

Its queue is bound through the topic exchange, so RabbitMQ discards batches without a wanted record; unwanted records of
the others are dropped here. The inner sink is of any type, and decides whether this one is durable.

A message from a program that does not know Logbus has no severity in its routing key. All of them are delivered here,
if any host and label is accepted, and are judged by their content.
"""

from collections.abc import Mapping

import msgspec

from logbus.batch import Batch, select, word
from logbus.config.checking import problems, with_units
from logbus.config.patterns import compile_glob
from logbus.errors import UsageError
from logbus.severity import Severity, parse_severity
from sinks.sink import (
    Context,
    DurableSink,
    InformedSink,
    Mark,
    PatientSink,
    Sink,
    SinkType,
    find_type,
    is_durable,
    outputs_of,
)
from sinks.where import Where

ANY = "*"
ANY_FOREIGN = ""
"""Among bindings: all messages of other programs."""
_GIVE = "give either min or severities, or only where"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a severity sink.

    `min`: this severity and worse ones, or `severities`: exactly these. `host` and `label`: one, or "*" for any.
    `where`: names of fields -> globs that their texts match; the operator's labels are `fields.NAME`.
    `write`: the settings of the sink that gets the selected records, with its `type`.
    """

    write: dict[str, object]
    min: str | None = None
    severities: list[str] | None = None
    host: str = ANY
    label: str = ANY
    where: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Check severities, globs and the inner sink's settings. Raises UsageError."""
        wanted_severities(self)
        for glob in self.where.values():
            compile_glob(glob)
        inner_of(self)


class SeveritySink:
    """Passes records whose level is one of `wanted` (ASCII digits), and which match `where`, to `inner`."""

    def __init__(self, inner: Sink, wanted: bytes, where: Where | None = None) -> None:
        self._inner = inner
        self._patient = inner if isinstance(inner, PatientSink) else None  # asked once: it takes 20 us
        self._wanted = wanted
        self._where = where
        self._mask = bytes(level in wanted for level in range(256))

    def write(self, batch: Batch) -> None:
        """Write the wanted records of a batch; its position stays that of the whole."""
        mask = batch.levels.translate(self._mask)
        if self._where and 1 in mask:
            mask = self._where.narrowed(mask, batch)
        if 0 not in mask:
            self._inner.write(batch)
        elif 1 in mask:
            self._inner.write(select(batch, mask))

    def commit(self) -> None:
        """Commit the inner sink."""
        self._inner.commit()

    def marks(self) -> Mapping[str, Mark]:
        """Return the inner sink's marks."""
        return self._inner.marks() if isinstance(self._inner, DurableSink) else {}

    def restore(self, marks: Mapping[str, Mark]) -> None:
        """Restore the inner sink."""
        if isinstance(self._inner, DurableSink):
            self._inner.restore(marks)

    def committed(self) -> None:
        """Tell the inner sink that the ledger has recorded the commit."""
        if isinstance(self._inner, InformedSink):
            self._inner.committed()

    def ready(self) -> bool:
        """Return True if the inner sink accepts a batch now."""
        return self._patient is None or self._patient.ready()

    def close(self) -> None:
        """Close the inner sink."""
        self._inner.close()


def open_sink(settings: Settings, context: Context) -> SeveritySink:
    """Return a severity sink in front of the one under `write`. Raises UsageError."""
    inner_type, inner_settings = inner_of(settings)
    where = Where(settings.where) if settings.where else None
    return SeveritySink(inner_type.open_sink(inner_settings, context), _digits(settings), where)


def bindings(settings: Settings) -> tuple[str, ...]:
    """Return the topic patterns: one per severity, and ANY_FOREIGN if messages of other programs may be wanted."""
    host, label = (ANY if each == ANY else word(each) for each in (settings.host, settings.label))
    if len(wanted := wanted_severities(settings)) == len(Severity):
        return ("#",) if host == label == ANY else (f"{host}.{label}.#",)
    patterns = tuple(f"{host}.{label}.#.{severity.word}.#" for severity in wanted)
    return (ANY_FOREIGN, *patterns) if host == label == ANY else patterns


def outputs(settings: Settings) -> tuple[str, ...]:
    """Return the files that the inner sink writes."""
    return outputs_of(*inner_of(settings))


def durable(settings: Settings) -> bool:
    """Return True if the inner sink is durable."""
    return is_durable(*inner_of(settings))


def inner_of(outer: Settings) -> tuple[SinkType, msgspec.Struct]:
    """Return the inner sink's type and settings. Raises UsageError."""
    keys = dict(outer.write)
    name = keys.pop("type", None)
    if not isinstance(name, str):
        raise UsageError("use the settings under write", "they name no type", "add one, as in type: file")
    inner_type = find_type(name)
    keys = with_units(keys, inner_type.Settings)
    found = list(problems(keys, inner_type.Settings, ("write",), lambda _keys: None))
    if found:
        flaws = "; ".join(f"{'.'.join(map(str, each.keys))}: {each.flaw}" for each in found)
        raise UsageError("use the settings under write", flaws)
    return inner_type, msgspec.convert(keys, inner_type.Settings)


def wanted_severities(settings: Settings) -> list[Severity]:
    """Return the severities that the settings ask for, worst first. Raises UsageError."""
    if settings.min is None and settings.severities is None and settings.where:
        return list(Severity)
    if (settings.min is None) == (settings.severities is None):
        raise UsageError("use the severity sink's settings", _GIVE, "as in min: err")
    if settings.min is not None:
        least = parse_severity(settings.min, "min")
        return [severity for severity in Severity if severity <= least]
    return sorted({parse_severity(each, "severities:") for each in settings.severities or []})


def _digits(settings: Settings) -> bytes:
    return b"".join(b"%d" % severity for severity in wanted_severities(settings))
