"""What AMQP cannot tell: the queues that exist. With the management plugin's address they are found and named."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pika
import pytest
from click import Command
from click.testing import CliRunner, Result

from logbus.batch import Batch
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.management import queues
from logbus.broker.publishing.publisher import Publisher
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from logbus.devbroker.processes import free_ports
from logbus.errors import LogbusError
from shipper.__main__ import main as shipper_program
from sinks.__main__ import cli
from support import forget_everything, wait_until
from support.channels import Channel
from support.plugins import enable

pytestmark = pytest.mark.broker


@pytest.fixture
def management(faulty_broker: DevBroker) -> Iterator[str]:
    """Give the address of the management plugin of the node, which has no queues.

    A daemon of an earlier test may have declared its queue anew before it was killed.
    """
    forget_everything(faulty_broker)
    (port,) = free_ports(1)
    listener = f'[{{port, {port}}}, {{ip, "127.0.0.1"}}]'
    faulty_broker.ctl(
        "eval", f"application:set_env(rabbitmq_management, tcp_config, {listener}, [{{persistent, true}}])."
    )
    enable(faulty_broker, "[rabbitmq_management]")
    yield f"http://127.0.0.1:{port}"
    enable(faulty_broker, "[]")


@pytest.fixture
def channel(faulty_broker: DevBroker) -> Iterator[Channel]:
    """Return a plain channel on the node."""
    with closing(pika.BlockingConnection(pika.URLParameters(faulty_broker.url))) as connection:
        yield connection.channel()


def declare(channel: Channel, name: str, **arguments: object) -> None:
    """Declare a queue that everything goes to."""
    channel.exchange_declare(topology.LOGS, "fanout", durable=True)
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", **arguments})
    channel.queue_bind(name, topology.LOGS)


def sinks(root: Path, url: str, management: str, *arguments: str) -> Result:
    """Run `python -m sinks topology` with a configuration of one sink."""
    config = root / "sinks.yml"
    config.write_text(
        f"broker: {{url: '{url}', management: '{management}'}}\nstate: {root}/state\n"
        f"sinks:\n  archive: {{type: file, path: '{root}/out'}}\n"
    )
    return CliRunner().invoke(cli, ["topology", *arguments, "--config", str(config)])


def check_until(root: Path, url: str, management: str, is_wanted: Callable[[Result], bool]) -> Result:
    """Run `topology check` until its result is wanted, and return that; a failure shows the last one."""
    found: list[Result] = []

    def is_so() -> bool:
        found.append(sinks(root, url, management, "check"))
        return is_wanted(found[-1])

    try:
        wait_until(is_so, 60)
    except AssertionError:
        pytest.fail(f"after {len(found)} checks, exit code {found[-1].exit_code}:\n{found[-1].output}")
    return found[-1]


def test_orphans_are_found_and_deleted_by_name(
    faulty_broker: DevBroker, management: str, channel: Channel, tmp_path: Path
) -> None:
    """A queue that no sink here has and nobody consumes from is an orphan; one that is consumed from is another's."""
    url = faulty_broker.url
    assert sinks(tmp_path, url, management, "apply").exit_code == 0
    declare(channel, "logs.old")
    declare(channel, "logs.busy")
    channel.queue_declare("logs.screen.1", exclusive=True)
    channel.queue_declare("elsewhere", durable=True)
    channel.basic_consume("logs.busy", lambda *_: None)
    channel.basic_publish(topology.LOGS, "", b"a line\n")
    checked = check_until(tmp_path, url, management, lambda found: "messages: 1," in found.output)
    assert checked.exit_code == 1
    assert "orphan   queue     logs.old: messages: 1, bytes: " in checked.output
    assert "other    queue     logs.busy: a sink configured elsewhere" in checked.output
    assert "screen" not in checked.output
    assert "elsewhere:" not in checked.output
    assert sinks(tmp_path, url, management, "delete", "old").exit_code == 1
    assert sinks(tmp_path, url, management, "delete", "--force", "logs.old").exit_code == 0
    check_until(tmp_path, url, management, lambda found: found.exit_code == 0)


def test_a_full_queue_is_named(
    faulty_broker: DevBroker, management: str, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    """A shipper that is refused logs which queue is full."""
    declare(channel, "logs.old", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    for _ in range(2):
        channel.basic_publish(topology.LOGS, "", b"a line\n")
    broker = Broker(url=faulty_broker.url, management=management)
    wait_until(lambda: [each.name for each in queues(broker) if each.is_full] == ["logs.old"])
    link = Connection(broker, role="test")
    publisher = Publisher(link)
    wait_until(publisher.has_room, meanwhile=lambda: link.poll(0.02))
    publisher.publish(Batch(b"a line\n", b"6", stream="0123456789abcdef", offset=0, end=7, path="/x"))
    wait_until(lambda: "full: logs.old (messages: " in caplog.text, meanwhile=lambda: link.poll(0.02))
    link.close()


def test_a_user_without_the_tag_is_told_to_have_it(faulty_broker: DevBroker, management: str) -> None:
    """The plugin serves users with a tag only: the error names the command that gives it."""
    faulty_broker.ctl("add_user", "plain", "secret")
    faulty_broker.ctl("set_permissions", "plain", ".*", ".*", ".*")
    url = faulty_broker.url.replace("guest:guest", "plain:secret")
    with pytest.raises(LogbusError, match="rabbitmqctl set_user_tags plain management"):
        queues(Broker(url=url, management=management))
    faulty_broker.ctl("delete_user", "plain")


def test_an_address_where_nothing_listens_is_an_error() -> None:
    """And names the plugin."""
    with pytest.raises(LogbusError, match="rabbitmq_management"):
        queues(Broker(management="http://127.0.0.1:1"))


def test_the_doctor_asks_the_plugin(
    faulty_broker: DevBroker, management: str, channel: Channel, tmp_path: Path
) -> None:
    """With the plugin the doctor knows the node, the copies of each queue, a full one, and one without a sink."""
    where = f"broker: {{url: '{faulty_broker.url}', management: '{management}'}}\nstate: {tmp_path}/state\n"
    (tmp_path / "sinks.yml").write_text(f"{where}sinks:\n  archive: {{type: file, path: '{tmp_path}/out'}}\n")
    (tmp_path / "shipper.yml").write_text(f"{where}inputs: [{{paths: ['{tmp_path}/*.log']}}]\n")
    assert sinks(tmp_path, faulty_broker.url, management, "apply").exit_code == 0
    declare(channel, "logs.old", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.basic_publish("", "logs.old", b"x")

    def examined(program: Command, name: str) -> list[str]:
        words = ["doctor", "--json", "--config", str(tmp_path / f"{name}.yml")]
        found = map(json.loads, CliRunner().invoke(program, words).output.splitlines())
        return [f"{each['verdict']} {each['area']} {each['name']}" for each in found]

    wait_until(lambda: "problem queues logs.old" in examined(shipper_program, "shipper"))
    assert {"ok cluster nodes", "ok cluster queue logs.archive", "warning queues logs.old"} <= {*examined(cli, "sinks")}
