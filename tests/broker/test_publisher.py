"""The publisher against a real broker: confirmed, returned, refused, cut off, too large."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pika
import pytest
from msgspec.structs import replace

from logbus.batch import Batch, Span, decode
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.messages import message_of
from logbus.broker.publishing.publisher import Publisher
from logbus.broker.publishing.window import LEAST, Amount
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from logbus.severity import classify
from support import wait_until
from support.channels import Channel
from support.proxy import Proxy

pytestmark = pytest.mark.broker
STREAM = "0123456789abcdef"


def batch(offset: int, body: bytes = b"a line\n") -> Batch:
    """Return a batch of one stream at `offset`."""
    return Batch(
        body=body,
        levels=classify(body),
        host="h",
        label="l",
        path="/x",
        stream=STREAM,
        offset=offset,
        end=offset + len(body),
        read_at_us=1,
    )


class Shore:
    """A publisher that is stepped by hand."""

    def __init__(self, url: str, most: Amount = LEAST, heartbeat_s: int = 10) -> None:
        self.link = Connection(Broker(url=url, heartbeat_s=heartbeat_s), role="test")
        self.publisher = Publisher(self.link, most)
        self.confirmed: list[Span] = []
        self.offset = 0

    def step(self) -> None:
        """Do a little I/O and gather what was confirmed."""
        self.link.poll(0.02)
        self.confirmed += self.publisher.take_confirmed()

    def until(self, condition: Callable[[], object]) -> None:
        """Step until `condition` holds; fail after a minute."""
        wait_until(condition, 60.0, self.step)

    def publish(self, body: bytes = b"a line\n") -> None:
        """Wait for room and publish the next batch."""
        self.until(self.publisher.has_room)
        self.publisher.publish(batch(self.offset, body))
        self.offset += len(body)

    @property
    def settled_to(self) -> int:
        """How far the confirmed spans reach without a gap."""
        end = 0
        for span in sorted(self.confirmed, key=lambda each: each.offset):
            end = max(end, span.end) if span.offset <= end else end
        return end


@pytest.fixture
def shore(broker_url: str) -> Iterator[Shore]:
    """Return a publisher on a virtual host of its own."""
    shore = Shore(broker_url)
    yield shore
    shore.link.close()


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Return a plain pika channel on the same virtual host."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    yield connection.channel()
    connection.close()


def bound_queue(channel: Channel, name: str = "q", arguments: dict[str, object] | None = None) -> str:
    """Declare the exchange `logs` and a durable queue bound to it."""
    channel.exchange_declare(topology.LOGS, "fanout", durable=True)
    channel.queue_declare(name, durable=True, arguments=arguments)
    channel.queue_bind(name, topology.LOGS)
    return name


def drain(channel: Channel, name: str) -> list[bytes]:
    """Take every message of a queue, decoded."""
    bodies: list[bytes] = []
    while True:
        method, properties, body = channel.basic_get(name, auto_ack=True)
        if method is None:
            return bodies
        assert properties
        assert body is not None
        bodies.append(decode(message_of(method.routing_key, properties, body)).body)


def test_confirmed_batches_are_on_the_queue_persistent_and_in_order(shore: Shore, channel: Channel) -> None:
    """What was confirmed is in the bound queue, persistent, in the order of publishing."""
    queue = bound_queue(channel)
    for number in range(200):
        shore.publish(b"line %d\n" % number)
    shore.until(lambda: shore.settled_to == shore.offset)
    assert drain(channel, queue) == [b"line %d\n" % number for number in range(200)]
    assert shore.publisher.in_flight == 0


def test_when_the_newest_and_the_oldest_batch_were_read_is_known(shore: Shore, channel: Channel) -> None:
    """The newest of those that are confirmed, the oldest of those that are not."""
    bound_queue(channel)
    shore.until(shore.publisher.has_room)
    assert (shore.publisher.newest_read_s, shore.publisher.oldest_read_s) == (0, 0)
    for offset, read_s in ((0, 70), (7, 60)):
        shore.publisher.publish(replace(batch(offset), read_at_us=read_s * 1_000_000))
        shore.until(lambda: shore.publisher.oldest_read_s or shore.confirmed)
        shore.until(lambda end=offset + 7: shore.settled_to == end)  # type: ignore[misc]
    assert (shore.publisher.newest_read_s, shore.publisher.oldest_read_s) == (70, 0)


def test_unroutable_is_not_delivered(shore: Shore, channel: Channel) -> None:
    """E9: with no queue bound nothing is confirmed; once one is bound, everything arrives in order."""
    shore.publish(b"first\n")
    shore.until(lambda: shore.publisher.in_flight == 1 and shore.publisher.held_because)
    assert not shore.publisher.has_room()
    assert shore.confirmed == []
    queue = bound_queue(channel)
    shore.publish(b"second\n")
    shore.until(lambda: shore.settled_to == shore.offset)
    assert drain(channel, queue) == [b"first\n", b"second\n"]


def test_a_full_queue_holds_and_loses_nothing(shore: Shore, channel: Channel) -> None:
    """E23: a nack from a full queue is back-pressure: the batch is sent again until the queue takes it."""
    queue = bound_queue(channel, arguments={"x-max-length": 3, "x-overflow": "reject-publish"})
    shore.until(shore.publisher.has_room)
    taken: list[bytes] = []

    def drained(condition: bool) -> bool:
        """Make room in the queue as long as a condition does not hold."""
        taken.extend([] if condition else drain(channel, queue))
        return condition

    for number in range(12):
        shore.until(lambda: drained(shore.publisher.has_room()))
        shore.publish(b"line %d\n" % number)
    shore.until(lambda: drained(shore.settled_to == shore.offset))
    taken += drain(channel, queue)
    assert sorted(set(taken)) == sorted(b"line %d\n" % number for number in range(12))


def test_many_confirms_at_once_settle_every_batch(broker_url: str, channel: Channel) -> None:
    """E24: a confirm of many tags (`multiple`) settles all of them, and the window never exceeds its bounds."""
    bound_queue(channel)
    shore = Shore(broker_url, Amount(32, LEAST.bytes))
    for _ in range(500):
        shore.publish()
        assert shore.publisher.in_flight <= 32
    shore.until(lambda: shore.settled_to == shore.offset)
    assert len(shore.confirmed) == 500
    shore.link.close()


def test_the_window_follows_the_round_trip(broker: DevBroker, broker_url: str) -> None:
    """What is in flight outgrows the least window where confirms take long."""
    most = 0
    with (
        Proxy(broker.port, delay_s=0.1) as proxy,
        closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as own,
    ):
        bound_queue(own.channel())
        shore = Shore(broker_url.replace(str(broker.port), str(proxy.port)), Amount(1_000, 32 << 20))
        shore.until(shore.publisher.has_room)
        for number in range(2_000):
            shore.publish(b"line %d\n" % number)
            most = max(most, shore.publisher.in_flight)
        shore.until(lambda: shore.settled_to == shore.offset)
        shore.link.close()
    assert most > 2 * LEAST.batches


@pytest.fixture
def narrow_broker(faulty_broker: DevBroker) -> Iterator[DevBroker]:
    """Give a node that takes at most 64 KiB a message."""
    name = "rabbit, max_message_size"
    usual = faulty_broker.ctl("eval", f"{{ok, Size}} = application:get_env({name}), Size.").strip()
    faulty_broker.ctl("eval", f"application:set_env({name}, 65536).")
    yield faulty_broker
    faulty_broker.ctl("eval", f"application:set_env({name}, {usual}).")


def test_batches_larger_than_the_broker_takes_are_cut(narrow_broker: DevBroker) -> None:
    """E17: a broker with a small message limit closes the channel; the batch is cut, nothing lost, no hot loop."""
    connection = pika.BlockingConnection(pika.URLParameters(narrow_broker.url))
    channel = connection.channel()
    queue = bound_queue(channel)
    shore = Shore(narrow_broker.url)
    body = b"".join(b"%040x\n" % (number * 7919**9) for number in range(20_000))
    shore.publish(body)
    shore.publish(b"after\n")
    shore.until(lambda: shore.settled_to == shore.offset)
    assert b"".join(drain(channel, queue)) == body + b"after\n"
    shore.link.close()
    connection.close()


def test_a_deleted_exchange_is_declared_again(shore: Shore, channel: Channel) -> None:
    """E30: `logs` deleted under a running publisher: it is declared again, and what was under way is sent."""
    bound_queue(channel)
    shore.publish()
    shore.until(lambda: shore.settled_to == shore.offset)
    channel.exchange_delete(topology.LOGS)
    shore.publish(b"into the void\n")
    shore.until(lambda: not shore.link.is_open)
    shore.until(lambda: shore.link.is_open)
    queue = bound_queue(channel, "r")
    shore.until(lambda: shore.settled_to == shore.offset)
    assert drain(channel, queue) == [b"into the void\n"]


def test_a_broker_that_answers_nothing_is_reported(faulty_broker: DevBroker, caplog: pytest.LogCaptureFixture) -> None:
    """What is neither confirmed nor refused for some seconds is reported once; each batch is confirmed in the end."""
    shore = Shore(faulty_broker.url, heartbeat_s=60)  # else the connection is given up before
    with closing(pika.BlockingConnection(pika.URLParameters(faulty_broker.url))) as other:
        queue = other.channel().queue_declare("q", durable=True).method.queue
        shore.until(shore.publisher.has_room)
        other.channel().queue_bind(queue, topology.LOGS)
        shore.publish()
        shore.until(lambda: shore.confirmed)
    faulty_broker.pause()
    for _ in range(3):
        shore.publish()
    shore.until(lambda: "has not answered" in caplog.text)
    faulty_broker.resume()
    shore.until(lambda: shore.settled_to == shore.offset)
    assert caplog.text.count("has not answered") == 1
    shore.link.close()
