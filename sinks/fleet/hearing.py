"""Hears the fleet on a channel of its own, beside a sink's work: where that is refused, the sink goes on without."""

import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from logbus.broker.messages import message_of
from logbus.broker.topology import STATUS, own_queue
from logbus.errors import WireError, visible
from logbus.fleet.status import Status, decode
from sinks.fleet.listening import PREFIX

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel

logger = logging.getLogger("sinks.fleet")

TRIES: Final = 3
"""Connections that ended when a second channel was asked for: this user may not have one, and is left in peace."""
_NOT_FOUND: Final = 404
_REFUSALS: Final = {403, 404, 406}


class Hearing:
    """A guest that calls `hear` for each status that arrives; it makes the exchange only if there is none."""

    def __init__(self, hear: Callable[[Status], None]) -> None:
        self._hear = hear
        self._unanswered = 0
        self._makes = False
        self._open_channel: Callable[[Callable[[Channel], None]], object] | None = None

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Begin on a new connection."""
        if self._unanswered < TRIES:
            self._unanswered += 1
            self._makes, self._open_channel = False, open_channel
            open_channel(self._opened)

    def disconnected(self) -> None:
        """Forget the connection; the queue is gone with it."""
        self._open_channel = None

    def leaving(self) -> None:
        """Do nothing: as above."""

    def _opened(self, channel: "Channel") -> None:
        self._unanswered = 0
        queue = own_queue(PREFIX + secrets.token_hex(4))
        channel.add_on_close_callback(self._refused)
        channel.exchange_declare(STATUS, "topic", durable=True, passive=not self._makes)
        channel.queue_declare(queue.name, exclusive=True, arguments=dict(queue.arguments))
        channel.queue_bind(queue.name, STATUS, "#")
        channel.basic_consume(queue.name, self._arrived, auto_ack=True)

    def _refused(self, _channel: object, error: BaseException) -> None:
        code = getattr(error, "reply_code", 0)
        if code == _NOT_FOUND and self._open_channel and not self._makes:
            self._makes = True
            self._open_channel(self._opened)
        elif code in _REFUSALS:
            logger.warning("the fleet is not shown: RabbitMQ refused to deliver its statuses: %s", visible(error))

    def _arrived(self, _channel: object, method: object, properties: object, body: bytes) -> None:
        message = message_of(getattr(method, "routing_key", ""), properties, body)  # type: ignore[arg-type]
        try:
            self._hear(decode(message))
        except WireError as error:
            logger.debug("a message in %s is ignored: %s", STATUS, error.cause)
