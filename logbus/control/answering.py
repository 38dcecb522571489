"""Answers requests from `logs.control`, on a channel of its own: what goes wrong there never touches the daemon's work.

The exchanges are looked for, and made if that is allowed. Where RabbitMQ refuses, that is said once, and tried again an
hour later or at the next connection.

One request is taken at a time, and the next one PAUSE_S later: RabbitMQ keeps a few that wait, in a bounded queue, and
refuses more, so a flood never reaches this process. Answers go through an exchange instead of RabbitMQ's direct
reply-to, which is published to the default exchange: whoever may write there may write to any queue.
"""

import logging
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from logbus.broker.messages import message_of, properties_of
from logbus.broker.topology import ANSWERS, ASKED, CONTROL, CONTROL_TTL_S, Exchange, control_queue
from logbus.control.messages import encode_answer, key_of
from logbus.control.verbs import Verbs
from logbus.errors import visible

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel
    from logbus.wire.message import Message

logger = logging.getLogger("logbus.control")

PAUSE_S: Final = 0.1
CHECK_S: Final = 60.0
AGAIN_S: Final = 3600.0
TRIES: Final = 3
"""Connections that ended when another channel was asked for: this user may not have one, and is left in peace."""
MOST_UNSENT_BYTES: Final = 1 << 20
"""While more waits to be sent, requests wait, too."""
_NOT_FOUND: Final = 404


class Link(Protocol):
    """The connection: `logbus.broker.connecting.connection.Connection`."""

    @property
    def user_id(self) -> str | None:
        """The AMQP user, for messages to state."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call once from a later poll."""

    def unsent_bytes(self) -> int:
        """Return how much waits to be sent."""


class Answering:
    """A guest of the connection that answers by `verbs`."""

    def __init__(self, link: Link, verbs: Verbs, clock: Callable[[], float] = time.monotonic) -> None:
        own = verbs.describe()
        self._keys = [key_of(own.host, own.role), *([key_of(own.host, own.role, own.name)] if own.name else [])]
        self._link = link
        self._verbs = verbs
        self._clock = clock
        self._open_channel: Callable[[Callable[[Channel], None]], object] | None = None
        self._makes = self._works = self._said = False
        self._unanswered = 0
        self._again = 0.0
        link.call_later(CHECK_S, self._tick)

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Begin on a new connection."""
        if self._unanswered >= TRIES:
            return
        self._open_channel, self._makes, self._again = open_channel, False, 0.0
        self._ask()

    def disconnected(self) -> None:
        """Forget the channel: the connection is lost, and the queue with it."""
        self._open_channel = None

    def leaving(self) -> None:
        """Do nothing: the queue goes with the connection."""

    def _ask(self) -> None:
        if self._open_channel:
            self._unanswered += 1
            self._open_channel(self._opened)

    def _opened(self, channel: "Channel") -> None:
        self._unanswered, self._works = 0, False
        queue = control_queue(f"{CONTROL}.{self._keys[-1]}.{secrets.token_hex(4)}")
        channel.add_on_close_callback(self._closed)
        for each in ASKED:
            if isinstance(each, Exchange):
                channel.exchange_declare(each.name, each.type, passive=not self._makes, durable=True)
        channel.queue_declare(queue.name, exclusive=True, auto_delete=True, arguments=dict(queue.arguments))
        for key in self._keys:
            channel.queue_bind(queue.name, CONTROL, key)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue.name, self._arrived, callback=self._consuming)

    def _consuming(self, _frame: object) -> None:
        self._works = True
        logger.info("answering requests to %s", self._keys[-1])

    def _closed(self, channel: "Channel", error: BaseException) -> None:
        if not self._open_channel or not channel.connection.is_open:
            return
        if getattr(error, "reply_code", 0) == _NOT_FOUND and not (self._makes or self._works):
            self._makes = True
            self._ask()
            return
        self._again, self._makes = self._clock() + AGAIN_S, False
        if not self._said:
            self._said = True
            reason = visible(str(getattr(error, "reply_text", error)))
            logger.info("this process answers no requests: RabbitMQ refuses %s: %s", CONTROL, reason)

    def _tick(self) -> None:
        self._link.call_later(CHECK_S, self._tick)
        if self._again and self._clock() >= self._again:
            self._again = 0.0
            self._ask()

    def _arrived(self, channel: "Channel", method: object, properties: object, body: bytes) -> None:
        message = message_of(getattr(method, "routing_key", ""), properties, body)  # type: ignore[arg-type]
        self._take(channel, int(getattr(method, "delivery_tag", 0)), message, self._clock() + CONTROL_TTL_S)

    def _take(self, channel: "Channel", tag: int, message: "Message", until_s: float) -> None:
        """Answer a message, and let RabbitMQ deliver the next one later.

        While the connection is behind, it waits, and is dropped at `until_s`: nobody expects to be obeyed later.
        """
        if not channel.is_open:
            return
        is_late = self._clock() >= until_s
        if self._link.unsent_bytes() > MOST_UNSENT_BYTES and not is_late:
            self._link.call_later(PAUSE_S, lambda: self._take(channel, tag, message, until_s))
            return
        self._link.call_later(PAUSE_S, lambda: _acknowledge(channel, tag))
        if not is_late:
            self._answer(channel, message)

    def _answer(self, channel: "Channel", message: "Message") -> None:
        answer = self._verbs.answer(message)
        if not message.reply_to:
            return
        sent = encode_answer(answer, message.reply_to, message.correlation_id, self._link.user_id)
        channel.basic_publish(ANSWERS, sent.routing_key, sent.body, properties_of(sent, lasting=False))


def _acknowledge(channel: "Channel", tag: int) -> None:
    if channel.is_open:
        channel.basic_ack(tag)
