"""Programs that know nothing of Logbus, in Node and in Python: what they publish arrives, what we ship they read."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pika
import pytest

from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]
Node = Callable[[str], Path]

NODE = Path(__file__).parents[1] / "node"


def body_of(delivery: tuple[object, object, bytes | None]) -> bytes:
    """Return the body of what pika delivered within the time given."""
    body = delivery[2]
    assert body is not None
    return body


def holds(path: Path, text: bytes, count: int) -> bool:
    """Return True if a file holds a text so many times."""
    return bytes_of(path).count(text) == count


@pytest.fixture
def node(broker_url: str, tmp_path: Path) -> Iterator[Node]:
    """Return a function that starts a program of tests/node and returns the file that holds what it prints."""
    program = shutil.which("node")
    if not program or not (NODE / "node_modules" / "amqplib").is_dir():
        pytest.fail("Node or its amqplib is not installed: run `make setup`")
    started: list[subprocess.Popen[bytes]] = []

    def begin(script: str) -> Path:
        out = tmp_path / f"{script}.{len(started)}"
        environment = {**os.environ, "LOGBUS_BROKER": broker_url}
        with out.open("wb") as file:
            started.append(
                subprocess.Popen([program, NODE / script], env=environment, stdout=file, stderr=subprocess.STDOUT)
            )
        return out

    yield begin
    for process in started:
        process.kill()
        process.wait()


def bytes_of(path: Path) -> bytes:
    """Return a file's content, nothing while there is none."""
    return path.read_bytes() if path.exists() else b""


def test_hello_world_from_node_is_in_every_sink(
    start: Start, broker_url: str, node: Node, tmp_path: Path, eventually: Until
) -> None:
    """E29: the customer's `channel.publish('logs', '', Buffer.from('Hello World!'))` shows in every sink."""
    out = tmp_path / "out"
    sinks = [
        start("sinks", "console", "-v", url=broker_url),
        start("sinks", "console", "--json", "-v", url=broker_url),
        start("sinks", "file", "-v", "--path", out / "{host}.log", "--state", out / "state", url=broker_url),
    ]
    text, objects, _ = sinks
    eventually(lambda: all("connected" in sink.said() for sink in sinks))
    sent = node("hello.js")
    eventually(lambda: bytes_of(out / "unknown.log") == b"Hello World!\n" and text.printed() and objects.printed())
    assert bytes_of(sent) == b" [x] Sent Hello World!\n"
    assert text.printed().split() == [text.printed().split()[0], b"info", b"unknown", b"unknown", b"Hello", b"World!"]
    seen = json.loads(objects.printed())
    assert (seen["message"], seen["severity"], seen["offset"]) == ("Hello World!", "info", None)
    assert all(sink.process.poll() is None for sink in sinks)


def test_json_from_node_is_in_a_severity_sink(
    start: Start, broker_url: str, node: Node, tmp_path: Path, eventually: Until
) -> None:
    """E29: with keys of its own, packed, over several lines: each error arrives as one record, at its own time."""
    out = tmp_path / "out"
    path = out / "{date}.log"
    errors = start("sinks", "severity", "-v", "--min", "err", "--path", path, "--state", out / "s", url=broker_url)
    objects = start("sinks", "console", "--json", "-v", url=broker_url)
    eventually(lambda: "connected" in errors.said() and "connected" in objects.said())
    yesterday = out / f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}.log"
    node("log_json.js")
    eventually(lambda: bytes_of(yesterday).count(b"}\n") >= 2 and objects.printed().count(b"\n") == 3)
    failed = '{\n  "level": "error",\n  "msg": "payment failed"\n}\n'
    assert bytes_of(yesterday).decode() == failed * 2
    seen = [json.loads(line) for line in objects.printed().splitlines()]
    assert [each["severity"] for each in seen] == ["err", "err", "info"]


def test_node_reads_our_lines(start: Start, broker_url: str, node: Node, tmp_path: Path, eventually: Until) -> None:
    """E31: at a trickle, the tutorial's receive_logs prints each line we ship as plain text, beside our own sinks."""
    console = start("sinks", "console", "-v", url=broker_url)
    received = node("receive_logs.js")
    eventually(lambda: b"Waiting" in bytes_of(received) and "connected" in console.said())
    source = tmp_path / "app.log"
    start("shipper", source, url=broker_url)
    lines = ["first line\n", "Grüße, 2nd\n", "ERROR third\n"]
    for count, line in enumerate(lines, 1):
        with source.open("a") as file:
            file.write(line)
        eventually(partial(holds, received, b" [x] ", count))
    shown = bytes_of(received).decode().partition("CTRL+C\n")[2]
    assert shown == "".join(f" [x] {line}\n" for line in lines)
    eventually(lambda: console.printed().count(b"\n") == 3)


def test_the_python_tutorials_stand_beside_us(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """E29, E31: receive_logs.py and emit_log.py as RabbitMQ's tutorials have them, started first, work with us."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    channel.exchange_declare(exchange="logs", exchange_type="fanout")
    queue_name = channel.queue_declare(queue="", exclusive=True).method.queue
    channel.queue_bind(exchange="logs", queue=queue_name)

    out = tmp_path / "out"
    everything = start("sinks", "file", "-v", "--path", out / "all", "--state", out / "s1", url=broker_url)
    arguments = ("--min", "err", "--path", out / "errors", "--state", out / "s2")
    errors = start("sinks", "severity", "-v", *arguments, url=broker_url)
    eventually(lambda: "connected" in everything.said() and "connected" in errors.said())
    channel.basic_publish(exchange="logs", routing_key="", body=b"info: Hello World!")
    channel.basic_publish(exchange="logs", routing_key="", body=b"ERROR: Hello \xff\nsecond line")
    received = channel.consume(queue_name, auto_ack=True, inactivity_timeout=30)
    bodies = [body_of(next(received)), body_of(next(received))]
    source = tmp_path / "app.log"
    source.write_bytes(b"INFO from a file\n")
    assert start("shipper", "--once", source, url=broker_url).ends() == 0
    bodies.append(body_of(next(received)))

    assert bodies == [b"info: Hello World!", b"ERROR: Hello \xff\nsecond line", b"INFO from a file\n"]
    eventually(lambda: bytes_of(out / "all") == b"\n".join(bodies))
    eventually(lambda: bytes_of(out / "errors") == b"ERROR: Hello \xff\n")
    connection.close()
