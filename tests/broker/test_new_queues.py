"""RabbitMQ killed right after a quorum queue was declared: nothing is confirmed into it, and everything goes on."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pika
import pytest

from logbus.batch import Batch, Span
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming import consumer
from logbus.broker.consuming.consumer import Consumer
from logbus.broker.publishing.publisher import Publisher
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from logbus.errors import LogbusError
from support import keep_new_queues, wait_until

pytestmark = pytest.mark.broker

YAML = """\
broker: {{url: {url}}}
state: {root}/state
sinks:
  archive: {{type: file, path: "{root}/out"}}
  other: {{type: file, path: "{root}/other"}}
"""


class Pair:
    """A publisher and a consumer, stepped together: what is published is gathered with its number."""

    def __init__(self, url: str, name: str, patterns: tuple[str, ...] = ()) -> None:
        self.links = [Connection(Broker(url=url), role=role) for role in ("publisher", "consumer")]
        self.publisher = Publisher(self.links[0])
        self.consumer = Consumer(self.links[1], topology.sink_queue(name), patterns)
        self.published = self.confirmed = 0
        self.received: set[bytes] = set()

    def step(self) -> None:
        """Publish one batch if there is room, and take what came."""
        if self.publisher.has_room():
            body = b"%06d\n" % self.published
            offset = 7 * self.published
            place = Span("0123456789abcdef", offset, offset + len(body))
            self.publisher.publish(Batch(body, b"3", "h", "l", "", place.stream, place.offset, place.end))
            self.published += 1
        for link in self.links:
            link.poll(0.02)
        self.confirmed += len(self.publisher.take_confirmed())
        taken = self.consumer.take()
        self.received.update(each.message.body for each in taken)
        self.consumer.ack(taken)

    def until(self, condition: Callable[[], object]) -> None:
        """Step until `condition` holds; fail after 50 s."""
        wait_until(condition, 50.0, self.step)

    def close(self) -> None:
        """Close both connections."""
        for link in self.links:
            link.close()


def queue_is_there(url: str, name: str) -> bool:
    """Return True if there is a queue."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        try:
            connection.channel().queue_declare(name, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return True


def delete_queue(url: str, name: str) -> None:
    """Delete a queue."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        connection.channel().queue_delete(name)


@pytest.mark.parametrize(("patterns", "delay_s"), [((), 0.1), (("*.*.#.err.#",), 0.8)])
def test_a_kill_after_a_declaration_loses_and_stops_nothing(
    faulty_broker: DevBroker, patterns: tuple[str], delay_s: float
) -> None:
    """At whatever moment after the declaration: what was confirmed arrives, and what follows, too."""
    pair = Pair(faulty_broker.url, "new", patterns)
    pair.until(lambda: queue_is_there(faulty_broker.url, "logs.new"))
    killed_at = time.monotonic() + delay_s
    pair.until(lambda: time.monotonic() >= killed_at)
    faulty_broker.kill()
    faulty_broker.start()
    confirmed = pair.confirmed
    pair.until(lambda: pair.confirmed >= confirmed + 10)
    pair.until(lambda: len(pair.received) >= pair.confirmed)
    pair.close()


@pytest.mark.parametrize("patterns", [(), ("*.*.#.err.#",)])
def test_what_is_sent_while_a_queue_settles_is_held(broker_url: str, patterns: tuple[str]) -> None:
    """Nothing that a new sink wants counts as delivered before its queue is bound: each confirmed batch arrives."""
    for name in ("first", "second"):
        pair = Pair(broker_url, name, patterns)
        pair.until(lambda pair=pair: pair.confirmed >= 10)  # type: ignore[misc]
        pair.until(lambda pair=pair: len(pair.received) >= pair.confirmed)  # type: ignore[misc]
        pair.close()
        delete_queue(broker_url, f"logs.{name}")


def make_leaderless(broker: DevBroker, name: str) -> None:
    """Leave a bound quorum queue without a leader: declared and bound right before the node is killed.

    Newer versions of RabbitMQ note a new queue in time: there the test has nothing to show.
    """
    with closing(pika.BlockingConnection(pika.URLParameters(broker.url))) as connection:
        channel = connection.channel()
        channel.exchange_declare(topology.LOGS, "fanout", durable=True)
        queue = topology.sink_queue(name)
        channel.queue_declare(queue.name, durable=True, arguments={"x-queue-type": "quorum", **queue.arguments})
        channel.queue_bind(queue.name, topology.LOGS)
    broker.kill()
    broker.start()
    with suppress(LogbusError):
        if broker.ctl("eval", f"element(1, ra:members({{'%2F_logs.{name}', node()}}, 3000)).").strip() == "ok":
            pytest.skip("this version of RabbitMQ keeps a queue that was declared right before a kill")


def sinks(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run `python -m sinks` as a process of its own, which leaves this one's logging alone."""
    command = [sys.executable, "-m", "sinks", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_queue_without_a_leader_is_named_and_repaired(
    tmp_path: Path, faulty_broker: DevBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sink names the queue and the command, `check` finds it, `delete` explains, `delete --force` repairs."""
    monkeypatch.setattr(consumer, "CONSUMING_WITHIN_S", 3.0)
    path = tmp_path / "sinks.yml"
    path.write_text(YAML.format(url=faulty_broker.url, root=tmp_path))
    assert sinks("topology", "apply", "--config", path, "other").returncode == 0
    assert sinks("topology", "delete", "--config", path, "other").returncode == 0
    keep_new_queues(faulty_broker)
    make_leaderless(faulty_broker, "archive")
    pair = Pair(faulty_broker.url, "archive")
    pair.until(lambda: "has no leader" in caplog.text)
    assert "topology delete --force NAME" in caplog.text
    checked = sinks("topology", "check", "--config", path, "archive")
    assert (checked.returncode, "stuck    queue     logs.archive" in checked.stdout) == (1, True), checked.stdout
    refused = sinks("topology", "delete", "--config", path, "archive")
    assert (refused.returncode, "has no leader" in refused.stderr) == (1, True)
    assert sinks("topology", "delete", "--force", "--config", path, "archive").returncode == 0
    pair.until(lambda: pair.received)
    pair.close()
