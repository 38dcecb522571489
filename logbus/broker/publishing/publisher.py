"""Publishing: a bounded window of batches, each confirmed or sent again.

Theory of operation. Every batch is persistent and `mandatory`. RabbitMQ answers each publish with a confirm or a nack,
in any order and possibly several at once (`multiple`); a message without a bound queue is first *returned*, with its
message id, and then confirmed all the same: it is not delivered. What was nacked or returned, or in flight when a
channel died, waits in its original order (`waiting`), and is sent again before anything new.

After a (re)connect, a nack or a return the window narrows to one batch, the probe, until one is confirmed. So a broker
without a bound queue gets one message at a time, a few times a minute, and later batches arrive after the first.

What is refused is held back for a while (`holding`). A channel that stays unanswered is replaced (`silence`).

Nothing is queued beyond the window (`window`): `has_room()` is the back-pressure, the source keeps the rest.
"""

import logging
import time
from itertools import chain, takewhile
from typing import TYPE_CHECKING

import pika

from logbus.batch import Batch, Span, of_bounded_records
from logbus.broker import refusals, topology
from logbus.broker.publishing.encoder import Encoder
from logbus.broker.publishing.holding import Hold
from logbus.broker.publishing.silence import Silence
from logbus.broker.publishing.waiting import Entry, Waiting
from logbus.broker.publishing.window import LEAST, Amount, Window
from logbus.telemetry import count, gauge

if TYPE_CHECKING:
    from pika.channel import Channel

    from logbus.broker.connecting.connection import Connection

logger = logging.getLogger("logbus.broker.publisher")

NACKED = "a queue is full, or has no leader now (nack; see: rabbitmqctl list_queues name messages consumers)"


class Publisher:
    """Publishes batches to `logs` over `connection`; at most `most` of them are in flight."""

    def __init__(self, connection: "Connection", most: Amount = LEAST) -> None:
        self._connection = connection
        self._window = Window(most)
        self._channel: Channel | None = None
        self._last_tag = 0
        self._sent: dict[int, Entry] = {}
        self._encoder = Encoder(connection.wake)
        self._waiting = Waiting()
        self._returned: set[str] = set()
        self._confirmed: list[Span] = []
        self._bytes = self._newest_read_s = 0
        self._probing = True
        self._hold = Hold(connection, self._send_again)
        self._blocked = False
        self._silence = Silence(connection, self)
        connection.attach(self)

    @property
    def in_flight(self) -> int:
        """Batches published and not yet confirmed."""
        return len(self._sent) + len(self._waiting) + len(self._encoder)

    @property
    def oldest_read_s(self) -> int:
        """When the oldest unconfirmed batch was read, in seconds since 1970; 0 if there is none."""
        oldest = next(chain(self._sent.values(), self._waiting), None)
        return (oldest.message.timestamp or 0) if oldest else 0

    @property
    def newest_read_s(self) -> int:
        """When the newest of all confirmed batches was read, in seconds since 1970; 0 if there is none."""
        return self._newest_read_s

    @property
    def held_because(self) -> str:
        """Why RabbitMQ accepts no messages now; "" if it does."""
        return self._hold.because

    def has_room(self) -> bool:
        """Return True if one more batch may be published now."""
        if self._channel is None or self._blocked or self._waiting or self._encoder.is_full:
            return False
        if self._probing:
            return not self.in_flight
        limit = self._window.limit
        return self.in_flight < limit.batches and self._bytes < limit.bytes

    def publish(self, batch: Batch) -> None:
        """Publish a batch, in one message or, where a limit requires it, in several."""
        self._bytes += batch.end - batch.offset
        for part in of_bounded_records(batch):
            self._encoder.put(part, self._connection.user_id)
        self._send_encoded()

    def _send_encoded(self) -> None:
        for each in self._encoder.take():
            self._waiting.add(each.batch, each.message, self._connection.user_id)
        self._send_waiting()
        gauge("logbus_in_flight_batches", self.in_flight)

    def take_confirmed(self) -> list[Span]:
        """Return the spans confirmed since the last call, in any order; send what was encoded meanwhile."""
        if len(self._encoder):
            self._send_encoded()
        taken, self._confirmed = self._confirmed, []
        return taken

    def plan(self) -> topology.Plan:
        """Return what a publisher declares."""
        return topology.PUBLISHED

    def writes_to(self) -> str:
        """Return the exchange that it publishes to."""
        return topology.LOGS

    def opened(self, channel: "Channel") -> None:
        """Send again what was in flight, in order, then resume."""
        self._channel = channel
        self._last_tag = 0
        self._window.reset()
        self._probing = True
        self._hold.opened()
        self._blocked = False
        self._silence.opened()
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm)
        self._connection.works()
        count("logbus_resent_batches", len(self._waiting))
        self._send_waiting()

    def closed(self, error: BaseException) -> None:
        """Put back what was in flight; in smaller parts, if it was too large for this broker."""
        self._channel = None
        self._returned.clear()
        under_way, self._sent = list(self._sent.values()), {}
        self._waiting.put_back(under_way)
        limit = refusals.size_limit(error)
        if limit is not None:
            self._waiting.limit(limit, self._connection.user_id)

    def blocked(self, reason: str | None) -> None:
        """Pause while the broker is short of memory or disk."""
        self._blocked = reason is not None
        if reason is None:
            logger.warning("RabbitMQ accepts messages again")
        else:
            logger.warning("RabbitMQ has blocked publishing (%s): waiting; unread lines stay in their files", reason)

    def unanswered(self) -> int:
        """Return how many messages on this channel have no answer yet."""
        return len(self._sent)

    def is_blocked(self) -> bool:
        """Return True while the broker is short of memory or disk."""
        return self._blocked

    def report_silence(self, silent_s: float) -> None:
        """Report that RabbitMQ has not answered for so long, unless it is known to accept nothing."""
        self._hold.silent(len(self._sent), silent_s)

    def _send_waiting(self) -> None:
        while self._waiting and self._channel and self._channel.is_open and not self._hold.is_on:
            if self._probing and self._sent:
                return
            self._send(self._channel, self._waiting.take())

    def _send(self, channel: "Channel", entry: Entry) -> None:
        self._last_tag += 1
        self._sent[self._last_tag] = entry
        self._window.sent(self._last_tag, entry.size_bytes, time.monotonic())
        self._silence.watch()
        count("logbus_wire_bytes", len(entry.message.body))
        channel.basic_publish(
            topology.LOGS, entry.message.routing_key, entry.message.body, entry.properties, mandatory=True
        )

    def _on_return(self, _channel: object, _method: object, properties: pika.BasicProperties, _body: bytes) -> None:
        self._returned.add(properties.message_id or "")

    def _on_confirm(self, frame: "pika.frame.Method[pika.spec.Basic.Ack | pika.spec.Basic.Nack]") -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        self._silence.answered()
        tags = self._answered(tag, multiple=multiple)
        entries = [self._sent.pop(each) for each in tags]
        if frame.method.NAME == "Basic.Nack":
            self._window.refused(tags)
            count("logbus_nacked_batches", len(entries))
            self._hold.nacked()
            if self.held_because != NACKED and self._connection.broker.management:
                from logbus.broker.management import name_full_queues  # noqa: PLC0415 - an HTTP client, for few

                name_full_queues(self._connection.broker)
            self._keep(entries, NACKED)
        else:
            self._window.confirmed(tags, time.monotonic())
            self._settle(entries)
        self._send_waiting()
        gauge("logbus_in_flight_batches", self.in_flight)

    def _answered(self, tag: int, *, multiple: bool) -> list[int]:
        """Return the tags that an answer covers, none of an earlier channel."""
        if multiple:
            return list(takewhile(lambda each: each <= tag, self._sent))
        return [tag] if tag in self._sent else []

    def _settle(self, entries: list[Entry]) -> None:
        unroutable = []
        for entry in entries:
            if entry.message.message_id in self._returned:
                self._returned.discard(entry.message.message_id)
                unroutable.append(entry)
            else:
                self._bytes -= entry.size_bytes
                self._confirmed.append(entry.span)
                self._newest_read_s = max(self._newest_read_s, entry.message.timestamp or 0)
        if unroutable:
            count("logbus_returned_batches", len(unroutable))
            self._keep(unroutable, f"no queue is bound to {topology.LOGS!r} (start a sink)")
        elif entries:
            self._go_on()

    def _keep(self, entries: list[Entry], why: str) -> None:
        """Keep what was refused, to send it again after a pause."""
        self._waiting.put_back(entries)
        self._probing = True
        self._hold.start(why)

    def _send_again(self) -> None:
        count("logbus_resent_batches", min(1, len(self._waiting)))
        self._send_waiting()

    def _go_on(self) -> None:
        if not self._hold.is_on:
            self._probing = False
            self._hold.over()
