"""The consumer against a real broker: bounded, acknowledged in any order, quarantined, cancelled."""

import logging
from collections.abc import Callable, Iterator

import pika
import pytest

from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer, Delivery
from logbus.config.settings import Broker
from support import wait_until
from support.channels import Channel, properties

pytestmark = pytest.mark.broker


class Shore:
    """A consumer that is stepped by hand."""

    def __init__(self, url: str, queue: topology.Queue, patterns: tuple[str, ...] = (), prefetch: int = 64) -> None:
        self.link = Connection(Broker(url=url), role="test")
        self.consumer = Consumer(self.link, queue, patterns, prefetch)
        self.taken: list[Delivery] = []
        self.until(lambda: self.consumer.is_open)

    def until(self, condition: Callable[[], object]) -> None:
        """Step until `condition` holds; fail after a minute."""
        wait_until(condition, 60.0, self.step)

    def until_taken(self, count: int) -> None:
        """Step until so many were delivered."""
        self.until(lambda: len(self.taken) == count)

    def let_arrive(self, size_bytes: int) -> None:
        """Do I/O until so much arrived; take nothing."""
        wait_until(lambda: self.consumer.arrived_bytes == size_bytes, 60.0, lambda: self.link.poll(0.02))

    def step(self) -> None:
        """Do a little I/O and gather what was delivered."""
        self.link.poll(0.02)
        self.taken += self.consumer.take()

    @property
    def bodies(self) -> list[bytes]:
        """Return what was taken."""
        return [each.message.body for each in self.taken]


@pytest.fixture
def shore(broker_url: str) -> Iterator[Shore]:
    """Return a consumer on a durable queue bound to everything."""
    shore = Shore(broker_url, topology.sink_queue("test"))
    yield shore
    shore.link.close()


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Return a plain pika channel that confirms, on the same virtual host."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


def send(channel: Channel, *bodies: bytes, key: str = "") -> None:
    """Publish to `logs`, mandatory and confirmed."""
    for body in bodies:
        channel.basic_publish(topology.LOGS, key, body, mandatory=True)


def depth(channel: Channel, queue: str) -> int:
    """Return how many messages a queue has ready."""
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def test_a_program_that_knows_nothing_of_us_is_received(shore: Shore, channel: Channel) -> None:
    """E29: a plain publish to `logs`, without properties, arrives."""
    send(channel, b"Hello World!")
    shore.until(lambda: shore.taken)
    assert shore.bodies == [b"Hello World!"]


def test_who_is_served_is_told_and_who_stands_by(
    broker_url: str, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two consumers of a queue RabbitMQ serves the first: the second says so, and says when its turn has come."""
    caplog.set_level(logging.INFO, "logbus.ready")
    first = Shore(broker_url, topology.sink_queue("test"))
    first.until(lambda: "ready: listening on the queue logs.test" in caplog.text)
    second = Shore(broker_url, topology.sink_queue("test"))
    second.until(lambda: "standing by: another process consumes from the queue logs.test" in caplog.text)
    assert caplog.text.count("ready: ") == 1
    first.link.close()
    send(channel, b"1")
    second.until(lambda: second.taken)
    assert caplog.text.count("ready: ") == 2
    second.link.close()


def test_prefetch_bounds_what_is_unsettled(broker_url: str, channel: Channel) -> None:
    """F7: no more than the prefetch is delivered until something is acknowledged."""
    shore = Shore(broker_url, topology.sink_queue("test"), prefetch=4)
    send(channel, *[b"%d" % number for number in range(10)])
    shore.until(lambda: len(shore.taken) == 4 and depth(channel, "logs.test") == 6)
    shore.consumer.ack(shore.taken)
    shore.until(lambda: len(shore.taken) == 8)
    assert shore.bodies == [b"%d" % number for number in range(8)]
    shore.link.close()


def test_what_is_not_acknowledged_comes_again(shore: Shore, broker_url: str, channel: Channel) -> None:
    """Only what was acknowledged is gone when a consumer disappears."""
    send(channel, b"1", b"2", b"3")
    shore.until(lambda: len(shore.taken) == 3)
    shore.consumer.ack(shore.taken[:1])
    shore.link.close()
    again = Shore(broker_url, topology.sink_queue("test"))
    again.until(lambda: len(again.taken) == 2)
    assert again.bodies == [b"2", b"3"]
    assert all(each.redelivered for each in again.taken)
    again.link.close()


def test_acknowledged_in_any_order(shore: Shore, broker_url: str, channel: Channel) -> None:
    """What is held back stays unsettled while those around it are acknowledged, and may be acknowledged later."""
    send(channel, b"0", b"1", b"2", b"3", b"4")
    shore.until(lambda: len(shore.taken) == 5)
    zero, one, two, three, four = shore.taken
    shore.consumer.ack([four, zero, two])
    shore.consumer.ack([one, two])
    shore.consumer.ack([four])
    shore.link.close()
    again = Shore(broker_url, topology.sink_queue("test"))
    again.until(lambda: again.taken)
    assert again.bodies == [three.message.body]
    again.link.close()


def test_an_acknowledgement_of_an_earlier_epoch_does_nothing(shore: Shore, channel: Channel) -> None:
    """E25: after a reconnect, a tag of the old channel is never acknowledged on the new one."""
    send(channel, b"1", b"2")
    shore.until(lambda: len(shore.taken) == 2)
    old = shore.taken[-1]
    shore.link.reopen_channel()
    shore.until(lambda: len(shore.taken) == 4)
    shore.consumer.ack([old])
    send(channel, b"3")
    shore.until(lambda: len(shore.taken) == 5)
    assert shore.link.is_open
    assert [each.epoch for each in shore.taken] == [0, 0, 1, 1, 1]


def test_settling_on_a_channel_that_is_closing_does_nothing(shore: Shore, channel: Channel) -> None:
    """What is settled after the channel was given up, and before RabbitMQ has closed it, comes again."""
    send(channel, b"good", b"poison")
    shore.until(lambda: len(shore.taken) == 2)
    good, poison = shore.taken
    shore.link.reopen_channel()
    shore.consumer.ack([good])
    shore.consumer.quarantine(poison, "not a batch")
    shore.link.reopen_channel()
    shore.until(lambda: len(shore.taken) == 4)
    assert shore.bodies == [b"good", b"poison"] * 2


def test_a_doubtful_queue_that_is_deleted_is_declared_again(shore: Shore, channel: Channel) -> None:
    """A queue whose declaration was cut off is consumed from before it is bound; that it is not there is an answer."""
    declarer = shore.link._declarer  # noqa: SLF001 - what is left when a connection breaks in the second after
    declarer._new_queues.missing("logs.test")  # noqa: SLF001 - as above
    declarer.disconnected()
    channel.queue_delete("logs.test")
    shore.until(lambda: not shore.consumer.is_open)
    shore.until(lambda: shore.consumer.is_open)
    send(channel, b"one")
    shore.until(lambda: shore.taken)


def test_a_consumer_counts_the_bytes_that_arrived(shore: Shore, channel: Channel) -> None:
    """Until they are taken, or go back with the channel."""
    send(channel, b"one", b"three")
    shore.let_arrive(8)
    shore.consumer.take()
    assert shore.consumer.arrived_bytes == 0
    send(channel, b"four")
    shore.let_arrive(4)
    shore.consumer.pause()
    assert shore.consumer.arrived_bytes == 0


def test_a_paused_consumer_gives_back_what_it_holds(shore: Shore, channel: Channel) -> None:
    """While it is paused everything is in the queue, for whoever else consumes; afterwards it comes again."""
    send(channel, b"one", b"two")
    shore.until(lambda: len(shore.taken) == 2)
    shore.consumer.pause()
    shore.until(lambda: depth(channel, "logs.test") == 2)
    shore.consumer.ack(shore.taken)
    shore.consumer.resume()
    shore.until(lambda: len(shore.taken) == 4)
    assert shore.bodies == [b"one", b"two"] * 2


def test_a_quarantined_message_is_kept_with_its_reason(shore: Shore, channel: Channel) -> None:
    """E28: a message set aside goes to logs.dead with the reason; those around it are settled as usual."""
    send(channel, b"good", b"poison", b"fine")
    shore.until(lambda: len(shore.taken) == 3)
    shore.consumer.quarantine(shore.taken[1], "not a batch")
    shore.consumer.ack([shore.taken[0], shore.taken[2]])
    shore.until(lambda: not shore.consumer.quarantining)
    _, properties, body = channel.basic_get(topology.DEAD, auto_ack=True)
    assert body == b"poison"
    assert properties
    assert properties.headers["logbus-reason"] == "not a batch"
    assert properties.headers["logbus-queue"] == "logs.test"
    shore.link.close()
    assert depth(channel, "logs.test") == 0


def test_a_copy_that_is_not_kept_is_made_again(shore: Shore, channel: Channel) -> None:
    """E28: with the dead letters' queue gone, the message is not acknowledged, and comes again with a new queue."""
    send(channel, b"poison")
    shore.until(lambda: shore.taken)
    channel.queue_delete(topology.DEAD)
    shore.consumer.quarantine(shore.taken[0], "not a batch")
    shore.until(lambda: len(shore.taken) == 2)
    shore.consumer.quarantine(shore.taken[1], "not a batch")
    shore.until(lambda: not shore.consumer.quarantining)
    assert depth(channel, topology.DEAD) == 1


def test_a_console_drops_what_it_cannot_decode(broker_url: str, channel: Channel) -> None:
    """A queue of one's own sends nothing to the dead letters."""
    shore = Shore(broker_url, topology.own_queue("logs.console-test"))
    send(channel, b"poison", b"fine")
    shore.until(lambda: len(shore.taken) == 2)
    shore.consumer.quarantine(shore.taken[0], "not a batch")
    shore.consumer.ack(shore.taken[1:])
    assert depth(channel, topology.DEAD) == 0
    assert not shore.consumer.quarantining
    shore.link.close()


def test_no_delivery_limit_sets_a_message_aside(shore: Shore, channel: Channel) -> None:
    """E13: a sink that crashes over and over burns no batch through RabbitMQ's delivery limit."""
    send(channel, b"kept")
    for times in range(1, 26):
        shore.until_taken(times)
        shore.link.reopen_channel()
    shore.until(lambda: len(shore.taken) == 26)
    assert depth(channel, topology.DEAD) == 0


def test_a_deleted_queue_is_declared_again(shore: Shore, channel: Channel) -> None:
    """E22: a consumer whose queue is deleted never idles: it declares the queue anew and goes on."""
    channel.queue_delete("logs.test")
    shore.until(lambda: shore.consumer.epoch == 1 and shore.consumer.is_open)
    send(channel, b"after")
    shore.until(lambda: shore.taken)
    assert shore.bodies == [b"after"]


def test_an_exclusive_queue_leaves_nothing_behind(broker_url: str, channel: Channel) -> None:
    """F10: the queue of an ad hoc console is gone with its connection."""
    shore = Shore(broker_url, topology.own_queue("logs.console-test"))
    shore.link.close()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
        channel.queue_declare("logs.console-test", passive=True)


def test_a_selective_queue_gets_what_it_asked_for_and_the_rest_counts_as_routed(
    broker_url: str, channel: Channel
) -> None:
    """F12: a queue bound for `err` receives no other severity, which is nevertheless not unroutable."""
    shore = Shore(broker_url, topology.sink_queue("errors"), ("*.*.#.err.#",))
    send(channel, b"info", key="h.l.info")
    send(channel, b"mixed", key="h.l.err.info")
    send(channel, b"debug", key="h.l.debug")
    send(channel, b"error", key="h.l.err")
    shore.until(lambda: len(shore.taken) == 2)
    assert shore.bodies == [b"mixed", b"error"]
    shore.link.close()
    channel.queue_delete("logs.errors")
    with pytest.raises(pika.exceptions.UnroutableError):
        send(channel, b"info", key="h.l.info")


@pytest.mark.parametrize(
    "value",
    [
        b"T" + b"\xff" * 8,
        b"".join(b"F" + (6 * left).to_bytes(4) + (b"\x00" if left else b"") for left in range(3000, -1, -1)),
        b"x" + (100_000).to_bytes(4) + bytes(100_000),
    ],
    ids=["timestamp out of range", "three thousand tables deep", "large"],
)
def test_no_header_ends_a_consumer(
    shore: Shore, channel: Channel, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    """S11: headers that pika cannot decode are received, and set aside, and what follows them arrives."""
    encoded = b"\x01h" + value

    def encode_raw(pieces: list[bytes], _table: object) -> int:
        pieces.extend([len(encoded).to_bytes(4), encoded])
        return 4 + len(encoded)

    with monkeypatch.context() as patch:
        patch.setattr(pika.data, "encode_table", encode_raw)
        channel.basic_publish(topology.LOGS, "", b"poison", properties(headers={"h": 1}))
    send(channel, b"after")
    shore.until(lambda: len(shore.taken) == 2)
    shore.consumer.quarantine(shore.taken[0], "odd")
    shore.consumer.ack(shore.taken[1:])
    shore.until(lambda: not shore.consumer.quarantining)
    assert shore.bodies == [b"poison", b"after"]
    assert depth(channel, topology.DEAD) == 1
