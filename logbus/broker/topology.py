r"""Every exchange, queue, binding and key name. `declaring` declares them.

    logs (fanout) --> logs.<sink>                     a sink that wants everything
                 \-> logs.topic --> logs.<sink>       a sink that wants some severities, hosts or labels
                  \-> logs.headers --> ...            for other programs
                   \-> logs.batches - - -> logs.foreign --> logs.<sink>    messages of other programs

    logs.status (topic)     what shippers and sinks say of themselves, under <host>.<role>; nothing keeps it
    logs.control (direct)   what they are asked, under <host>.<role>; each has a queue that ends with it
    logs.answers (direct)   what they answer, under the asker's queue

RabbitMQ counts a message as unroutable if it matches nothing on a topic exchange, and a shipper retries what is
unroutable. That is right while no queue is bound, and wrong once a selective sink's is: lines that the sink does not
want must not stall the shipper. So `logs.topic` has the alternate exchange `logs.unmatched`, which exists exactly as
long as a selective queue does: it is auto-deleted with its last binding, and each selective queue has one, with a key
that no message has. Behind it are the exchange `logs.drain` and the queue `logs.unmatched` of length 0: it counts as a
route and keeps nothing. (Measured on 3.10.8: a message to `logs` is returned before the first selective queue is bound
and after the last one is deleted, and routed in between.)

All sinks need that queue, so it is a quorum queue: a classic queue lives on one node of a cluster. The classic queue
`logs.drain` of older versions is neither used nor declared. While it exists, it keeps discarding what it gets.

A sink that wants some severities gets all messages of other programs, and judges them itself, since no routing key says
how severe they are. RabbitMQ cannot bind by the absence of something, but an alternate exchange gets what no binding
takes: `logs.batches` has one binding, for messages with a batch's headers, and `logs.foreign` gets the others. The
binding leads to `logs.topic`, where the message is anyway: RabbitMQ routes through an exchange once, and into a queue
once, whatever bindings lead there. (Measured on 3.10.8, 4.0.5 and 4.3.6; so is that a message is still returned where
no queue is bound.)
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct, field

from logbus.errors import UsageError

LOGS = "logs"
TOPIC = "logs.topic"
HEADERS = "logs.headers"
DEAD = "logs.dead"
UNMATCHED = "logs.unmatched"
DRAIN = "logs.drain"
BATCHES = "logs.batches"
FOREIGN = "logs.foreign"
STATUS = "logs.status"
CONTROL = "logs.control"
ANSWERS = "logs.answers"
RESERVED = frozenset({"topic", "headers", "dead", "unmatched", "drain", "batches", "foreign"})
"""Names that a sink cannot have: its queue would have the name of one of ours."""
NEVER = "-"
"""A binding key that no message has: routing keys of batches contain dots."""

ANY_FOREIGN = ""
"""Among the patterns of a sink: all messages of other programs, whatever their keys."""
OF_BATCHES: Mapping[str, object] = {"x-match": "all", "stream": None, "offset": None, "records": None}
"""The arguments of a binding: messages that have all these headers, with any value."""

NO_DELIVERY_LIMIT = 2**31 - 1
"""RabbitMQ 4 removes a message after 20 deliveries: a sink that crashes for its own reasons would empty its queue.
-1 would be clearer, but means "none" only in 4.x: 3.10.8 accepts it, and removes a message at its first return."""

PREFETCH = 1024
"""Deliveries that a consumer may have without an acknowledgement."""

QueueType = Literal["quorum", "classic"]


class Exchange(Struct, frozen=True):
    """An exchange as we declare it."""

    name: str
    type: Literal["fanout", "topic", "headers", "direct"]
    auto_delete: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)


class Queue(Struct, frozen=True):
    """A queue as we declare it; an `exclusive` one dies with its connection and is never a quorum queue."""

    name: str
    type: QueueType = "quorum"
    exclusive: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)


class Binding(Struct, frozen=True):
    """A binding from an exchange to a queue or to another exchange."""

    source: str
    destination: str
    key: str = ""
    to_exchange: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)


Declaration = Exchange | Queue | Binding
Plan = tuple[Declaration, ...]
"""What to declare, in this order."""

_LASTING: Mapping[QueueType, Mapping[str, object]] = {
    "quorum": {"x-delivery-limit": NO_DELIVERY_LIMIT},
    "classic": {},
}

DEAD_MAX_BYTES = 256 << 20
"""The most that dead letters may take: whoever publishes poison must not fill the broker's disk."""
OWN_MAX_BATCHES = 10_000
OWN_MAX_BYTES = 64 << 20
OWN_EXPIRES_S = 60
"""How much an ad hoc queue keeps for a slow reader, and how long it stays without a consumer."""

CONTROL_MAX_REQUESTS = 20
CONTROL_MAX_BYTES = 64 << 10
CONTROL_TTL_S = 30
"""What the queue of a process that answers may hold, and for how long."""

PUBLISHED: Plan = (
    Exchange(LOGS, "fanout"),
    Exchange(TOPIC, "topic", arguments={"alternate-exchange": UNMATCHED}),
    Exchange(HEADERS, "headers"),
    Binding(LOGS, TOPIC, to_exchange=True),
    Binding(LOGS, HEADERS, to_exchange=True),
)
"""What a shipper declares: the exchanges, and no queue."""
COMMON: Plan = (
    *PUBLISHED,
    Exchange(DEAD, "fanout"),
    Queue(DEAD, arguments={**_LASTING["quorum"], "x-max-length-bytes": DEAD_MAX_BYTES, "x-overflow": "drop-head"}),
    Binding(DEAD, DEAD),
)
SELECTIVE: Plan = (
    Exchange(DRAIN, "fanout"),
    Queue(UNMATCHED, arguments={**_LASTING["quorum"], "x-max-length": 0}),
    Binding(DRAIN, UNMATCHED),
    Exchange(FOREIGN, "fanout"),
    Exchange(BATCHES, "headers", arguments={"alternate-exchange": FOREIGN}),
    Binding(BATCHES, TOPIC, to_exchange=True, arguments=OF_BATCHES),
    Binding(LOGS, BATCHES, to_exchange=True),
)
FLEET: Plan = (Exchange(STATUS, "topic"),)
"""What processes tell of themselves goes there, if it is there and they may."""
ASKED: Plan = (Exchange(CONTROL, "direct"), Exchange(ANSWERS, "direct"))
"""Questions and answers go there, if they are there and a process may."""
SHARED_QUEUES = frozenset({DEAD, UNMATCHED})
"""Queues that all sinks use as they are, even if an older version or an operator declared them differently."""


class Limits(Struct, frozen=True):
    """When a queue is full (`max_batches`, `max_bytes`), and when an unused one is deleted (`expires_s`). None: never.

    A full queue refuses what is published, so that shippers wait; or, with `drop_oldest`, drops the oldest.
    """

    max_batches: int | None = None
    max_bytes: int | None = None
    drop_oldest: bool = False
    expires_s: int | None = None

    def arguments(self) -> dict[str, object]:
        """Return the limits as RabbitMQ's arguments.

        The overflow behaviour is set even without a limit: an argument overrides a policy, and a policy that sets only
        a limit would drop silently. What is dropped on purpose does not go to the dead letters.
        """
        wanted: dict[str, object] = {
            "x-overflow": "drop-head" if self.drop_oldest else "reject-publish",
            "x-max-length": self.max_batches,
            "x-max-length-bytes": self.max_bytes,
            "x-expires": self.expires_s and self.expires_s * 1000,
            "x-dead-letter-exchange": None if self.drop_oldest else DEAD,
        }
        return {name: value for name, value in wanted.items() if value is not None}


def sink_queue(name: str, queue_type: QueueType = "quorum", limits: Limits | None = None) -> Queue:
    """Return the durable queue of the sink `name`: dead-lettering on, one consumer at a time.

    Raises UsageError for a name that collides with one of ours.
    """
    if name in RESERVED:
        raise UsageError(f"name a sink {name!r}", f"logs.{name} is Logbus's own", "choose another name")
    arguments = {"x-single-active-consumer": True, **_LASTING[queue_type], **(limits or Limits()).arguments()}
    return Queue(f"{LOGS}.{name}", queue_type, arguments=arguments)


def own_queue(name: str) -> Queue:
    """Return an exclusive queue that leaves nothing behind; `name` must be unique on the broker.

    It is bounded: without a reader the oldest batches are dropped, and the broker never runs short because of it.
    """
    limits = Limits(OWN_MAX_BATCHES, OWN_MAX_BYTES, drop_oldest=True, expires_s=OWN_EXPIRES_S)
    return Queue(name, "classic", exclusive=True, arguments=limits.arguments())


def control_queue(name: str) -> Queue:
    """Return the exclusive queue of a process that answers; `name` must be unique on the broker.

    It holds few and small requests, none for long, and refuses further ones: an asker cannot busy its owner.
    """
    limits = Limits(CONTROL_MAX_REQUESTS, CONTROL_MAX_BYTES).arguments()
    limits.pop("x-dead-letter-exchange")
    return Queue(name, "classic", exclusive=True, arguments={**limits, "x-message-ttl": CONTROL_TTL_S * 1000})


def sink_plan(queue: Queue, patterns: tuple[str, ...] = ()) -> Plan:
    """Return what a sink declares: `queue` bound to everything, or to the topic `patterns` alone.

    The patterns are bound before `logs.unmatched` exists: otherwise what the sink wants would be discarded meanwhile.
    With ANY_FOREIGN among them, the queue also gets every message of another program.
    """
    if not patterns:
        return (*COMMON, queue, Binding(LOGS, queue.name))
    selected = tuple(Binding(TOPIC, queue.name, key) for key in patterns)
    if ANY_FOREIGN in patterns:
        selected = (*selected, Binding(FOREIGN, queue.name))
    unmatched = Exchange(UNMATCHED, "direct", auto_delete=True, arguments={"alternate-exchange": DRAIN})
    return (*COMMON, *SELECTIVE, queue, *selected, unmatched, Binding(UNMATCHED, queue.name, NEVER))


def in_two_stages(steps: Iterable[Declaration]) -> tuple[list[Exchange | Queue], list[Exchange | Binding]]:
    """Return what to declare first, and what routes messages: declared in this order once the new queues are safe."""
    made: list[Exchange | Queue] = []
    routes: list[Exchange | Binding] = []
    for step in steps:
        if isinstance(step, Binding) or (isinstance(step, Exchange) and step.auto_delete):
            routes.append(step)
        else:
            made.append(step)
    return made, sorted(routes, key=lambda step: (step.source if isinstance(step, Binding) else step.name) == UNMATCHED)
