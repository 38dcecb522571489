"""What a process says of itself over a real node."""

import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pika
import pytest

from logbus.batch import Batch
from logbus.broker.connection import Connection
from logbus.broker.messages import message_of
from logbus.broker.publisher import Publisher
from logbus.broker.topology import STATUS
from logbus.broker.window import Amount
from logbus.config.settings import Broker
from logbus.fleet.reporting import Reporter
from logbus.fleet.status import Status, decode
from logbus.severity import classify
from support import wait_until
from support.channels import Channel

pytestmark = pytest.mark.broker
BIG = os.urandom(1 << 19).hex().encode() + b"\n"
"""Compression does not make much less of it."""


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Return a channel to look with."""
    with closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as connection:
        yield connection.channel()


def test_the_last_status_is_sent_behind_whatever_still_waits(broker_url: str, channel: Channel) -> None:
    """A process that stops with megabytes unsent is seen to have stopped, not to be silent."""
    channel.exchange_declare(STATUS, "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, STATUS, "#")
    link = Connection(Broker(url=broker_url), role="test")
    publisher = Publisher(link, Amount(64, 64 << 20))
    said = Status("web-1", "shipper", "0123", 1, 2)
    link.guests.invite(Reporter(link, lambda: said, list))
    taken: list[Status] = []

    def step() -> None:
        link.poll(0.02)
        take_into(taken, channel, queue)

    wait_until(lambda: taken, meanwhile=step)
    wait_until(publisher.has_room, meanwhile=partial(link.poll, 0.02))
    end = 0
    while not link.unsent_bytes():  # a socket holds some of them
        where = {"stream": "0123456789abcdef", "offset": end, "end": end + len(BIG), "read_at_us": 1}
        publisher.publish(Batch(BIG, classify(BIG), "h", "l", "/x", **where))  # type: ignore[arg-type]
        end += len(BIG)
    link.close()
    wait_until(
        lambda: [each.state for each in taken] == ["running", "stopped"],
        meanwhile=lambda: take_into(taken, channel, queue),
    )


def take_into(taken: list[Status], channel: Channel, queue: str) -> None:
    """Add the next status of a queue, if there is one."""
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    if method and properties and body is not None:
        taken.append(decode(message_of(method.routing_key, properties, body)))
