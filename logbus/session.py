"""Asking RabbitMQ one thing after the other, for commands: what exists, how it differs, what is in a queue.

Whatever RabbitMQ refuses closes the channel it was asked on; here each question has a channel as long as it needs one,
and a refusal is an exception with its code and text.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from logbus.amqp import BlockingChannel, BlockingConnection, open_blocking
from logbus.consumer import message_of
from logbus.errors import BrokerUnavailable
from logbus.publisher import properties_of
from logbus.refusals import NOT_FOUND
from logbus.topology import Binding, Declaration, Exchange

if TYPE_CHECKING:
    from logbus.batch import Message
    from logbus.settings import Broker

T = TypeVar("T")


class Refusal(Exception):  # noqa: N818 - it is an answer
    """RabbitMQ said no: `code`, as 404, and `text`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class Session:
    """A connection and a channel; `session` opens one."""

    def __init__(self, connection: BlockingConnection) -> None:
        self._connection = connection
        self._channel: BlockingChannel | None = None

    def ask(self, question: Callable[[BlockingChannel], T]) -> T:
        """Return what `question` makes of the channel. Raises Refusal, BrokerUnavailable."""
        if self._channel is None or not self._channel.is_open:
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        try:
            return question(self._channel)
        except Exception as error:
            if code := getattr(error, "reply_code", 0):
                raise Refusal(code, error.reply_text) from None  # type: ignore[attr-defined] # it has the other, too
            if type(error).__module__.startswith("pika"):
                raise BrokerUnavailable("ask RabbitMQ", type(error).__name__) from error
            raise

    def depth(self, queue: str) -> int | None:
        """Return how many messages a queue has ready, as of a moment ago; None if there is no such queue."""
        try:
            return int(self.ask(lambda channel: channel.queue_declare(queue, passive=True)).method.message_count)
        except Refusal as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise

    def is_consumed(self, queue: str) -> bool:
        """Tell whether somebody consumes from a queue: what they were given is in no number that RabbitMQ tells."""
        return bool(self.ask(lambda channel: channel.queue_declare(queue, passive=True)).method.consumer_count)

    def gives(self, queue: str, patience_s: float) -> bool:
        """Tell whether a message comes from a queue within so long; it stays in the queue.

        By consuming: a queue with a single active consumer can be asked for no message (basic.get), and what was put
        back a moment ago may not be counted yet.
        """

        def look(channel: BlockingChannel) -> bool:
            channel.basic_qos(prefetch_count=1)
            method, _, _ = next(channel.consume(queue, inactivity_timeout=patience_s))
            channel.close()  # which puts the message back
            return method is not None

        return self.ask(look)

    def exists(self, step: Exchange) -> bool:
        """Tell whether there is an exchange of that name."""
        try:
            self.ask(lambda channel: channel.exchange_declare(step.name, passive=True))
        except Refusal as refusal:
            if refusal.code == NOT_FOUND:
                return False
            raise
        return True

    def declare(self, step: Declaration) -> None:
        """Declare one thing; it must be exactly so if it exists. Raises Refusal."""
        self.ask(lambda channel: _declare(channel, step))

    def delete_queue(self, name: str) -> None:
        """Delete a queue with what is in it; nothing if there is none."""
        self.ask(lambda channel: channel.queue_delete(name))

    def get(self, queue: str) -> "tuple[int, Message] | None":
        """Take one message from a queue, to be acknowledged by its tag; None if it is empty. Raises Refusal."""
        method, properties, body = self.ask(lambda channel: channel.basic_get(queue))
        if method is None or properties is None:
            return None
        return method.delivery_tag, message_of(method.routing_key, properties, body or b"")

    def ack(self, tag: int) -> None:
        """Acknowledge a message."""
        self.ask(lambda channel: channel.basic_ack(tag))

    def put_back(self) -> None:
        """Put back everything that was taken and not acknowledged."""
        self.ask(lambda channel: channel.basic_nack(0, multiple=True, requeue=True))

    def publish(self, queue: str, message: "Message") -> None:
        """Put a message into one queue, and wait until RabbitMQ has it. Raises Refusal, BrokerUnavailable."""
        self.ask(lambda channel: channel.basic_publish("", queue, message.body, properties_of(message), mandatory=True))


@contextmanager
def session(broker: "Broker", role: str) -> Iterator[Session]:
    """Open a session, and close it however it ended. Raises BrokerUnavailable, BrokerRefused."""
    connection = open_blocking(broker, role)
    try:
        yield Session(connection)
    finally:
        if connection.is_open:
            connection.close()


def _declare(channel: BlockingChannel, step: Declaration) -> None:
    if isinstance(step, Exchange):
        arguments = dict(step.arguments)
        channel.exchange_declare(step.name, step.type, durable=True, auto_delete=step.auto_delete, arguments=arguments)
    elif not isinstance(step, Binding):
        channel.queue_declare(step.name, durable=True, arguments={"x-queue-type": step.type, **step.arguments})
    elif step.to_exchange:
        channel.exchange_bind(step.destination, step.source, step.key)
    else:
        channel.queue_bind(step.destination, step.source, step.key)
