"""RabbitMQ's queues by the HTTP API of its management plugin: AMQP itself cannot list them.

Used only where `broker.management` gives its address. An answer is bounded in time and size, and redirections are not
followed: the request carries a password.
"""

import base64
import http.client
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, urlsplit

from msgspec import Struct

from logbus.broker.topology import LOGS, RESERVED
from logbus.errors import BrokerUnavailable, LogbusError, visible
from logbus.native.threads import begin

if TYPE_CHECKING:
    from logbus.config.settings import Broker, Endpoint

logger = logging.getLogger("logbus.broker.management")

ANSWER_WITHIN_S = 5.0
MAX_ANSWER_BYTES = 32 << 20
NODE_COLUMNS = "name,running,mem_alarm,disk_free_alarm,partitions"
REPLICA_COLUMNS = "name,type,exclusive,members,online"
COLUMNS = "name,messages,message_bytes,consumers,exclusive,arguments,effective_policy_definition"
SHOWN = 5


class QueueState(Struct, frozen=True):
    """A sink's queue: how much is in it, how many consume from it, and its limits, if it has any."""

    name: str
    messages: int
    bytes: int
    consumers: int
    max_messages: int | None
    max_bytes: int | None

    @property
    def is_full(self) -> bool:
        """True if it has reached one of its limits."""
        reached = [(self.messages, self.max_messages), (self.bytes, self.max_bytes)]
        return any(limit is not None and held >= limit for held, limit in reached)

    def __str__(self) -> str:
        """Return the queue's state as text."""
        consumers = "no consumer" if not self.consumers else f"consumers: {self.consumers}"
        return f"{visible(self.name)} (messages: {self.messages:,}, {consumers})"


class Node(Struct, frozen=True):
    """A node of the cluster, and what it raises the alarm about."""

    name: str
    running: bool
    alarms: tuple[str, ...]


class Replicas(Struct, frozen=True):
    """The nodes that have a copy of a quorum queue, and how many of them are online."""

    queue: str
    members: int
    online: int


def queues(broker: "Broker") -> list[QueueState]:
    """Return the queues `logs.*` of sinks, those of consoles left out. Raises LogbusError."""
    return [_state(each) for each in _queues(broker, COLUMNS) if _is_of_a_sink(each)]


def replicas(broker: "Broker") -> list[Replicas]:
    """Return how the quorum queues `logs.*`, also those that all sinks share, are replicated. Raises LogbusError."""
    found = [each for each in _queues(broker, REPLICA_COLUMNS) if each["name"].partition(".")[0] == LOGS]
    return [
        Replicas(each["name"], len(each.get("members") or ()), len(each.get("online") or ()))
        for each in found
        if each.get("type") == "quorum"
    ]


def nodes(broker: "Broker") -> list[Node]:
    """Return the nodes of the cluster; needs the tag `monitoring`. Raises LogbusError."""
    reasons = {"mem_alarm": "short of memory", "disk_free_alarm": "short of disk", "partitions": "partitioned"}
    return [
        Node(each["name"], bool(each.get("running")), tuple(word for key, word in reasons.items() if each.get(key)))
        for each in _ask(broker, broker.endpoints()[0], f"nodes?columns={NODE_COLUMNS}")
    ]


def _queues(broker: "Broker", columns: str) -> Iterator[dict[str, Any]]:
    endpoint = broker.endpoints()[0]
    return _ask(broker, endpoint, f"queues/{quote(endpoint.vhost, safe='')}?columns={columns}")


def name_full_queues(broker: "Broker") -> None:
    """Log which queues are full, from a thread of its own: the answer may take seconds."""
    with suppress(OSError):  # nobody depends on it
        begin(partial(_log_full_queues, broker), "management")


def _log_full_queues(broker: "Broker") -> None:
    try:
        full = [str(each) for each in queues(broker) if each.is_full]
    except LogbusError as error:
        logger.warning("%s", error)
        return
    more = f" and {len(full) - SHOWN} more" if len(full) > SHOWN else ""
    if full:
        logger.warning("full: %s%s", ", ".join(full[:SHOWN]), more)


def _ask(broker: "Broker", endpoint: "Endpoint", what: str) -> Iterator[dict[str, Any]]:
    """Yield the queues of the virtual host, or the nodes, as the API describes them."""
    address = urlsplit(broker.management or "")
    cannot = f"ask RabbitMQ's management plugin at {visible(address.netloc)}"
    link = _connect(broker, address)
    secret = base64.b64encode(f"{endpoint.username}:{endpoint.password}".encode()).decode()
    path = f"{address.path.rstrip('/')}/api/{what}"
    try:
        link.request("GET", path, headers={"Authorization": f"Basic {secret}"})
        answer = link.getresponse()
        body = answer.read(MAX_ANSWER_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise BrokerUnavailable(cannot, error, "is the plugin rabbitmq_management enabled there?") from None
    finally:
        link.close()
    if answer.status in (401, 403):
        hint = f"give the user the tag: rabbitmqctl set_user_tags {visible(endpoint.username)} management"
        raise LogbusError(cannot, f"the user {visible(endpoint.username)} may not use it", hint)
    if answer.status != http.client.OK or len(body) > MAX_ANSWER_BYTES:
        raise LogbusError(cannot, f"it answered with status {answer.status} and {len(body)} bytes")
    yield from _decoded(body, cannot)


def _connect(broker: "Broker", address: SplitResult) -> http.client.HTTPConnection:
    host, port = address.hostname or "", address.port
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=ANSWER_WITHIN_S, context=broker.tls_context())
    return http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)


def _decoded(body: bytes, cannot: str) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise LogbusError(cannot, "its answer is not a list", "check the address")
    yield from (each for each in found if isinstance(each, dict) and isinstance(each.get("name"), str))


def _is_of_a_sink(queue: dict[str, Any]) -> bool:
    above, _, name = queue["name"].partition(".")
    return above == LOGS and bool(name) and name not in RESERVED and not queue.get("exclusive")


def _state(queue: dict[str, Any]) -> QueueState:
    arguments, policy = queue.get("arguments") or {}, queue.get("effective_policy_definition") or {}

    def limit(name: str) -> int | None:
        given = [each for each in (arguments.get(f"x-{name}"), policy.get(name)) if isinstance(each, int)]
        return min(given, default=None)

    def number(name: str) -> int:
        given = queue.get(name)
        return given if isinstance(given, int) else 0

    return QueueState(
        queue["name"],
        messages=number("messages"),
        bytes=number("message_bytes"),
        consumers=number("consumers"),
        max_messages=limit("max-length"),
        max_bytes=limit("max-length-bytes"),
    )
