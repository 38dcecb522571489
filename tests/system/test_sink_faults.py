"""The order in which a file sink syncs, remembers and acknowledges, seen from outside; and killed at each step."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest

from logbus.batch import Batch, encode
from logbus.broker import topology
from logbus.broker.messages import properties_of
from logbus.wire.batch import count_lines
from sinks.commands.coverage import coverage
from support.programs import Start, Until

pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
]

ACK = "\\0<\\0P"
"""The method frame of Basic.Ack: class 60, method 80, as strace prints it."""
BATCHES = 12
LAST_KILL = 12


def body(number: int) -> bytes:
    """Return the lines of a batch."""
    return b"".join(b"batch %03d line %03d\n" % (number, line) for line in range(50))


@pytest.fixture
def publish(broker_url: str) -> Iterator[Callable[[int], None]]:
    """Return a function that publishes the batch of a number, confirmed."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.exchange_declare(topology.LOGS, "fanout", durable=True)

    def send(number: int) -> None:
        content, size = body(number), len(body(0))
        batch = Batch(
            content, b"6" * count_lines(content), host="h", label="app", path="/app.log",
            stream="0123456789abcdef", offset=number * size, end=(number + 1) * size,
        )  # fmt: skip
        message = encode(batch)
        channel.basic_publish(topology.LOGS, message.routing_key, message.body, properties_of(message), mandatory=True)

    yield send
    connection.close()


def sink(folder: Path, url: str) -> list[str]:
    """Return the command of a file sink into `folder`."""
    flags = ["--path", folder / "{label}.log", "--state", folder / "state", "--broker", url]
    return [sys.executable, "-m", "sinks", "file", *map(str, flags)]


def test_synced_remembered_acknowledged(
    tmp_path: Path, broker_url: str, publish: Callable[[int], None], eventually: Until
) -> None:
    """F1: between writing a batch and acknowledging it, strace sees fdatasync of the output, then of the ledger."""
    trace = tmp_path / "trace"
    calls = "trace=write,writev,pwrite64,fdatasync,fsync,sendto,send,sendmsg"
    command = ["strace", "-D", "-f", "-y", "-o", str(trace), "-e", calls, "-s", "64", *sink(tmp_path, broker_url)]
    process = subprocess.Popen(command)  # -D: strace is the sink's grandchild, so that signals reach the sink
    output = tmp_path / "app.log"
    try:
        eventually(lambda: trace.exists() and "logs.file" in trace.read_text(errors="replace"))
        for number in range(BATCHES):
            eventually(lambda: _published(publish, number))  # noqa: B023 - called at once
        eventually(lambda: output.exists() and output.stat().st_size == BATCHES * len(body(0)))
        eventually(lambda: steps(trace)[-1:] == ["ack"])
    finally:
        process.terminate()
        process.wait(30)
    order = "".join({"write": "w", "sync": "s", "ledger": "l", "ack": "a"}[each] for each in steps(trace))
    assert re.fullmatch(r"l*(w+l*s+l+a+)+l*", order), order


def _published(publish: Callable[[int], None], number: int) -> bool:
    try:
        publish(number)
    except pika.exceptions.UnroutableError:
        return False
    return True


def steps(trace: Path) -> list[str]:
    """Return what a trace shows of the steps, in order: write, sync, ledger (a sync of it), ack."""
    found = []
    for line in trace.read_text(errors="replace").splitlines():
        if "app.log>" in line:
            found.append("sync" if "sync(" in line else "write")
        elif "ledger.sqlite" in line and "sync(" in line:
            found.append("ledger")
        elif "socket" in line.lower() or "TCP" in line:
            found += ["ack"] if ACK in line or "\\1\\0\\1\\0\\0\\0\\r" in line else []
    return found


@pytest.mark.timeout(300)
def test_killed_at_each_sync(
    start: Start, tmp_path: Path, broker_url: str, publish: Callable[[int], None], eventually: Until
) -> None:
    """F2: killed right before its 1st, 2nd, ... Nth sync of anything, and started again: the output is exact."""
    output = tmp_path / "app.log"
    first = start(*sink(tmp_path, broker_url)[2:])
    eventually(lambda: _published(publish, 0))
    eventually(lambda: output.exists() and output.stat().st_size > 0)
    first.terminate()
    killed = 0
    for at in range(1, LAST_KILL + 1):
        publish(at)
        inject = f"inject=fdatasync,fsync:signal=KILL:when={at % 6 + 1}"
        command = ["strace", "-D", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=fdatasync,fsync", "-e", inject]
        process = subprocess.Popen([*command, *sink(tmp_path, broker_url)], stderr=subprocess.DEVNULL)
        try:
            process.wait(4)
        except subprocess.TimeoutExpired:
            process.terminate()
        killed += process.wait(30) in {-signal.SIGKILL, 128 + signal.SIGKILL}
    last = start(*sink(tmp_path, broker_url)[2:])
    wanted = b"".join(body(number) for number in range(LAST_KILL + 1))
    eventually(lambda: [each.ranges for each in coverage(tmp_path / "state")] == [((0, len(wanted)),)])
    last.terminate()
    assert output.read_bytes() == wanted
    assert killed >= LAST_KILL // 2
