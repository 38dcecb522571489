"""Copies of what cannot be decoded, on `logs.dead`; each delivery is acknowledged once its copy is confirmed.

If a copy is not kept (the dead letters' queue was deleted, or is full), the channel is reopened after a while: that
declares the queue again, and the message is redelivered.
"""

import logging
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import pika
import pika.data
import pika.exceptions
from msgspec.structs import replace

from logbus.batch import Message
from logbus.broker import topology
from logbus.broker.messages import properties_of

if TYPE_CHECKING:
    from pika.channel import Channel

logger = logging.getLogger("logbus.broker.consumer")

REASON_HEADER = "logbus-reason"
QUEUE_HEADER = "logbus-queue"
USER_HEADER = "logbus-user"
COPY_AGAIN_S = 1.0
MAX_REASON = 1024
MAX_COPIED_HEADER_BYTES = 96 * 1024
"""A frame holds 128 KiB; a copy with its reason has to fit."""


class Link(Protocol):
    """The part of the connection that is needed here."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` once, later."""

    def reopen_channel(self) -> None:
        """Replace the channel."""


class DeadLetters:
    """The copies of deliveries of `queue` that are not confirmed yet; `kept` is called with the tag of each that is."""

    def __init__(self, link: Link, queue: str, kept: Callable[[int], None]) -> None:
        self._link = link
        self._queue = queue
        self._kept = kept
        self._tags: dict[int, int] = {}
        self._copied = 0

    def __len__(self) -> int:
        """Return how many copies are not confirmed yet."""
        return len(self._tags)

    def opened(self, channel: "Channel") -> None:
        """Forget the copies on earlier channels: what they were made of is redelivered."""
        self._tags.clear()
        self._copied = 0
        channel.confirm_delivery(self._on_answer)
        channel.add_on_return_callback(self._on_returned)

    def copy(self, channel: "Channel", message: Message, reason: str, tag: int) -> None:
        """Publish a copy of a message with the reason; `tag` is its delivery's."""
        self._copied += 1
        self._tags[self._copied] = tag
        copy = self._copy_of(message, reason)
        channel.basic_publish(topology.DEAD, copy.routing_key, copy.body, properties_of(copy), mandatory=True)

    def _copy_of(self, message: Message, reason: str) -> Message:
        """Return a message with the reason, but without its user id: RabbitMQ refuses another user's from us."""
        ours = {REASON_HEADER: reason[:MAX_REASON], QUEUE_HEADER: self._queue, USER_HEADER: message.user_id or ""}
        return replace(message, headers={**_copiable(message.headers), **ours}, user_id=None)

    def _on_answer(self, frame: "pika.frame.Method[pika.spec.Basic.Ack | pika.spec.Basic.Nack]") -> None:
        number, multiple = frame.method.delivery_tag, frame.method.multiple
        if frame.method.NAME == "Basic.Nack":
            self._copy_again()
            return
        for each in [n for n in self._tags if n == number or (multiple and n <= number)]:
            self._kept(self._tags.pop(each))

    def _on_returned(self, _channel: object, _method: object, _properties: object, _body: bytes) -> None:
        self._tags.clear()  # the confirm that follows means nothing
        self._copy_again()

    def _copy_again(self) -> None:
        logger.warning("%s did not accept a dead letter: retrying", topology.DEAD)
        self._link.call_later(COPY_AGAIN_S, self._link.reopen_channel)


def _copiable(headers: Mapping[str, object]) -> Mapping[str, object]:
    """Return headers that can be published again: all of them, or none if pika cannot encode them in a frame."""
    try:
        size_bytes = pika.data.encode_table([], dict(headers))
    except (pika.exceptions.AMQPError, ValueError, TypeError, struct.error):
        return {}
    return headers if size_bytes <= MAX_COPIED_HEADER_BYTES else {}
