"""docs/federation.md: RabbitMQ's own shovel moves batches to another virtual host, as it would to another broker."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pika
import pytest

from logbus.batch import Batch
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer
from logbus.broker.publishing.publisher import Publisher
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from logbus.errors import LogbusError
from sinks.delivery.runner import Runner
from sinks.file import Settings, open_sink
from sinks.ledger.ledger import Ledger
from sinks.sink import Context
from support import wait_until
from support.channels import Channel
from support.plugins import enable

pytestmark = pytest.mark.broker

SITE, CENTRE = "site", "centre"
QUEUE = "shovel.logs"
BATCHES = 300
REFUSED = 3


def line(number: int) -> bytes:
    """Return the line of a number."""
    return b"%06d\n" % number


def batch(number: int) -> Batch:
    """Return the batch of a number."""
    return Batch(line(number), b"6", stream="0123456789abcdef", offset=7 * number, end=7 * number + 7, path="/x")


@pytest.fixture
def node(faulty_broker: DevBroker) -> Iterator[DevBroker]:
    """Give a node with the shovel plugin, two virtual hosts, and a user `shovel` of both."""
    enable(faulty_broker, "[rabbitmq_shovel]")
    faulty_broker.ctl("add_user", "shovel", "secret")
    for each in (SITE, CENTRE):
        faulty_broker.ctl("add_vhost", each)
        for user in ("guest", "shovel"):
            faulty_broker.ctl("set_permissions", "-p", each, user, ".*", ".*", ".*")
    yield faulty_broker
    for each in (SITE, CENTRE):
        faulty_broker.ctl("delete_vhost", each)
    faulty_broker.ctl("delete_user", "shovel")
    enable(faulty_broker, "[]")


@pytest.fixture
def site(node: DevBroker) -> Iterator[Channel]:
    """Return a channel on the site, where the shovel's queue is bound to `logs`."""
    connection = pika.BlockingConnection(pika.URLParameters(node.url + SITE))
    channel = connection.channel()
    channel.exchange_declare(topology.LOGS, "fanout", durable=True)
    channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(QUEUE, topology.LOGS)
    yield channel
    connection.close()


def set_up_shovel(node: DevBroker) -> None:
    """Move what is in the queue to the exchange of the other virtual host."""
    uri = f"amqp://shovel:secret@127.0.0.1:{node.port}/"
    parameters = {
        "src-protocol": "amqp091", "src-uri": uri + SITE, "src-queue": QUEUE,
        "dest-protocol": "amqp091", "dest-uri": uri + CENTRE, "dest-exchange": topology.LOGS,
        "ack-mode": "on-confirm", "src-prefetch-count": 50, "reconnect-delay": 1,
    }  # fmt: skip
    node.ctl("set_parameter", "-p", SITE, "shovel", "logs", json.dumps(parameters))


class Both:
    """A publisher on the site, and a file sink on the centre."""

    def __init__(self, node: DevBroker, root: Path, *, user_id: bool) -> None:
        self._near = Connection(Broker(url=node.url + SITE, user_id=user_id), role="shipper")
        self._far = Connection(Broker(url=node.url + CENTRE), role="sink")
        self.publisher = Publisher(self._near)
        self.consumer = Consumer(self._far, topology.sink_queue("test"))
        ledger = Ledger(root / "state")
        context = Context("test", root / "state", ledger.remember, ledger.is_new)
        self.output = root / "out.log"
        self._runner = Runner(self.consumer, open_sink(Settings(path=str(self.output)), context), ledger)

    def step(self) -> None:
        """Let both sides work."""
        self._near.poll(0.01)
        self._runner.step(time.monotonic())
        self._far.poll(0.01)

    def publish(self, numbers: range) -> None:
        """Publish these batches."""
        for number in numbers:
            wait_until(self.publisher.has_room, meanwhile=self.step)
            self.publisher.publish(batch(number))

    def lines(self) -> list[bytes]:
        """Return what the sink wrote."""
        return self.output.read_bytes().splitlines(keepends=True) if self.output.exists() else []

    def close(self) -> None:
        """Close everything."""
        self._runner.close()
        self._near.close()
        self._far.close()


def break_connections(node: DevBroker) -> None:
    """Close the shovel's connections; one that ends meanwhile makes rabbitmqctl fail, and is closed as well."""
    try:
        node.ctl("close_all_user_connections", "shovel", "the test breaks them")
    except LogbusError as error:
        if "gen_server" not in str(error):
            raise


@pytest.mark.parametrize(("user_id", "tag"), [(False, ""), (True, "impersonator")])
@pytest.mark.usefixtures("site")
def test_a_sink_behind_a_shovel_gets_each_line_once_in_order(
    node: DevBroker, tmp_path: Path, user_id: bool, tag: str
) -> None:
    """Without `user_id`, or with a shovel that may impersonate; also if the shovel's connections break on the way."""
    node.ctl("set_user_tags", "shovel", *filter(None, [tag]))
    with closing(Both(node, tmp_path, user_id=user_id)) as both:
        wait_until(lambda: both.consumer.is_open, meanwhile=both.step)
        set_up_shovel(node)
        both.publish(range(BATCHES // 3))
        wait_until(both.lines, meanwhile=both.step)
        both.publish(range(BATCHES // 3, BATCHES))
        break_connections(node)
        wait_until(lambda: len(both.lines()) >= BATCHES, meanwhile=both.step)
        assert both.lines() == [line(number) for number in range(BATCHES)]


def test_a_shovel_of_another_user_moves_nothing_that_states_its_user(
    node: DevBroker, site: Channel, tmp_path: Path
) -> None:
    """RabbitMQ refuses the batches, and they stay in the shovel's queue: the page and the setting are for that."""
    with closing(Both(node, tmp_path, user_id=True)) as both:
        wait_until(lambda: both.consumer.is_open, meanwhile=both.step)
        both.publish(range(REFUSED))
        wait_until(lambda: not both.publisher.in_flight, meanwhile=both.step)
        set_up_shovel(node)
        refused = "user_id property set to 'guest' but authenticated user was 'shovel'"
        wait_until(lambda: refused in node.log.read_text(), meanwhile=both.step)
        assert both.lines() == []
        node.ctl("clear_parameter", "-p", SITE, "shovel", "logs")
        wait_until(lambda: site.queue_declare(QUEUE, passive=True).method.message_count == REFUSED, meanwhile=both.step)
