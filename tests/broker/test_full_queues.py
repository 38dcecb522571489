"""A full queue refuses: what the publisher does while it is full, and afterwards."""

import itertools
import time
from collections.abc import Iterator

import pika
import pytest

from logbus.batch import Batch
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.publishing import holding
from logbus.broker.publishing.publisher import Publisher
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from support import wait_until
from support.channels import Channel

pytestmark = pytest.mark.broker


def batch(number: int) -> Batch:
    """Return the batch of a number."""
    body = b"%06d\n" % number
    return Batch(body, b"6", stream="0123456789abcdef", offset=7 * number, end=7 * number + 7, path="/x")


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Return a plain channel on the same virtual host, with a queue of the sink `test` bound to `logs`."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    channel.exchange_declare(topology.LOGS, "fanout", durable=True)
    channel.queue_declare("logs.test", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind("logs.test", topology.LOGS)
    yield channel
    connection.close()


def test_a_limit_that_is_lifted_while_it_refuses(
    broker: DevBroker, broker_url: str, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E11: RabbitMQ 3.10 goes on refusing on a channel whose queue has no limit any more: a new channel ends that."""
    monkeypatch.setattr(holding, "LAST_HOLD_S", 0.5)
    vhost = broker_url.rpartition("/")[2]
    policy = '{"max-length": 2, "overflow": "reject-publish"}'
    broker.ctl("set_policy", "-p", vhost, "full", r"^logs\.test$", policy, "--apply-to", "queues")
    link = Connection(Broker(url=broker_url), role="test")
    shore = Publisher(link)
    numbers = itertools.count()
    deadline = time.monotonic() + 60
    while not shore.held_because:
        assert time.monotonic() < deadline, "the queue is never full"
        if shore.has_room():
            shore.publish(batch(next(numbers)))
        link.poll(0.02)
    broker.ctl("clear_policy", "-p", vhost, "full")
    deadline = time.monotonic() + 20
    while shore.in_flight:
        link.poll(0.02)
        assert time.monotonic() < deadline, "it is refused for ever"
    link.close()
    assert channel.queue_declare("logs.test", passive=True).method.message_count >= next(numbers)


def test_closing_while_a_batch_is_held(faulty_broker: DevBroker) -> None:
    """A retry that falls due while RabbitMQ has not yet answered the farewell sends nothing, and is no error."""
    link = Connection(Broker(url=faulty_broker.url), role="test")
    shore = Publisher(link)
    wait_until(shore.has_room, meanwhile=lambda: link.poll(0.02))
    shore.publish(batch(0))  # no queue is bound
    wait_until(lambda: shore.held_because, meanwhile=lambda: link.poll(0.02))
    faulty_broker.pause()
    link.close()
    assert shore.in_flight == 1
