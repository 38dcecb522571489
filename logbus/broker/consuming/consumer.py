"""Consuming: one queue, a bounded prefetch, each delivery acknowledged once its work is durable.

A delivery tag is valid only on its own channel. Each channel is an *epoch*: what was not acknowledged in one is
redelivered in the next, and acknowledging a delivery of an earlier epoch does nothing.

What cannot be decoded is *quarantined*: copied to `logs.dead` with the reason, and settled once the copy is confirmed
(`dead_letters`). From an exclusive queue, which dies with its connection, the message is dropped: durable sinks keep
it.
"""

import logging
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from logbus.broker import topology
from logbus.broker.consuming.dead_letters import DeadLetters
from logbus.broker.declaring.new_queues import leaderless
from logbus.broker.messages import message_of
from logbus.errors import visible
from logbus.seldom import Seldom, and_others
from logbus.telemetry import count

if TYPE_CHECKING:
    import pika
    from pika.channel import Channel

    from logbus.batch import Message
    from logbus.broker.connecting.connection import Connection

logger = logging.getLogger("logbus.broker.consumer")
ready = logging.getLogger("logbus.ready")

CONSUMING_WITHIN_S = 10.0


class Delivery(Struct, frozen=True):
    """A message as delivered: `tag` is valid only in its `epoch`."""

    tag: int
    epoch: int
    message: "Message"
    redelivered: bool


class Consumer:
    """Consumes `queue`, bound to everything or to the topic `patterns`; at most `prefetch` deliveries unsettled."""

    def __init__(
        self,
        connection: "Connection",
        queue: topology.Queue,
        patterns: tuple[str, ...] = (),
        prefetch: int = topology.PREFETCH,
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._patterns = patterns
        self._prefetch = prefetch
        self._channel: Channel | None = None
        self._arrived: deque[Delivery] = deque()
        self._arrived_bytes = 0
        self._dead_letters = DeadLetters(connection, queue.name, self._on_copied)
        self._consuming = self._paused = self._cancelled = False
        self._stands_by: bool | None = None
        self._unsettled: dict[int, None] = {}
        self._warnings = Seldom()
        self.epoch = 0
        connection.attach(self)

    @property
    def is_open(self) -> bool:
        """True while deliveries can arrive."""
        return self._channel is not None

    @property
    def quarantining(self) -> int:
        """The number of deliveries whose dead letter is not confirmed yet."""
        return len(self._dead_letters)

    @property
    def arrived_bytes(self) -> int:
        """Bytes of the bodies that arrived and were not taken yet."""
        return self._arrived_bytes

    def take(self) -> list[Delivery]:
        """Return the deliveries since the last call, in order."""
        taken, self._arrived, self._arrived_bytes = list(self._arrived), deque(), 0
        return taken

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge deliveries, in as few frames as possible; skip those of an earlier epoch, which come again."""
        tags = {each.tag for each in deliveries if each.epoch == self.epoch} & self._unsettled.keys()
        through = 0
        for tag in self._unsettled:
            if tag not in tags:
                break
            through = tag
        if self._channel and through:
            self._channel.basic_ack(through, multiple=True)
        for tag in sorted(tags):
            del self._unsettled[tag]
            if self._channel and tag > through:
                self._channel.basic_ack(tag)

    def quarantine(self, delivery: Delivery, reason: str) -> None:
        """Copy a delivery to the dead letters with `reason`; it is settled when the copy is confirmed."""
        if delivery.epoch != self.epoch or self._channel is None:
            return
        count("logbus_quarantined_messages")
        if self._queue.exclusive:
            self._warn_of(f"dropped a message: {visible(reason)}")
            self.ack([delivery])
            return
        self._warn_of(f"a message on {visible(self._queue.name)} goes to {topology.DEAD}: {visible(reason)}")
        self._dead_letters.copy(self._channel, delivery.message, reason, delivery.tag)

    def _warn_of(self, what: str) -> None:
        left_out = self._warnings.left_out(what)
        if left_out is not None:
            logger.warning("%s%s", what, and_others(left_out))

    def plan(self) -> topology.Plan:
        """Return what this consumer declares."""
        return topology.sink_plan(self._queue, self._patterns)

    def writes_to(self) -> str:
        """Return the exchange for dead letters: none for an exclusive queue."""
        return "" if self._queue.exclusive else topology.DEAD

    def pause(self) -> None:
        """Give back what is not acknowledged, and stop consuming until `resume`."""
        if not self._paused:
            self._paused = True
            self._connection.reopen_channel()

    def resume(self) -> None:
        """Consume again."""
        if self._paused:
            self._paused = False
            if self._channel:
                self._consume(self._channel)

    def opened(self, channel: "Channel") -> None:
        """Start an epoch: consume on the new channel."""
        self._channel = channel
        self._unsettled.clear()
        self._dead_letters.opened(channel)
        channel.add_on_cancel_callback(self._on_cancelled)
        if self._cancelled:
            self._cancelled = False
            self._report_cancel()
        if not self._paused:
            self._consume(channel)

    def _consume(self, channel: "Channel") -> None:
        channel.basic_qos(prefetch_count=self._prefetch)
        channel.basic_consume(self._queue.name, self._on_message, callback=self._on_consuming)
        epoch = self.epoch
        self._connection.call_later(CONSUMING_WITHIN_S, lambda: self._check_consuming(epoch))

    def closed(self, _error: BaseException) -> None:
        """End the epoch: what was not acknowledged is redelivered, so what was not taken is forgotten."""
        self._channel = None
        self._consuming = False
        self._arrived.clear()
        self._arrived_bytes = 0
        self.epoch += 1

    def blocked(self, reason: str | None) -> None:
        """Do nothing: an alarm blocks connections that publish, and this one consumes."""

    def _on_consuming(self, _frame: object) -> None:
        self._consuming = True
        self._connection.works()
        self._report_turn(stands_by=self._connection.was_consumed(self._queue.name))

    def _report_turn(self, *, stands_by: bool) -> None:
        """Report, whenever it changes, whether the queue serves us or another process."""
        if stands_by is self._stands_by:
            return
        self._stands_by = stands_by
        name = visible(self._queue.name)
        if stands_by:
            ready.info("standing by: another process consumes from the queue %s; if it ends, this one takes over", name)
        else:
            ready.info("ready: listening on the queue %s", name)

    def _check_consuming(self, epoch: int) -> None:
        if epoch == self.epoch and not (self._consuming or self._paused):
            self._connection.give_up(leaderless(self._queue.name))

    def _on_message(
        self,
        _channel: object,
        method: "pika.spec.Basic.Deliver",
        properties: "pika.BasicProperties",
        body: bytes,
    ) -> None:
        message = message_of(method.routing_key, properties, body)
        if self._stands_by:
            self._report_turn(stands_by=False)
        self._unsettled[method.delivery_tag] = None
        self._arrived_bytes += len(body)
        self._arrived.append(Delivery(method.delivery_tag, self.epoch, message, method.redelivered))

    def _on_cancelled(self, _frame: object) -> None:
        self._cancelled = True
        self._connection.reopen_channel()

    def _report_cancel(self) -> None:
        """Report why the consumer was cancelled: RabbitMQ gives no reason, but the queue exists or it does not."""
        name = visible(self._queue.name)
        if self._connection.made(self._queue.name):
            logger.warning("the queue %s was deleted: its messages are lost; it is declared again", name)
        elif self._queue.type == "classic":
            logger.warning("the queue %s was deleted, or its node went down: its messages may be lost", name)
        else:
            logger.warning(
                "RabbitMQ cancelled the consumer of %s: deliveries were not acknowledged in time, or a node went down; "
                "the queue exists, nothing is lost, and unacknowledged messages are redelivered",
                name,
            )

    def _on_copied(self, tag: int) -> None:
        self._unsettled.pop(tag, None)
        if self._channel:
            self._channel.basic_ack(tag)
