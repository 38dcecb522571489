"""Synchronous questions to RabbitMQ, for commands: what exists, how it differs, what a queue holds.

RabbitMQ closes the channel of anything it refuses; here each question gets a working channel, and a refusal is an
exception with its code and text. Each question has a deadline: a queue without a leader answers only its declaration
and its deletion.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeVar

from logbus.broker.amqp import (
    BlockingChannel,
    BlockingConnection,
    NackError,
    UnroutableError,
    answering_within,
    open_blocking,
    server_of,
)
from logbus.broker.messages import message_of, properties_of
from logbus.broker.refusals import NOT_FOUND, read_refusal
from logbus.broker.topology import Binding, Declaration, Exchange
from logbus.errors import BrokerUnavailable

if TYPE_CHECKING:
    from logbus.config.settings import Broker
    from logbus.wire.message import Message

T = TypeVar("T")
Offered = Literal["taken", "returned", "refused"]
"""What becomes of a message: no queue is bound for it; or the queue is full."""

ANSWER_WITHIN_S = 15.0
"""Deleting a queue without a leader takes RabbitMQ 5 s."""
LEADER_WITHIN_S = 5.0
CLOSE_WITHIN_S = 2.0


class Refusal(Exception):  # noqa: N818 - it is an answer
    """A refusal by RabbitMQ: `code`, such as 404, `text`, and the permission that the question `needs`, if known."""

    def __init__(self, code: int, text: str, needs: str = "") -> None:
        super().__init__(code, text, needs)
        self.code = code
        self.text = text
        self.needs = needs


class Session:
    """A connection and a channel, replaced after an unanswered question; `session` opens one."""

    def __init__(self, connect: Callable[[], BlockingConnection]) -> None:
        self._connect = connect
        self._connection: BlockingConnection | None = connect()
        self._channel: BlockingChannel | None = None

    def ask(self, question: Callable[[BlockingChannel], T], within_s: float = ANSWER_WITHIN_S, needs: str = "") -> T:
        """Return the result of `question` on the channel. Raises Refusal, BrokerUnavailable."""
        self._connection = self._connection or self._connect()
        try:
            with answering_within(self._connection, within_s):
                return question(self._open_channel(self._connection))
        except TimeoutError as error:
            self._connection = self._channel = None
            raise BrokerUnavailable("ask RabbitMQ", f"no answer after {within_s:.0f} s") from error
        except Exception as error:
            if code := getattr(error, "reply_code", 0):
                raise Refusal(code, error.reply_text, needs) from None  # type: ignore[attr-defined] # it has the other, too
            if type(error).__module__.startswith("pika"):
                raise BrokerUnavailable("ask RabbitMQ", type(error).__name__) from error
            raise

    def server(self) -> dict[str, str]:
        """Return what RabbitMQ tells of itself: its `product`, `version` and `platform`, and its `cluster_name`."""
        return server_of(self._connection) if self._connection else {}

    def close(self) -> None:
        """Close the connection, without waiting long for a broker that does not answer."""
        if self._connection and self._connection.is_open:
            with suppress(TimeoutError), answering_within(self._connection, CLOSE_WITHIN_S):
                self._connection.close()

    def _open_channel(self, connection: BlockingConnection) -> BlockingChannel:
        if self._channel is None or not self._channel.is_open:
            self._channel = connection.channel()
            self._channel.confirm_delivery()
        return self._channel

    def has_leader(self, queue: str) -> bool:
        """Return True if a queue answers.

        One without a leader reports neither messages nor consumers (3.10.8), and never answers a consumer.
        """

        def look(channel: BlockingChannel) -> bool:
            told = channel.queue_declare(queue, passive=True).method
            if not told.message_count and not told.consumer_count:
                channel.basic_cancel(channel.basic_consume(queue, lambda *_: None))
            return True

        try:
            return self.ask(look, LEADER_WITHIN_S)
        except BrokerUnavailable:
            return False

    def depth(self, queue: str) -> int | None:
        """Return how many messages a queue has ready, as of a moment ago; None if there is no such queue."""
        try:
            return int(self.ask(lambda channel: channel.queue_declare(queue, passive=True)).method.message_count)
        except Refusal as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise

    def is_consumed(self, queue: str) -> bool:
        """Return True if a queue has consumers: RabbitMQ reports no number that includes their deliveries."""
        return bool(self.ask(lambda channel: channel.queue_declare(queue, passive=True)).method.consumer_count)

    def gives(self, queue: str, patience_s: float) -> bool:
        """Return True if a queue delivers a message within `patience_s`; the message stays in the queue.

        By consuming: a queue with a single active consumer refuses basic.get, and a message requeued a moment ago may
        not be counted yet.
        """

        def look(channel: BlockingChannel) -> bool:
            channel.basic_qos(prefetch_count=1)
            method, _, _ = next(channel.consume(queue, inactivity_timeout=patience_s))
            channel.close()  # which puts the message back
            return method is not None

        return self.ask(look)

    def exists(self, step: Exchange) -> bool:
        """Return True if there is an exchange of that name."""
        try:
            self.ask(lambda channel: channel.exchange_declare(step.name, passive=True))
        except Refusal as refusal:
            if refusal.code == NOT_FOUND:
                return False
            raise
        return True

    def declare(self, step: Declaration) -> None:
        """Declare one item; if it exists, it must match exactly. Raises Refusal."""
        self.ask(lambda channel: _declare(channel, step))

    def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages; do nothing if there is none."""
        self.ask(lambda channel: channel.queue_delete(name), needs="configure")

    def get(self, queue: str) -> "tuple[int, Message] | None":
        """Return a message of a queue and the tag to acknowledge it by; None if the queue is empty. Raises Refusal."""
        method, properties, body = self.ask(lambda channel: channel.basic_get(queue))
        if method is None or properties is None:
            return None
        return method.delivery_tag, message_of(method.routing_key, properties, body or b"")

    def ack(self, tag: int) -> None:
        """Acknowledge a message."""
        self.ask(lambda channel: channel.basic_ack(tag))

    def put_back(self) -> None:
        """Requeue everything that was taken and not acknowledged."""
        self.ask(lambda channel: channel.basic_nack(0, multiple=True, requeue=True))

    def offer(self, exchange: str, message: "Message", within_s: float) -> Offered:
        """Publish a message that lives for `within_s`; return what became of it. Raises Refusal, BrokerUnavailable."""
        properties = properties_of(message, lasting=False)
        properties.expiration = str(int(within_s * 1000))

        def publish(channel: BlockingChannel) -> Offered:
            try:
                channel.basic_publish(exchange, message.routing_key, message.body, properties, mandatory=True)
            except UnroutableError:
                return "returned"
            except NackError:
                return "refused"
            return "taken"

        return self.ask(publish, needs="write")

    def next_of(self, queue: str, patience_s: float) -> "Message | None":
        """Return the next message of a queue of our own; None if none arrives in time. Raises Refusal."""

        def look(channel: BlockingChannel) -> "Message | None":
            method, properties, body = next(channel.consume(queue, auto_ack=True, inactivity_timeout=patience_s))
            if method is None or properties is None:
                return None
            return message_of(method.routing_key, properties, body or b"")

        return self.ask(look, patience_s + ANSWER_WITHIN_S, needs="read")

    def publish(self, queue: str, message: "Message") -> None:
        """Put a message into one queue, and wait for the confirm. Raises Refusal, BrokerUnavailable."""
        self.ask(lambda channel: channel.basic_publish("", queue, message.body, properties_of(message), mandatory=True))


@contextmanager
def session(broker: "Broker", role: str) -> Iterator[Session]:
    """Open a session, and close it in any case. Raises BrokerUnavailable, BrokerRefused.

    A Refusal that its user does not handle becomes a BrokerRefused.
    """
    opened = Session(lambda: open_blocking(broker, role))
    try:
        yield opened
    except Refusal as refusal:
        raise read_refusal(refusal.code, refusal.text, broker.shown(), refusal.needs) from None
    finally:
        opened.close()


def _declare(channel: BlockingChannel, step: Declaration) -> None:
    if isinstance(step, Exchange):
        arguments = dict(step.arguments)
        channel.exchange_declare(step.name, step.type, durable=True, auto_delete=step.auto_delete, arguments=arguments)
    elif not isinstance(step, Binding):
        arguments = {"x-queue-type": step.type, **step.arguments}
        channel.queue_declare(step.name, durable=not step.exclusive, exclusive=step.exclusive, arguments=arguments)
    elif step.to_exchange:
        channel.exchange_bind(step.destination, step.source, step.key, dict(step.arguments))
    else:
        channel.queue_bind(step.destination, step.source, step.key, dict(step.arguments))
