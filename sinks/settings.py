"""The settings in sinks.yml: one broker, one state directory, and the sinks, each with common keys and its type's."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from logbus.batch import MAX_BODY_BYTES
from logbus.broker.topology import PREFETCH, RESERVED, Limits
from logbus.config.settings import Broker, Document, load_document
from logbus.control.verbs import READ, Mode, Permission, Users, permission_of
from logbus.errors import UsageError
from logbus.telemetry.address import address_of
from sinks.delivery.group_commit import ARRIVED_BYTES, COMMIT_BYTES, COMMIT_S
from sinks.overlap import collisions
from sinks.sink import SinkType, find_type, is_durable, outputs_of, suggestion

STATE = "/var/lib/logbus/sinks"

_NAME = re.compile(r"[a-z0-9_-]+")


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `queue` section of a durable sink. A sink without state has an exclusive queue, which ignores this.

    `max_batches`, `max_bytes`: when it is full; `overflow`: then shippers wait (`block`), or the oldest is lost.
    `expires_s`: how long it stays without a consumer.
    """

    type: Literal["quorum", "classic"] = "quorum"
    max_batches: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    overflow: Literal["block", "drop_oldest"] = "block"
    expires_s: Annotated[int, msgspec.Meta(ge=1, le=4_000_000)] | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for settings that do not go together."""
        if self.overflow == "drop_oldest" and not (self.max_batches or self.max_bytes):
            raise UsageError("use overflow: drop_oldest", "the queue has no limit", "give max_batches or max_bytes")

    @property
    def limits(self) -> Limits:
        """The limits to declare."""
        return Limits(self.max_batches, self.max_bytes, self.overflow == "drop_oldest", self.expires_s)


class Common(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys that every sink has; sizes in bytes, times in milliseconds, `prefetch` in batches.

    `prefetch_bytes` bounds what waits here while a sink cannot write.
    `put_away_days`: see `sinks.ledger.ledger`. `metrics`: the address to serve metrics on, such as 127.0.0.1:9465.
    """

    type: str
    queue: Queue = Queue()
    prefetch: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = PREFETCH
    prefetch_bytes: Annotated[int, msgspec.Meta(ge=MAX_BODY_BYTES)] = ARRIVED_BYTES
    commit_bytes: Annotated[int, msgspec.Meta(ge=1, le=1 << 30)] = COMMIT_BYTES
    commit_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = int(COMMIT_S * 1000)
    put_away_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    metrics: str | None = None

    def __post_init__(self) -> None:
        """Check the address of the metrics. Raises UsageError."""
        if self.metrics:
            address_of(self.metrics)

    def prefetch_batches(self, *, may_wait: bool) -> int:
        """Return how many unacknowledged batches RabbitMQ may deliver.

        A sink that may wait for its reader does not give back what waits here, so each batch counts as the largest that
        a shipper makes: RabbitMQ counts only messages.
        """
        return min(self.prefetch, self.prefetch_bytes // MAX_BODY_BYTES) if may_wait else self.prefetch

    @property
    def put_away_s(self) -> float | None:
        """`put_away_days` in seconds."""
        return None if self.put_away_days is None else self.put_away_days * 86_400.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; each durable sink keeps its ledger in `state`/NAME."""

    sinks: dict[str, dict[str, object]]
    broker: Broker = Broker()
    state: str = STATE
    control: Mode = "read"
    control_users: Users = []

    def __post_init__(self) -> None:
        """Check what control allows. Raises UsageError."""
        permission_of(self.control, self.control_users)


class Plan(Struct, frozen=True):
    """Everything needed to run one sink; `state` is None if it keeps no state."""

    name: str
    broker: Broker
    state: Path | None
    sink_type: SinkType
    settings: msgspec.Struct
    common: Common
    control: Permission = READ


def load_plan(path: Path, name: str) -> Plan:
    """Return the plan of the sink `name` in the file `path`; the other sinks are checked too. Raises ConfigError."""
    return plan_of(load_document(path), name)


def plan_of(document: Document, name: str) -> Plan:
    """Return the plan of the sink `name` in a document; the other sinks are checked too. Raises ConfigError."""
    plans = plans_of(document)
    if name not in plans:
        raise document.error(f"there is no sink {name!r}: {suggestion(name, plans)}", "sinks")
    return plans[name]


def names_in(path: Path | None) -> list[str]:
    """Return the names of the sinks in a file. Raises ConfigError."""
    return list(load_document(path).convert(Settings).sinks) if path else []


def plans_of(document: Document) -> dict[str, Plan]:
    """Return the plan of each sink in a document. Raises ConfigError."""
    settings = document.convert(Settings)
    plans = {name: _plan(document, settings, name) for name in settings.sinks}
    for one, other in collisions({name: outputs_of(plan.sink_type, plan.settings) for name, plan in plans.items()}):
        raise document.error(
            f"the sinks {one} and {other} could write to one file, and each would cut off the other's lines: "
            "give each a path of its own",
            *("sinks", other),
        )
    return plans


def _plan(document: Document, settings: Settings, name: str) -> Plan:
    try:
        check_name(name)
        ours = set(Common.__struct_fields__)
        common = document.convert(Common, "sinks", name, without=settings.sinks[name].keys() - ours)
        sink_type = find_type(common.type)
    except UsageError as error:
        raise (
            error if type(error) is not UsageError else document.error(f"{error.cause} ({error.hint})", "sinks", name)
        ) from None
    own = document.convert(sink_type.Settings, "sinks", name, without=ours)
    state = Path(settings.state) / name if is_durable(sink_type, own) else None
    permission = permission_of(settings.control, settings.control_users)
    return Plan(name, settings.broker, state, sink_type, own, common, permission)


def check_name(name: str) -> None:
    """Raise UsageError for a name that no sink can have."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"name a sink {name!r}", f"{name!r} is not a valid name", "use a-z, 0-9, - and _")
    if name in RESERVED:
        raise UsageError(f"name a sink {name!r}", f"logs.{name} is Logbus's own", "choose another name")


def ad_hoc_plan(name: str, type_name: str, keys: dict[str, object], broker: str, state: Path | None = None) -> Plan:
    """Return the plan of a sink given by flags: its queue is `logs.<name>`. Raises UsageError."""
    check_name(name)
    sink_type = find_type(type_name)
    own = msgspec.convert(keys, sink_type.Settings)
    return Plan(name, Broker(url=broker), state, sink_type, own, Common(type=type_name))
