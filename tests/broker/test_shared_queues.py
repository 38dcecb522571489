"""The queues that all sinks share: bounded where Logbus declares them, used as they are where somebody else did."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner

from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer, Delivery
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from sinks.__main__ import cli
from support import wait_until
from support.channels import Channel

pytestmark = pytest.mark.broker

SELECTIVE = ("*.*.err.#",)
YAML = """\
broker: {{url: {url}}}
state: {root}/state
sinks:
  errors: {{type: severity, min: err, write: {{type: file, path: "{root}/errors"}}}}
"""


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Return a plain channel on the same virtual host."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    yield connection.channel()
    connection.close()


def quarantine_one(url: str, channel: Channel) -> None:
    """Open a selective consumer, have it quarantine one message, and wait until that is settled."""
    link = Connection(Broker(url=url), role="test")
    consumer = Consumer(link, topology.sink_queue("test"), SELECTIVE)
    wait_until(lambda: consumer.is_open, meanwhile=lambda: link.poll(0.02))
    channel.basic_publish(topology.LOGS, "h.l.err", b"poison")
    taken: list[Delivery] = []

    def take() -> None:
        link.poll(0.02)
        taken.extend(consumer.take())

    wait_until(lambda: taken, meanwhile=take)
    consumer.quarantine(taken[0], "it is poison")
    wait_until(lambda: not consumer.quarantining, meanwhile=lambda: link.poll(0.02))
    link.close()


@pytest.mark.parametrize("name", [topology.DEAD, topology.UNMATCHED])
@pytest.mark.parametrize(
    "arguments",
    [{"x-queue-type": "quorum"}, {"x-queue-type": "classic"}, {"x-queue-type": "quorum", "x-max-length": 7}],
)
def test_a_shared_queue_with_other_arguments_is_used_as_it_is(  # noqa: PLR0913, PLR0917 - fixtures
    broker_url: str,
    channel: Channel,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    arguments: dict[str, object],
) -> None:
    """Sinks start, dead letters are kept, `topology check` is content; one line at level info says so, no warning."""
    caplog.set_level(logging.INFO, "logbus")
    channel.queue_declare(name, durable=True, arguments=arguments)
    quarantine_one(broker_url, channel)
    wait_until(lambda: channel.basic_get(topology.DEAD, auto_ack=True)[2] == b"poison")
    told = [record for record in caplog.records if "using it as it is" in record.getMessage()]
    assert [record.levelno for record in told] == [logging.INFO]
    assert ("rabbitmqctl set_policy" in told[0].getMessage()) == (name == topology.DEAD)
    path = tmp_path / "sinks.yml"
    path.write_text(YAML.format(url=broker_url, root=tmp_path))
    CliRunner().invoke(cli, ["topology", "apply", "--config", str(path)])
    checked = CliRunner().invoke(cli, ["topology", "check", "--config", str(path)])
    assert (checked.exit_code, "used as it is" in checked.output) == (0, True), checked.output


def test_dead_letters_are_bounded(broker: DevBroker, broker_url: str, channel: Channel) -> None:
    """RabbitMQ drops the oldest dead letters beyond 256 MiB, so that poison does not fill its disk."""
    quarantine_one(broker_url, channel)
    vhost = broker_url.rpartition("/")[2]
    rows = broker.ctl("list_queues", "-p", vhost, "name", "arguments").splitlines()
    (arguments,) = [row.partition("\t")[2] for row in rows if row.startswith(f"{topology.DEAD}\t")]
    assert '"x-max-length-bytes",268435456' in arguments.replace(" ", "")
    assert '"x-overflow","drop-head"' in arguments.replace(" ", "")
