"""Hears the statuses that the processes of the fleet publish, through a queue that leaves nothing behind."""

import logging
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from logbus.broker.connecting.connection import Connection
from logbus.broker.messages import message_of
from logbus.broker.topology import FLEET, STATUS, Binding, Plan, own_queue
from logbus.errors import WireError, visible
from logbus.fleet.status import Status, decode
from logbus.seldom import Seldom, and_others

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel

logger = logging.getLogger("sinks.fleet")

PREFIX: Final = "logs.fleet."


class Listener:
    """Calls `hear` for each status that arrives on `connection`."""

    def __init__(self, connection: Connection, hear: Callable[[Status], None]) -> None:
        self._connection = connection
        self._hear = hear
        self._queue = own_queue(PREFIX + secrets.token_hex(4))
        self._seldom = Seldom()
        self._since_s: float | None = None
        connection.attach(self)

    @property
    def since_s(self) -> float | None:
        """Since when it has listened, on the monotonic clock; None as long as there was no connection."""
        return self._since_s

    def plan(self) -> Plan:
        """Return the exchange of statuses, and a queue of ours bound to it."""
        return (*FLEET, self._queue, Binding(STATUS, self._queue.name, "#"))

    def writes_to(self) -> str:
        """Return nothing: a listener publishes nothing."""
        return ""

    def opened(self, channel: "Channel") -> None:
        """Consume from now on."""
        self._connection.works()
        channel.basic_consume(self._queue.name, self._arrived, auto_ack=True, callback=self._consuming)

    def _consuming(self, _frame: object) -> None:
        self._since_s = self._since_s or time.monotonic()

    def closed(self, _error: BaseException) -> None:
        """Do nothing: the queue is gone with its connection, and the next one has another."""

    def blocked(self, _reason: str | None) -> None:
        """Do nothing: only publishers are blocked."""

    def _arrived(self, _channel: object, method: object, properties: object, body: bytes) -> None:
        message = message_of(getattr(method, "routing_key", ""), properties, body)  # type: ignore[arg-type]
        try:
            self._hear(decode(message))
        except WireError as error:
            self._warn(f"a message under {visible(message.routing_key)} in {STATUS} is ignored: {error.cause}")

    def _warn(self, text: str) -> None:
        if (left_out := self._seldom.left_out(text)) is not None:
            logger.warning("%s%s", text, and_others(left_out))
