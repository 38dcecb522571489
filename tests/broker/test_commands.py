"""`python -m sinks dead` and `topology` against a real broker."""

from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner, Result
from pika.spec import Basic

from logbus.batch import Message
from logbus.broker import topology
from logbus.broker.consuming.dead_letters import QUEUE_HEADER, REASON_HEADER
from logbus.broker.messages import properties_of
from sinks.__main__ import cli
from sinks.delivery.quarantine import WHOLE_BYTES_HEADER
from support import wait_until
from support.channels import Channel

pytestmark = pytest.mark.broker

YAML = """\
broker: {{url: {url}}}
state: {root}/state
sinks:
  archive: {{type: file, path: "{root}/out", queue: {queue}}}
  errors: {{type: severity, min: err, write: {{type: file, path: "{root}/errors"}}}}
  screen: {{type: console}}
"""

Got = tuple[Basic.GetOk, pika.BasicProperties, bytes]


def sinks(*arguments: object) -> Result:
    """Run `python -m sinks`."""
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.fixture
def channel(broker_url: str) -> Iterator[Channel]:
    """Return a plain channel on the same virtual host."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    yield connection.channel()
    connection.close()


def configure(root: Path, url: str, queue: str = "{}") -> Path:
    """Write a sinks.yml."""
    path = root / "sinks.yml"
    path.write_text(YAML.format(url=url, root=root, queue=queue))
    return path


def depth(channel: Channel, queue: str) -> int:
    """Return how many messages a queue has ready, as of a moment ago: a quorum queue tells it with a delay."""
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def bury(channel: Channel, *bodies: bytes) -> None:
    """Put dead letters of the sink `archive` into `logs.dead`."""
    channel.confirm_delivery()
    for body in bodies:
        headers = {REASON_HEADER: "the header\n'levels' is missing", QUEUE_HEADER: "logs.archive", "theirs": 1}
        channel.basic_publish(topology.DEAD, "key", body, properties_of(Message(b"", headers=headers)))


def test_topology_from_nothing_to_nothing(tmp_path: Path, broker_url: str, channel: Channel) -> None:
    """`check` tells what is missing, `apply` makes it, `check` is content; `delete` spares what holds something."""
    path = configure(tmp_path, broker_url)
    before = sinks("topology", "check", "--config", path)
    assert before.exit_code == 1
    assert "missing  queue     logs.archive" in before.output
    assert "screen" not in before.output
    assert sinks("topology", "apply", "--config", path).exit_code == 0
    after = sinks("topology", "check", "--config", path)
    assert (after.exit_code, "missing" in after.output) == (0, False)
    channel.confirm_delivery()
    channel.basic_publish(topology.LOGS, "", b"a line\n")
    for _ in range(2):  # what it looked at is put back
        refused = sinks("topology", "delete", "--config", path, "archive")
        assert (refused.exit_code, "would be lost" in refused.stderr) == (1, True)
    assert sinks("topology", "delete", "--config", path, "--force", "archive").exit_code == 0
    assert "missing  queue     logs.archive" in sinks("topology", "check", "--config", path).output


def test_delete_spares_a_queue_in_use(tmp_path: Path, broker_url: str, channel: Channel) -> None:
    """What a sink was given and has not acknowledged is in no number that RabbitMQ tells: so its queue stays."""
    path = configure(tmp_path, broker_url)
    sinks("topology", "apply", "--config", path)
    channel.basic_publish(topology.LOGS, "", b"a line\n")
    taken = channel.consume("logs.archive", inactivity_timeout=30)
    assert next(taken)[2] == b"a line\n"
    refused = sinks("topology", "delete", "--config", path, "archive")
    assert (refused.exit_code, "is consuming" in refused.stderr) == (1, True)


def test_an_empty_queue_is_deleted(tmp_path: Path, broker_url: str) -> None:
    """Without --force, when it is seen to be empty and unused."""
    path = configure(tmp_path, broker_url)
    sinks("topology", "apply", "--config", path)
    assert sinks("topology", "delete", "--config", path, "archive").exit_code == 0
    assert "missing  queue     logs.archive" in sinks("topology", "check", "--config", path).output


def test_an_argument_that_differs_is_explained(tmp_path: Path, broker_url: str) -> None:
    """Not a bare 406: the argument, both values, what to do; nothing is changed."""
    sinks("topology", "apply", "--config", configure(tmp_path, broker_url, "{max_batches: 5}"))
    path = configure(tmp_path, broker_url, "{max_batches: 7}")
    for action in ("check", "apply"):
        told = sinks("topology", action, "--config", path)
        assert told.exit_code == 1
        assert "differs  queue     logs.archive: x-max-length is 5 there and 7 here" in told.output
        assert "topology delete" in told.output


def test_dead_letters_are_listed_shown_requeued_and_dropped(tmp_path: Path, broker_url: str, channel: Channel) -> None:
    """E28: the reason is on one line; looking takes nothing away; what is requeued is as it was."""
    path = configure(tmp_path, broker_url)
    sinks("topology", "apply", "--config", path)
    bury(channel, b"one\x1b[2J\n", b"two", b"three")
    headings, *listed = [line.split() for line in sinks("dead", "list", "--config", path).output.splitlines()]
    assert headings == ["id", "time", "queue", "host", "label", "size", "reason"]
    assert [row[1:7] for row in listed] == [["-", "logs.archive", "-", "-", size, "bytes"] for size in "835"]
    one, two, _ = (row[0] for row in listed)
    shown = sinks("dead", "show", one, "--broker", broker_url)
    assert "routing key: key" in shown.output
    assert r"one\x1b[2J" in shown.output
    wait_until(lambda: depth(channel, topology.DEAD) == 3)
    assert sinks("dead", "requeue", two, "--config", path).exit_code == 0
    assert sinks("dead", "drop", one, "--config", path).exit_code == 0
    wait_until(lambda: depth(channel, topology.DEAD) == 1)
    assert sinks("dead", "requeue", "--all", "--config", path).output == "1 dead letter: requeue done\n"
    received = []
    for method, properties, body in channel.consume("logs.archive", inactivity_timeout=5):
        assert method
        assert properties
        channel.basic_ack(method.delivery_tag)
        received.append((body, properties.headers))
        if len(received) == 2:
            break
    assert received == [(b"two", {"theirs": 1}), (b"three", {"theirs": 1})]


def test_looking_again_and_again_shows_every_letter(tmp_path: Path, broker_url: str, channel: Channel) -> None:
    """What one look puts back is there for the next, at once."""
    path = configure(tmp_path, broker_url)
    sinks("topology", "apply", "--config", path)
    bury(channel, b"one", b"two", b"three")
    for _ in range(10):
        assert len(sinks("dead", "list", "--config", path).output.splitlines()) == 1 + 3


def test_each_letter_has_an_id_of_its_own(tmp_path: Path, broker_url: str, channel: Channel) -> None:
    """Of identical letters, one can be dropped by its id; time, host and label are those of the batch."""
    path = configure(tmp_path, broker_url)
    sinks("topology", "apply", "--config", path)
    channel.confirm_delivery()
    headers = {REASON_HEADER: "broken", QUEUE_HEADER: "logs.archive", "host": "web-1", "label": "a b"}
    for _ in range(2):
        letter = Message(b"", headers=headers, timestamp=1_700_000_000)
        channel.basic_publish(topology.DEAD, "key", b"x", properties_of(letter))
    _, first, second = (line.split() for line in sinks("dead", "list", "--config", path).output.splitlines())
    assert second[0] == f"{first[0]}.2"
    assert first[1:] == ["2023-11-14T22:13:20Z", "logs.archive", "web-1", "a_b", "1", "byte", "broken"]
    assert sinks("dead", "list", "--limit", "1", "--config", path).output.count("only the first 1 ") == 1
    assert sinks("dead", "drop", second[0], "--config", path).output == "1 dead letter: drop done\n"
    assert sinks("dead", "drop", "--all", "--config", path).output == "1 dead letter: drop done\n"
    assert "there are no dead letters" in sinks("dead", "list", "--config", path).output


def test_requeue_all_ends(tmp_path: Path, broker_url: str, channel: Channel) -> None:
    """Letters that are back at once, because no sink can write them, are not requeued for ever."""
    path = configure(tmp_path, broker_url)
    sinks("topology", "apply", "--config", path)
    channel.confirm_delivery()
    for body in (b"one", b"two"):
        letter = Message(b"", headers={REASON_HEADER: "broken", QUEUE_HEADER: topology.DEAD})
        channel.basic_publish(topology.DEAD, "key", body, properties_of(letter))
    assert sinks("dead", "requeue", "--all", "--config", path).output == "2 dead letters: requeue done\n"
    assert len(sinks("dead", "list", "--config", path).output.splitlines()) == 1 + 2


@pytest.mark.parametrize(
    "arguments", [["show"], ["drop"], ["show", "--all"], ["drop", "abc", "--all"], ["show", "abc"]]
)
def test_dead_says_which_letter(tmp_path: Path, broker_url: str, arguments: list[str]) -> None:
    """Neither an id nor --all, both, or an id that there is not: exit 2."""
    path = configure(tmp_path, broker_url)
    sinks("topology", "apply", "--config", path)
    assert sinks("dead", *arguments, "--config", path).exit_code == 2


def test_requeue_takes_off_what_the_broker_put_on(channel: Channel, broker_url: str) -> None:
    """A requeued letter has its own headers, and none that a broker of any version adds."""
    channel.queue_declare("logs.archive", durable=True)
    declare_dead(channel)
    theirs = {"x-mine": 1, "host": "h"}
    added = {"x-acquired-count": 3, "x-delivery-count": 2, "x-first-death-queue": "q", "x-last-death-reason": "r"}
    added |= {"x-opt-anything": 1, REASON_HEADER: "why", QUEUE_HEADER: "logs.archive"}
    publish_confirmed(channel, Message(b"x\n", headers=theirs | added))
    assert sinks("dead", "requeue", "--all", "--broker", broker_url).exit_code == 0
    _, kept, body = wait_until(lambda: got(channel, "logs.archive"))
    assert (body, kept.headers) == (b"x\n", theirs)


def test_an_excerpt_is_never_requeued(channel: Channel, broker_url: str) -> None:
    """The beginning of a large message is not put back as if it were all of it, and stays where it is."""
    channel.queue_declare("logs.archive", durable=True)
    declare_dead(channel)
    headers = {REASON_HEADER: "too large", QUEUE_HEADER: "logs.archive", WHOLE_BYTES_HEADER: 1 << 27}
    publish_confirmed(channel, Message(b"begin", headers=headers))
    listed = wait_until(lambda: sinks("dead", "list", "--broker", broker_url).output.splitlines()[1:])
    one = sinks("dead", "requeue", listed[0].split()[0], "--broker", broker_url)
    assert one.exit_code == 1
    assert "excerpt" in one.output
    assert "0 dead letters" in sinks("dead", "requeue", "--all", "--broker", broker_url).output
    wait_until(lambda: depth(channel, topology.DEAD) == 1)
    assert depth(channel, "logs.archive") == 0


def declare_dead(channel: Channel) -> None:
    """Declare the dead letters' exchange and queue."""
    channel.exchange_declare(topology.DEAD, "fanout", durable=True)
    channel.queue_declare(topology.DEAD, durable=True)
    channel.queue_bind(topology.DEAD, topology.DEAD)


def publish_confirmed(channel: Channel, message: Message) -> None:
    """Publish a dead letter, confirmed."""
    channel.confirm_delivery()
    channel.basic_publish(topology.DEAD, "key", message.body, properties_of(message), mandatory=True)


def got(channel: Channel, queue: str) -> Got | None:
    """Return a message of a queue, if there is one."""
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    return (method, properties, body) if method and properties and body is not None else None
