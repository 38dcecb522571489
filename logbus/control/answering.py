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
from typing import TYPE_CHECKING, Final

from logbus.broker.connecting.optional import Link, OptionalChannel
from logbus.broker.messages import message_of, properties_of
from logbus.broker.topology import ANSWERS, ASKED, CONTROL, CONTROL_TTL_S, Exchange, control_queue
from logbus.control.messages import encode_answer, key_of
from logbus.control.verbs import Verbs

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel
    from logbus.wire.message import Message

logger = logging.getLogger("logbus.control")

PAUSE_S: Final = 0.1
CHECK_S: Final = 60.0
MOST_UNSENT_BYTES: Final = 1 << 20
"""While more waits to be sent, requests wait, too."""


class Answering:
    """A guest of the connection that answers by `verbs`."""

    def __init__(self, link: Link, verbs: Verbs, clock: Callable[[], float] = time.monotonic) -> None:
        own = verbs.describe()
        self._keys = [key_of(own.host, own.role), *([key_of(own.host, own.role, own.name)] if own.name else [])]
        self._link = link
        self._verbs = verbs
        self._clock = clock
        self._own = OptionalChannel(self._listen, _refused, clock)
        link.call_later(CHECK_S, self._tick)

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Begin on a new connection."""
        self._own.connected(open_channel)

    def disconnected(self) -> None:
        """Forget the channel: the connection is lost, and the queue with it."""
        self._own.disconnected()

    def leaving(self) -> None:
        """Do nothing: the queue goes with the connection."""

    def _listen(self, channel: "Channel", makes: bool) -> None:
        queue = control_queue(f"{CONTROL}.{self._keys[-1]}.{secrets.token_hex(4)}")
        for each in ASKED:
            if isinstance(each, Exchange):
                channel.exchange_declare(each.name, each.type, passive=not makes, durable=True)
        channel.queue_declare(queue.name, exclusive=True, auto_delete=True, arguments=dict(queue.arguments))
        for key in self._keys:
            channel.queue_bind(queue.name, CONTROL, key)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue.name, self._arrived, callback=lambda _frame: self._consuming(channel))

    def _consuming(self, channel: "Channel") -> None:
        self._own.works(channel)
        logger.info("answering requests to %s", self._keys[-1])

    def _tick(self) -> None:
        self._link.call_later(CHECK_S, self._tick)
        self._own.retry()

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


def _refused(reason: str) -> None:
    logger.info("this process answers no requests: RabbitMQ refuses %s: %s", CONTROL, reason)
