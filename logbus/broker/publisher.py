"""Publishing: a bounded window of batches, each confirmed or sent again.

Theory of operation. Every batch is persistent and `mandatory`. RabbitMQ answers each publish with a confirm or a nack,
in any order and possibly several at once (`multiple`); a message without a bound queue is first *returned*, with its
message id, and then confirmed all the same: it is not delivered. What was nacked or returned, or in flight when a
channel died, waits in `_waiting`, in its original order, and is sent again before anything new.

After a (re)connect, a nack or a return the window narrows to one batch, the probe, until one is confirmed. So a broker
without a bound queue gets one message at a time, a few times a minute, and later batches arrive after the first.

A channel that was refused for most of a second is replaced: RabbitMQ 3.10 keeps refusing on a channel after the limit
of the full queue was lifted, or after a queue without a leader has elected one.

A channel that stays unanswered for a while is replaced as well. A new one without a confirm so far is given little
time: what RabbitMQ forwarded to a leader that was just killed is never answered. Any other has 30 s.

Nothing is queued beyond the window (`logbus.broker.window`): `has_room()` is the back-pressure, the source keeps the
rest.
"""

import logging
import time
from collections import deque
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import TYPE_CHECKING

import pika

from logbus import backoff
from logbus.batch import Batch, Message, Span, decode, encode, of_bounded_records, split
from logbus.broker import refusals, topology
from logbus.broker.encoder import Encoder
from logbus.broker.messages import properties_of
from logbus.broker.window import LEAST, Amount, Window
from logbus.errors import counted
from logbus.telemetry import count, gauge

if TYPE_CHECKING:
    from pika.channel import Channel

    from logbus.broker.connection import Connection

logger = logging.getLogger("logbus.broker.publisher")

FIRST_HOLD_S = 0.1
LAST_HOLD_S = 5.0
REOPEN_FROM_HOLD = 2
"""From the third on, each retry has a channel of its own."""
FIRST_ANSWER_S = 2.0
LAST_ANSWER_S = 30.0
"""How long a channel may leave everything unanswered: one without a confirm so far (doubled each time); any other."""
SAY_SILENCE_S = 10.0
NACKED = "a queue is full, or has no leader now (nack; see: rabbitmqctl list_queues name messages consumers)"
SIZE_MARGIN_BYTES = 64
"""RabbitMQ's limit applies to the body alone; this margin allows for a frame more or less."""


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    message: Message
    properties: pika.BasicProperties
    span: Span


class Publisher:
    """Publishes batches to `logs` over `connection`; at most `most` of them are in flight."""

    def __init__(self, connection: "Connection", most: Amount = LEAST) -> None:
        self._connection = connection
        self._window = Window(most)
        self._channel: Channel | None = None
        self._next_number = 0
        self._last_tag = 0
        self._sent: dict[int, _Entry] = {}
        self._encoder = Encoder(connection.wake)
        self._waiting: deque[_Entry] = deque()
        self._returned: set[str] = set()
        self._confirmed: list[Span] = []
        self._bytes = self._newest_read_s = 0
        self._max_body_bytes = 0
        self._probing = True
        self._holding = self._refused_long = False
        self._holds = 0
        self.held_because = ""
        self._blocked = self._watching = False
        self._answers = self._answers_before = 0
        self._silent_s, self._unanswered = 0.0, 0
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
            self._waiting.extend(self._entries(each.batch, each.message))
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
        self._holding = False
        self._blocked = False
        self._answers = self._answers_before = 0
        self._silent_s = 0.0
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
        self._put_back(under_way)
        limit = refusals.size_limit(error)
        if limit is not None:
            self._shrink(max(1, limit - SIZE_MARGIN_BYTES))

    def blocked(self, reason: str | None) -> None:
        """Pause while the broker is short of memory or disk."""
        self._blocked = reason is not None
        if reason is None:
            logger.warning("RabbitMQ accepts messages again")
        else:
            logger.warning("RabbitMQ has blocked publishing (%s): waiting; unread lines stay in their files", reason)

    def _entries(self, batch: Batch, message: Message) -> list[_Entry]:
        if 0 < self._max_body_bytes < len(message.body):
            return [self._entry(part) for part in split(batch, self._max_body_bytes)]
        return [self._entry(batch, message)]

    def _entry(self, batch: Batch, message: Message | None = None) -> _Entry:
        message = message or encode(batch, user_id=self._connection.user_id)
        self._next_number += 1
        return _Entry(self._next_number, message, properties_of(message), batch.span)

    def _put_back(self, entries: list[_Entry]) -> None:
        self._waiting = deque(sorted([*entries, *self._waiting], key=lambda entry: entry.number))

    def _shrink(self, max_body_bytes: int) -> None:
        logger.warning("RabbitMQ accepts at most %d bytes per message: cutting batches to that size", max_body_bytes)
        self._max_body_bytes = max_body_bytes
        self._waiting = deque(
            part for entry in self._waiting for part in self._entries(decode(entry.message), entry.message)
        )

    def _send_waiting(self) -> None:
        while self._waiting and self._channel and self._channel.is_open and not self._holding:
            if self._probing and self._sent:
                return
            self._send(self._channel, self._waiting.popleft())

    def _send(self, channel: "Channel", entry: _Entry) -> None:
        self._last_tag += 1
        self._sent[self._last_tag] = entry
        self._window.sent(self._last_tag, entry.span.end - entry.span.offset, time.monotonic())
        self._watch()
        count("logbus_wire_bytes", len(entry.message.body))
        channel.basic_publish(
            topology.LOGS, entry.message.routing_key, entry.message.body, entry.properties, mandatory=True
        )

    def _on_return(self, _channel: object, _method: object, properties: pika.BasicProperties, _body: bytes) -> None:
        self._returned.add(properties.message_id or "")

    def _on_confirm(self, frame: "pika.frame.Method[pika.spec.Basic.Ack | pika.spec.Basic.Nack]") -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        self._answers += 1
        tags = self._answered(tag, multiple=multiple)
        entries = [self._sent.pop(each) for each in tags]
        if frame.method.NAME == "Basic.Nack":
            self._window.refused(tags)
            count("logbus_nacked_batches", len(entries))
            self._refused_long = self._holds >= REOPEN_FROM_HOLD
            if self.held_because != NACKED and self._connection.broker.management:
                from logbus.broker.management import name_full_queues  # noqa: PLC0415 - an HTTP client, for few

                name_full_queues(self._connection.broker)
            self._hold(entries, NACKED)
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

    def _settle(self, entries: list[_Entry]) -> None:
        unroutable = []
        for entry in entries:
            if entry.message.message_id in self._returned:
                self._returned.discard(entry.message.message_id)
                unroutable.append(entry)
            else:
                self._bytes -= entry.span.end - entry.span.offset
                self._confirmed.append(entry.span)
                self._newest_read_s = max(self._newest_read_s, entry.message.timestamp or 0)
        if unroutable:
            count("logbus_returned_batches", len(unroutable))
            self._hold(unroutable, f"no queue is bound to {topology.LOGS!r} (start a sink)")
        elif entries:
            self._go_on()

    def _watch(self) -> None:
        """Check later that RabbitMQ has answered."""
        if not self._watching:
            self._watching = True
            self._connection.call_later(FIRST_ANSWER_S, self._look_for_answers)

    def _look_for_answers(self) -> None:
        self._watching = False
        answered = self._answers != self._answers_before or not self._sent
        self._answers_before = self._answers
        self._silent_s = 0.0 if answered or self._blocked else self._silent_s + FIRST_ANSWER_S
        if self._answers:
            self._unanswered = 0
        limit_s = LAST_ANSWER_S if self._answers else backoff.delay_s(self._unanswered, FIRST_ANSWER_S, LAST_ANSWER_S)
        if self._silent_s >= SAY_SILENCE_S and not self.held_because:
            self.held_because = "no answer"
            logger.warning(
                "RabbitMQ has not answered %s for %d s: a queue may have no leader, or an overloaded node "
                "(rabbitmqctl list_queues name leader); waiting",
                counted(len(self._sent), "batch", "batches"),
                self._silent_s,
            )
        if self._silent_s >= limit_s and not self._connection.unsent_bytes():  # else a slow link would start over
            self._unanswered += 1
            self._connection.reopen_channel()
        elif self._sent:
            self._watch()

    def _hold(self, entries: list[_Entry], why: str) -> None:
        self._put_back(entries)
        self._probing = True
        if self.held_because != why:
            logger.warning("RabbitMQ does not accept messages: %s; pausing and retrying", why)
            self.held_because = why
        if not self._holding:
            self._holding = True
            self._connection.call_later(backoff.delay_s(self._holds, FIRST_HOLD_S, LAST_HOLD_S), self._release)
            self._holds += 1

    def _release(self) -> None:
        self._holding = False
        if self._refused_long:
            self._refused_long = False
            self._connection.reopen_channel()
            return
        count("logbus_resent_batches", min(1, len(self._waiting)))
        self._send_waiting()

    def _go_on(self) -> None:
        if self._holding:
            return
        self._probing = False
        self._holds = 0
        if self.held_because:
            logger.warning("RabbitMQ accepts messages again")
            self.held_because = ""
