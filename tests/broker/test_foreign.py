"""Messages of other programs at a sink that wants some severities: all arrive, once, whatever their routing keys."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pika
import pytest

from logbus.batch import Batch, Message, encode
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer
from logbus.broker.messages import properties_of
from logbus.config.settings import Broker
from support import wait_until
from support.channels import Channel

pytestmark = pytest.mark.broker

PATTERNS = (topology.ANY_FOREIGN, "*.*.#.err.#")
KEYS = ["", "com.acme.Shop.INFO", "com.acme.err.x.err", "#", "err", "\N{SNOWMAN}", "k" * 255]


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Give a channel that confirms, and returns what no queue takes."""
    with closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as connection:
        found = connection.channel()
        found.confirm_delivery()
        yield found


@contextmanager
def consuming(url: str, *patterns: str) -> Iterator[tuple[Connection, Consumer]]:
    """Open a consumer of the queue logs.test with these patterns."""
    link = Connection(Broker(url=url), role="test")
    consumer = Consumer(link, topology.sink_queue("test"), patterns)
    wait_until(lambda: consumer.is_open, meanwhile=lambda: link.poll(0.02))
    yield link, consumer
    link.close()


def bodies(link: Connection, consumer: Consumer, last: bytes) -> list[bytes]:
    """Return what arrives, up to a body."""
    found: list[bytes] = []

    def take() -> None:
        link.poll(0.02)
        found.extend(each.message.body for each in consumer.take())

    wait_until(lambda: last in found, meanwhile=take)
    return found


def batch(levels: bytes, body: bytes) -> Message:
    """Return a batch of a line."""
    return encode(Batch(body, levels, "h", "l", stream="a" * 16, end=len(body)))


def is_routed(channel: Channel, message: Message, key: str) -> bool:
    """Publish a message; return False if no queue took it."""
    try:
        channel.basic_publish(topology.LOGS, key, message.body, properties_of(message), mandatory=True)
    except pika.exceptions.UnroutableError:
        return False
    return True


def test_they_arrive_once_whatever_their_keys(broker_url: str, channel: Channel) -> None:
    """Of batches, only those with a wanted severity do; the others count as routed, and cost the sink nothing."""
    with consuming(broker_url, *PATTERNS) as (link, consumer):
        for number, key in enumerate(KEYS):
            headers = {"stream": "x", "records": 1} if number % 2 else {}
            assert is_routed(channel, Message(b"%d" % number, headers=headers), key)
        for levels, body in ((b"6", b"fine\n"), (b"3", b"bad\n")):
            message = batch(levels, body)
            assert is_routed(channel, message, message.routing_key)
        assert is_routed(channel, Message(b"last"), "any.key")
        expected = [b"%d" % number for number in range(len(KEYS))]
        assert bodies(link, consumer, b"last") == [*expected, b"bad\n", b"last"]


def test_without_a_queue_they_are_returned(broker_url: str, channel: Channel) -> None:
    """As batches are, before the first sink is bound and after the last one is gone; and a sink of one host is none."""
    with consuming(broker_url, *PATTERNS):
        pass
    assert is_routed(channel, Message(b"x"), "a.b")
    channel.queue_delete("logs.test")
    message = batch(b"3", b"bad\n")
    assert not is_routed(channel, Message(b"x"), "a.b")
    assert not is_routed(channel, message, message.routing_key)
    with consuming(broker_url, "h.*.#.err.#"):
        assert is_routed(channel, Message(b"x"), "a.b")


def test_an_older_sink_beside_it_gets_what_it_got(broker_url: str, channel: Channel) -> None:
    """Its queue is bound to the topic alone; what is wanted by both is in both queues."""
    with consuming(broker_url, *PATTERNS) as (link, consumer):
        channel.queue_declare("logs.older", durable=True)
        for pattern in PATTERNS:
            channel.queue_bind("logs.older", topology.TOPIC, pattern)
        for body, key in ((b"one", ""), (b"two", "a.b"), (b"three", "")):
            assert is_routed(channel, Message(body), key)
        assert bodies(link, consumer, b"three") == [b"one", b"two", b"three"]
        assert [channel.basic_get("logs.older", auto_ack=True)[2] for _ in range(3)] == [b"one", b"three", None]
