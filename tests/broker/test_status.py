"""What a process says of itself over a real node."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pika
import pytest

from logbus.broker import topology
from logbus.broker.amqp import Channel as AmqpChannel
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer
from logbus.broker.messages import message_of
from logbus.broker.topology import STATUS
from logbus.config.settings import Broker
from logbus.fleet.reporting import Reporter
from logbus.fleet.status import Status, decode
from support import wait_until
from support.channels import Channel

pytestmark = pytest.mark.broker


class Flood:
    """Another guest of the connection, who sends much."""

    def __init__(self) -> None:
        self.channels: list[AmqpChannel] = []

    def connected(self, open_channel: Callable[[Callable[[AmqpChannel], None]], object]) -> None:
        """Open a channel."""
        open_channel(self.channels.append)

    def disconnected(self) -> None:
        """Do nothing."""

    def leaving(self) -> None:
        """Do nothing."""


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Return a channel to look with."""
    with closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as connection:
        yield connection.channel()


def test_the_last_status_is_sent_behind_whatever_still_waits(broker_url: str, channel: Channel) -> None:
    """A process that stops with more unsent than a socket holds is seen to have stopped, not to be silent."""
    channel.exchange_declare(STATUS, "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, STATUS, "#")
    link, flood, taken = Connection(Broker(url=broker_url), role="test"), Flood(), list[Status]()
    consumer = Consumer(link, topology.sink_queue("test"))
    link.guests.invite(Reporter(link, lambda: Status("web-1", "shipper", "0123", 1, 2), list))
    link.guests.invite(flood)

    def step() -> None:
        link.poll(0.02)
        take_into(taken, channel, queue)

    wait_until(lambda: taken and flood.channels and consumer.is_open, meanwhile=step)
    while not link.unsent_bytes():
        flood.channels[0].basic_publish("", "nowhere", bytes(1 << 20))
    link.close()
    look = partial(take_into, taken, channel, queue)
    wait_until(lambda: [each.state for each in taken] == ["running", "stopped"], meanwhile=look)


def take_into(taken: list[Status], channel: Channel, queue: str) -> None:
    """Add the next status of a queue, if there is one."""
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    if method and properties and body is not None:
        taken.append(decode(message_of(method.routing_key, properties, body)))
