"""The private node: starts in its folder, survives what is done to it, leaves nothing behind."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pika
import pytest

from logbus.devbroker import DevBroker, DevCluster
from logbus.devbroker.processes import processes
from logbus.errors import BrokerUnavailable, LogbusError, UsageError
from support import keep_new_queues, wait_until
from support.channels import Channel, properties
from support.proxy import Proxy
from support.virtual_hosts import VirtualHosts

pytestmark = pytest.mark.broker


@pytest.fixture
def node(tmp_path: Path) -> Iterator[DevBroker]:
    """Give a node that was not started, in a folder with a space in its name."""
    node = DevBroker(tmp_path / "a node")
    yield node
    node.kill()


@contextmanager
def channel_to(url: str) -> Iterator[Channel]:
    """Open a channel of plain pika, and close its connection however it ended."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        with suppress(pika.exceptions.AMQPError):
            connection.close()


def publish(url: str, body: bytes) -> None:
    """Publish to the durable queue `kept` and wait for the confirm."""
    with channel_to(url) as channel:
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        channel.basic_publish("", "kept", body, properties(delivery_mode=2))


def cli(
    *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m logbus.devbroker`."""
    command = [sys.executable, "-m", "logbus.devbroker", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=90, env=env, cwd=cwd)


def listening(node: DevBroker) -> list[str]:
    """Return the local addresses on which the node's processes listen, from /proc."""
    inodes = set()
    for pid in processes(node.dir):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()]
    return [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]


def test_command_line_starts_shows_and_stops(tmp_path: Path) -> None:
    """`start` prints the URL alone and returns, `status` repeats it, `ctl` reaches that node, `stop` leaves nothing."""
    folder = str(tmp_path / "node")
    try:
        begun = time.monotonic()
        started = cli("start", "--dir", folder)
        assert time.monotonic() - begun < 30
        assert started.stdout.startswith("amqp://guest:guest@127.0.0.1:")
        assert started.stdout.count("\n") == 1
        assert cli("start", "--dir", folder).stdout == started.stdout == cli("status", "--dir", folder).stdout
        with channel_to(started.stdout.strip()) as channel:
            channel.queue_declare("here")
        assert "here" in cli("ctl", "--dir", folder, "--", "list_queues", "name").stdout
    finally:
        assert cli("stop", "--dir", folder).returncode == 0
    assert not processes(Path(folder))
    assert cli("status", "--dir", folder).returncode == 1


def test_it_comes_back_as_itself(node: DevBroker) -> None:
    """Killed or stopped, the node starts again on the same port with the persistent messages it had."""
    url = node.start()
    publish(url, b"first")
    keep_new_queues(node)
    node.kill()
    assert node.start() == url
    publish(url, b"second")
    node.stop()
    assert not node.running()
    assert node.start() == url
    with channel_to(url) as channel:
        wait_until(lambda: channel.queue_declare("kept", passive=True).method.message_count == 2)
        assert [channel.basic_get("kept", auto_ack=True)[2] for _ in range(2)] == [b"first", b"second"]


def test_only_loopback_listens(broker: DevBroker) -> None:
    """Neither AMQP, epmd nor the distribution port is open to the network."""
    addresses = listening(broker)
    assert len(addresses) >= 3
    assert {address.rpartition(":")[0] for address in addresses} <= {"0100007F", "0" * 24 + "01000000"}


def test_a_paused_node_keeps_connections_and_answers_nothing(faulty_broker: DevBroker) -> None:
    """`pause` freezes, `resume` goes on with the same connection, and a paused node can be stopped."""
    with channel_to(faulty_broker.url) as channel:
        faulty_broker.pause()
        wait_until(lambda: not faulty_broker.running())  # the kernel stops the last of its threads a little later
        faulty_broker.resume()
        channel.queue_declare("after", exclusive=True)
    faulty_broker.pause()
    faulty_broker.stop()
    assert not faulty_broker.running()


def test_each_test_has_a_virtual_host_of_its_own(
    broker_url: str, virtual_hosts: VirtualHosts, broker: DevBroker
) -> None:
    """What one test declares, another does not see; there are enough for every test."""
    with channel_to(broker_url) as channel:
        channel.queue_declare("mine")
    names = [virtual_hosts.take() for _ in range(10)]
    assert len(set(names)) == 10
    with channel_to(broker.url + names[-1]) as channel, pytest.raises(pika.exceptions.ChannelClosedByBroker):
        channel.queue_declare("mine", passive=True)


def test_no_server_installed_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rabbitmq-server the error names the package."""
    monkeypatch.setattr(shutil, "which", lambda *_args, **_more: None)
    with pytest.raises(UsageError, match="apt-get install rabbitmq-server"):
        DevBroker(tmp_path).start()


def test_a_node_that_cannot_start_says_where_to_look(node: DevBroker) -> None:
    """A taken port ends the start with one sentence, at once, and nothing is left running."""
    with socket.create_server(("127.0.0.1", node.port)):
        with pytest.raises(BrokerUnavailable, match=r"it exited \(see startup\.log"):
            node.start()
        node.stop()
    assert not processes(node.dir)


def test_a_refused_ctl_is_one_short_line(broker: DevBroker) -> None:
    """What rabbitmqctl refuses becomes an error of one line, not its manual."""
    with pytest.raises(LogbusError) as refused:
        broker.ctl("no_such_command")
    assert len(str(refused.value)) < 500


def test_ordinary_user_can_run_it(tmp_path: Path) -> None:
    """Neither root nor the user rabbitmq is needed."""
    if os.geteuid():
        assert pwd.getpwuid(os.geteuid()).pw_name != "rabbitmq"
        return  # then every other test here has shown it
    user = pwd.getpwnam("nobody")
    # As root, pytest's own folders are closed to others, and so may be the interpreter's: it becomes that user late.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o755)
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    program = (
        "import encodings.idna, os; from logbus.devbroker import DevBroker; "  # before the interpreter's home is closed
        f"os.setgid({user.pw_gid}); os.setuid({user.pw_uid}); "
        f"node = DevBroker({str(folder)!r}); print(node.start()); node.stop()"
    )
    command = [sys.executable, "-c", program]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90, cwd=tmp_path)
    finally:
        DevBroker(folder).kill()
    assert done.stdout.startswith("amqp://"), done.stderr
    assert (folder / "node.log").stat().st_uid == user.pw_uid


def test_a_cluster_starts_shows_and_stops(tmp_path: Path) -> None:
    """`--nodes 2` prints one URL a node, they know each other, `stop` leaves nothing, `start` makes the same again."""
    folder = tmp_path / "a cluster"
    try:
        started = cli("start", "--dir", str(folder), "--nodes", "2")
        assert started.returncode == 0, started.stderr
        assert len(set(started.stdout.splitlines())) == 2
        assert cli("status", "--dir", str(folder)).stdout == started.stdout
        known = cli("ctl", "--dir", str(folder), "--", "eval", "length(rabbit_nodes:all_running()).")
        assert known.stdout.strip() == "2"
        assert cli("stop", "--dir", str(folder)).returncode == 0
        assert not any(processes(each) for each in (folder, *folder.iterdir()))
        assert cli("start", "--dir", str(folder)).stdout == started.stdout
    finally:
        cli("kill", "--dir", str(folder))
    assert not any(processes(each) for each in (folder, *folder.iterdir()))


def test_each_node_of_a_cluster_dies_and_comes_back_alone(cluster: DevCluster) -> None:
    """With one node killed, the others go on; it comes back at its URL; only loopback listens, epmd included."""
    first, second, third = cluster.nodes
    publish(second.url, b"before")
    first.kill()
    assert not first.running()
    publish(third.url, b"meanwhile")
    assert cli("start", "--dir", str(first.dir)).stdout == first.url + "\n"
    publish(first.url, b"after")
    with channel_to(first.url) as channel:
        wait_until(lambda: channel.queue_declare("kept", passive=True).method.message_count == 3)
    for node in cluster.nodes:
        assert {address.rpartition(":")[0] for address in listening(node)} <= {"0100007F", "0" * 24 + "01000000"}


def test_a_folder_is_one_node_or_one_cluster(tmp_path: Path, node: DevBroker) -> None:
    """Another number of nodes than there are is refused: exit 2, one line, and nothing is started."""
    assert node.url
    refused = cli("start", "--dir", str(node.dir), "--nodes", "3")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert cli("start", "--dir", str(tmp_path / "none"), "--nodes", "0").returncode == 2
    assert not processes(node.dir)


def test_ports_are_kept_with_the_folder(node: DevBroker) -> None:
    """The URL is known before the first start, and does not change."""
    url = node.url
    assert DevBroker(node.dir).url == url
    assert len(set(json.loads((node.dir / "ports.json").read_text()).values())) == 3


def test_the_proxy_carries_cuts_and_limits(broker: DevBroker) -> None:
    """The suite's proxy: connections pass, are refused while down, are closed by `cut` and after so many bytes."""
    with Proxy(broker.port) as proxy:
        url = broker.url.replace(str(broker.port), str(proxy.port))
        with channel_to(url) as channel:
            proxy.cut()
            with pytest.raises(pika.exceptions.AMQPError):
                channel.queue_declare("", exclusive=True)
        proxy.down()
        with socket.create_connection(("127.0.0.1", proxy.port)) as refused:
            assert refused.recv(1) == b""
        proxy.up()
        with channel_to(url) as channel:
            proxy.limit(1_000)
            with pytest.raises(pika.exceptions.AMQPError):
                channel.queue_declare("", arguments={"too": "long" * 1_000})
        with channel_to(url) as channel:
            channel.queue_declare("", exclusive=True)
