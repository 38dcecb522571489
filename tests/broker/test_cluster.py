"""A cluster of three nodes of which one is down: nothing that all sinks need is gone with it."""

from contextlib import closing

import pika
import pytest

from logbus.batch import Batch, Span
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer
from logbus.broker.publishing.publisher import Publisher
from logbus.config.settings import Broker
from logbus.devbroker import DevCluster
from support import keep_new_queues, wait_until

pytestmark = pytest.mark.broker

ERRORS = ("*.*.err.#",)


def batch(number: int, level: bytes) -> Batch:
    """Return a batch of one line."""
    body = b"%06d\n" % number
    return Batch(body, level, host="h", label="l", stream="0123456789abcdef", offset=7 * number, end=7 * number + 7)


def open_sink(url: str, name: str) -> Connection:
    """Return the connection of a selective sink that has declared everything and consumes."""
    link = Connection(Broker(url=url), role="test")
    consumer = Consumer(link, topology.sink_queue(name), ERRORS)
    wait_until(lambda: consumer.is_open, meanwhile=lambda: link.poll(0.02))
    return link


def publish_unwanted(url: str, count: int) -> None:
    """Publish batches that no sink wants, and wait until each is confirmed.

    A queue whose leader went down with its node refuses them until it has elected another.
    """
    link = Connection(Broker(url=url), role="test")
    publisher = Publisher(link)
    confirmed: list[Span] = []
    numbers = iter(range(count))

    def publish_next() -> None:
        if publisher.has_room() and (number := next(numbers, None)) is not None:
            publisher.publish(batch(number, b"6"))
        link.poll(0.02)
        confirmed.extend(publisher.take_confirmed())

    wait_until(lambda: len(confirmed) == count, meanwhile=publish_next)
    link.close()


def declare_as_before(url: str) -> None:
    """Declare `logs.drain` as older versions did: a classic queue, which lives on the node it is declared at."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.exchange_declare(topology.DRAIN, "fanout", durable=True)
        channel.queue_declare(topology.DRAIN, durable=True, arguments={"x-queue-type": "classic", "x-max-length": 0})
        channel.queue_bind(topology.DRAIN, topology.DRAIN)


@pytest.mark.parametrize("upgraded", [False, True])
def test_no_node_is_needed_by_all_sinks(cluster: DevCluster, *, upgraded: bool) -> None:
    """Whichever node is down, a new selective sink starts, and what no sink wants is confirmed and kept nowhere.

    Also with the node down on which an older version left its classic `logs.drain` behind.
    """
    if upgraded:
        declare_as_before(cluster.urls[0])
    open_sink(cluster.urls[0], "first").close()
    for node in cluster.nodes:
        keep_new_queues(node)
    for number, down in enumerate(cluster.nodes[:1] if upgraded else cluster.nodes):
        down.kill()
        others = [node.url for node in cluster.nodes if node.url != down.url]
        link = open_sink(others[0], f"new{number}")
        publish_unwanted(others[1], 20)
        link.close()
        down.start()
    with closing(pika.BlockingConnection(pika.URLParameters(cluster.urls[0]))) as connection:
        kept = connection.channel().queue_declare(topology.UNMATCHED, passive=True)
    assert kept.method.message_count == 0
