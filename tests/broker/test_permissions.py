"""Users who may do a part of what a shipper or a sink does: found out at the start, waited out later."""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pika
import pytest

from logbus.batch import Batch
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer, Delivery
from logbus.broker.publishing.publisher import Publisher
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from logbus.errors import BrokerRefused
from support import wait_until
from support.channels import confirming

pytestmark = pytest.mark.broker

QUEUE = "logs.test"
Permit = Callable[..., str]


@pytest.fixture
def permit(broker: DevBroker, broker_url: str) -> Iterator[Permit]:
    """Return a function that gives a user these permissions, and returns the user's URL."""
    vhost, user = urlsplit(broker_url).path[1:], f"user{secrets.token_hex(4)}"
    broker.ctl("add_user", user, "secret")

    def give(*, configure: str = "", write: str = "", read: str = "") -> str:
        broker.ctl("set_permissions", "-p", vhost, user, configure, write, read)
        return f"amqp://{user}:secret@127.0.0.1:{broker.port}/{vhost}"

    yield give
    broker.ctl("delete_user", user)


@pytest.fixture
def declared(broker_url: str) -> None:
    """Have an administrator declare everything."""
    link = Connection(Broker(url=broker_url), role="test")
    consumer = Consumer(link, topology.sink_queue("test"))
    wait_until(lambda: consumer.is_open, meanwhile=lambda: link.poll(0.02))
    link.close()


def take_into(taken: list[Delivery], link: Connection, consumer: Consumer) -> None:
    """Do a little I/O and add what was delivered."""
    link.poll(0.02)
    taken.extend(consumer.take())


def publisher(url: str) -> tuple[Connection, Publisher]:
    """Return a publisher on a connection of its own."""
    link = Connection(Broker(url=url), role="test")
    return link, Publisher(link)


def is_refused(link: Connection) -> str:
    """Wait until a connection gives up, and return why."""
    with pytest.raises(BrokerRefused) as refused:
        wait_until(lambda: link.poll(0.02))
    return str(refused.value)


@pytest.mark.usefixtures("declared")
def test_a_shipper_that_may_not_publish_is_told_at_the_start(permit: Permit) -> None:
    """Before there is anything to publish: which permission is missing, for whom, where, and what to do."""
    link, _ = publisher(permit(read=".*", configure=".*"))
    said = is_refused(link)
    link.close()
    assert "may not write to the exchange 'logs' in the virtual host" in said
    assert "set_permissions -p" in said


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("permissions", "what"),
    [
        ({"read": ".*"}, "may not write to the exchange 'logs.dead'"),
        ({"write": r"logs\.dead"}, f"may not read from the queue '{QUEUE}'"),
        ({"write": "logs", "read": "amq.*"}, f"may not read from the queue '{QUEUE}'"),
    ],
)
def test_a_sink_that_lacks_a_permission_is_told_at_the_start(
    permit: Permit, permissions: dict[str, str], what: str
) -> None:
    """A sink needs to read its queue, and to write to the dead letters."""
    link = Connection(Broker(url=permit(**permissions)), role="test")
    Consumer(link, topology.sink_queue("test"))
    assert what in is_refused(link)
    link.close()


@pytest.mark.usefixtures("declared")
def test_what_is_needed_is_enough(permit: Permit) -> None:
    """Where an administrator has declared everything, a user who may only publish, and one who may only read, work."""
    link, shipping = publisher(permit(write="^logs$"))
    reading = Connection(Broker(url=permit(write=r"^logs(\.dead)?$", read=r"^logs\.test$")), role="test")
    consumer = Consumer(reading, topology.sink_queue("test"))

    def meanwhile() -> None:
        link.poll(0.02)
        reading.poll(0.02)
        taken.extend(consumer.take())

    taken: list[Delivery] = []
    wait_until(lambda: shipping.has_room() and consumer.is_open, meanwhile=meanwhile)
    shipping.publish(Batch(b"1\n", b"6", host="h", label="l", stream="0123456789abcdef", offset=0, end=2))
    wait_until(lambda: taken, meanwhile=meanwhile)
    assert taken[0].message.body == b"1\n"
    link.close()
    reading.close()


@pytest.mark.parametrize("made", [True, False], ids=["no permission", "no exchange"])
@pytest.mark.usefixtures("declared")
def test_a_selective_sink_works_with_the_permissions_of_before(
    permit: Permit, broker_url: str, caplog: pytest.LogCaptureFixture, made: bool
) -> None:
    """Without `logs.foreign`, or without permission to read from it, it gets what it got, and one line says so."""
    caplog.set_level(logging.INFO, "logbus")
    administer(broker_url, made=made)
    url = permit(
        configure=r"^logs\.(few|unmatched)$",
        write=r"^logs\.(few|dead|drain)$",
        read=r"^logs\.(topic|unmatched|few)$",
    )
    link = Connection(Broker(url=url), role="test")
    consumer = Consumer(link, topology.sink_queue("few"), (topology.ANY_FOREIGN, "*.*.#.err.#"))
    taken: list[Delivery] = []
    wait_until(lambda: consumer.is_open, meanwhile=lambda: link.poll(0.02))
    with confirming(broker_url) as other:
        for key in ("a.b", "", "h.l.err"):
            other.basic_publish(topology.LOGS, key, key.encode())
    wait_until(lambda: len(taken) == 2, meanwhile=lambda: take_into(taken, link, consumer))
    assert {each.message.body for each in taken} == {b"", b"h.l.err"}
    said = [record for record in caplog.records if "messages with a key do not arrive" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.INFO]
    link.close()


def administer(url: str, *, made: bool) -> None:
    """Have an administrator declare what selective sinks share: of this version, or of an earlier one."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.exchange_declare(topology.DRAIN, "fanout", durable=True)
        (queue,) = [step for step in topology.SELECTIVE if isinstance(step, topology.Queue)]
        channel.queue_declare(queue.name, durable=True, arguments={"x-queue-type": queue.type, **queue.arguments})
        channel.queue_bind(topology.UNMATCHED, topology.DRAIN)
        if made:
            channel.exchange_declare(topology.FOREIGN, "fanout", durable=True)


@pytest.mark.usefixtures("declared")
def test_a_permission_that_is_lost_later_is_waited_for(permit: Permit, caplog: pytest.LogCaptureFixture) -> None:
    """Attempts become rarer, are reported once, repeat no delivery, and go on once the permission is there again."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    url = permit(**everything)
    link = Connection(Broker(url=url), role="test")
    consumer = Consumer(link, topology.sink_queue("test"))
    wait_until(lambda: consumer.is_open, meanwhile=lambda: link.poll(0.02))
    deliveries: list[Delivery] = []
    with confirming(url) as other:
        for body in (b"good\n", b"poison\n"):
            other.basic_publish(topology.LOGS, "", body)
    wait_until(lambda: len(deliveries) >= 2, meanwhile=lambda: take_into(deliveries, link, consumer))
    permit(configure=".*", read=".*", write="^logs$")
    caplog.clear()
    caplog.set_level(logging.WARNING)
    link.reopen_channel()  # RabbitMQ remembers on a channel what was permitted
    epochs, until = consumer.epoch, time.monotonic() + 6.0
    again: list[Delivery] = []
    while time.monotonic() < until:
        link.poll(0.02)
        again += consumer.take()
    assert consumer.epoch == epochs
    assert not again
    assert caplog.text.count("may not write to the exchange 'logs.dead'") == 1
    permit(**everything)
    wait_until(lambda: again, meanwhile=lambda: take_into(again, link, consumer))
    link.close()
