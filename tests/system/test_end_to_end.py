"""The main job: files -> shipper -> RabbitMQ -> sinks, all real."""

import json
import os
import subprocess
import time
from pathlib import Path

import pika
import pytest

from logbus.devbroker import DevBroker
from support.channels import properties
from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]


def numbered(first: int, last: int, text: str = "a line of ordinary length, as applications write them") -> bytes:
    """Return numbered lines, the most of them informational."""
    words = {0: b"ERROR", 7: b"WARN"}
    return b"".join(
        b"2026-11-24 10:00:00,000 %s [main] shop - %d %s\n" % (words.get(n % 100, b"INFO"), n, text.encode())
        for n in range(first, last)
    )


def size(path: Path) -> int:
    """Return a file's size, 0 while there is none."""
    return path.stat().st_size if path.exists() else 0


def queue_is_on_disk(broker: DevBroker, settled_s: float = 3.0) -> bool:
    """Return True if RabbitMQ has written down the Raft identity of the queues it has.

    It does so with a delay (3.10.8): a quorum queue whose node is killed in its first second has no leader afterwards.
    """
    names = broker.dir.rglob("quorum/**/names.dets")  # not what RabbitMQ 4 keeps of itself in coordination/
    return any(time.time() - each.stat().st_mtime > settled_s and b"logs.file" in each.read_bytes() for each in names)


def file_sink(start: Start, url: str, folder: Path, template: str = "{host}/{label}.log") -> Program:
    """Start an ad hoc file sink into `folder`."""
    return start("sinks", "file", "-v", "--path", folder / template, "--state", folder / "state", url=url)


def test_a_file_arrives_byte_for_byte(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """What `--once` ships is in the file sink, byte for byte, once the shipper has exited with 0."""
    source = tmp_path / "app.log"
    source.write_bytes(numbered(0, 100_000))
    file_sink(start, broker_url, tmp_path / "out")
    shipper = start("shipper", "--once", "--host", "h", source, url=broker_url)
    assert shipper.ends() == 0
    copy = tmp_path / "out/h/app.log"
    eventually(lambda: size(copy) == source.stat().st_size)
    assert copy.read_bytes() == source.read_bytes()


def test_every_sink_receives_everything_and_the_filter_its_part(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """Console, file and severity sinks run side by side; each gets all of its share."""
    console = start("sinks", "console", "--json", "--verbose", url=broker_url)
    everything = file_sink(start, broker_url, tmp_path / "all")
    errors = tmp_path / "errors"
    filtered = start(
        "sinks",
        "severity",
        "-v",
        "--min",
        "warning",
        "--path",
        errors / "{label}.log",
        "--state",
        errors / "s",
        url=broker_url,
    )
    eventually(lambda: all("connected" in sink.said() for sink in (console, everything, filtered)))
    source = tmp_path / "app.log"
    source.write_bytes(numbered(0, 1000))
    assert start("shipper", "--once", "--host", "h", source, url=broker_url).ends() == 0
    eventually(lambda: console.printed().count(b"\n") == 1000)
    eventually(lambda: size(tmp_path / "all/h/app.log") == size(source))
    wanted = [line for line in source.read_bytes().splitlines(keepends=True) if b" INFO " not in line]
    eventually(lambda: size(errors / "app.log") == len(b"".join(wanted)))
    assert (errors / "app.log").read_bytes() == b"".join(wanted)
    first = json.loads(console.printed().splitlines()[0])
    assert first["severity"] == "err"
    assert first["message"] == numbered(0, 1).decode().rstrip("\n")
    assert (first["host"], first["label"], first["path"], first["offset"]) == ("h", "app", str(source), 0)


def test_nothing_is_lost_when_the_broker_is_killed(
    start: Start, faulty_broker: DevBroker, tmp_path: Path, eventually: Until
) -> None:
    """E2: `kill -9` of the broker in mid-ship, restarted on the same data: every line arrives, in order."""
    url = faulty_broker.url
    source = tmp_path / "app.log"
    source.write_bytes(numbered(0, 400_000))
    file_sink(start, url, tmp_path / "out")
    eventually(lambda: queue_is_on_disk(faulty_broker))
    shipper = start("shipper", "--state", tmp_path / "s", "--once", "--host", "h", source, url=url)
    copy = tmp_path / "out/h/app.log"
    eventually(lambda: size(copy) > 1_000_000)
    faulty_broker.kill()
    faulty_broker.start()
    assert shipper.ends() == 0
    eventually(lambda: size(copy) >= size(source))
    assert copy.read_bytes() == source.read_bytes()


def test_with_no_sink_the_shipper_holds(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """E9: no sink bound: the shipper says so once and ships nothing away; a sink that binds gets everything."""
    source = tmp_path / "app.log"
    source.write_bytes(numbered(0, 5000))
    shipper = start("shipper", "--state", tmp_path / "s", "--once", "--host", "h", source, url=broker_url)
    eventually(lambda: "no queue is bound" in shipper.said())
    assert shipper.process.poll() is None
    file_sink(start, broker_url, tmp_path / "out")
    assert shipper.ends() == 0
    assert shipper.said().count("no queue is bound") == 1
    copy = tmp_path / "out/h/app.log"
    eventually(lambda: size(copy) == size(source))
    assert copy.read_bytes() == source.read_bytes()


def test_a_severity_sink_alone_stalls_nobody(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """With only a severity sink bound, lines that it does not want count as delivered."""
    out = tmp_path / "out"
    sink = start("sinks", "severity", "-v", "--min", "emerg", "--path", out / "e", "--state", out / "s", url=broker_url)
    eventually(lambda: "connected" in sink.said())
    source = tmp_path / "app.log"
    source.write_bytes(numbered(1, 5))
    assert start("shipper", "--once", source, url=broker_url).ends() == 0


def test_the_broker_may_come_last(start: Start, faulty_broker: DevBroker, tmp_path: Path, eventually: Until) -> None:
    """E1: shipper and sink start without a broker, say once that they wait, and go on when it comes."""
    url = faulty_broker.url
    faulty_broker.stop()
    source = tmp_path / "app.log"
    source.write_bytes(numbered(0, 100))
    shipper = start("shipper", "--once", "--host", "h", source, url=url)
    sink = file_sink(start, url, tmp_path / "out")
    eventually(lambda: "retrying" in shipper.said() and "retrying" in sink.said())
    faulty_broker.start()
    assert shipper.ends() == 0
    eventually(lambda: size(tmp_path / "out/h/app.log") == size(source))
    assert shipper.said().count("cannot reach") == sink.said().count("cannot reach") == 1


def test_a_pipe_is_shipped_to_its_end(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """`... | python -m shipper -` ships what comes and ends with the pipe, an unfinished last line included."""
    sink = file_sink(start, broker_url, tmp_path / "out")
    shipper = start("shipper", "--host", "h", "-", url=broker_url, stdin=subprocess.PIPE)
    pipe = shipper.process.stdin
    assert pipe
    pipe.write(b"one\ntwo\n")
    pipe.flush()
    copy = tmp_path / "out/h/stdin.log"
    eventually(lambda: size(copy) == 8)
    pipe.write(b"three")
    pipe.close()
    assert shipper.ends() == 0
    eventually(lambda: size(copy) == 13)
    assert copy.read_bytes() == b"one\ntwo\nthree"
    assert sink.process.poll() is None


def test_a_trickle_is_followed(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """A running shipper ships what is appended, follows a rotation, and resumes after `kill -9` without repeats."""
    source = tmp_path / "logs/app.log"
    source.parent.mkdir()
    source.write_bytes(b"1\n")
    file_sink(start, broker_url, tmp_path / "out")
    copy = tmp_path / "out/h/app.log"
    arguments = ("--state", tmp_path / "s", "--host", "h", tmp_path / "logs/*.log*")
    shipper = start("shipper", *arguments, url=broker_url)
    eventually(lambda: size(copy) == 2)
    with source.open("ab") as file:
        file.write(b"2\n")
    eventually(lambda: size(copy) == 4)
    source.rename(source.with_suffix(".log.1"))
    source.write_bytes(b"3\n")
    eventually(lambda: size(copy) == 6)
    shipper.kill()
    with source.open("ab") as file:
        file.write(b"4\n")
    shipper = start("shipper", *arguments, url=broker_url)
    eventually(lambda: size(copy) == 8)
    assert copy.read_bytes() == b"1\n2\n3\n4\n"
    assert shipper.terminate() == 0


def test_foreign_headers_and_rubbish_harm_nobody(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """E28: a message that lies about being a batch goes to the dead letters; the ones around it arrive."""
    file_sink(start, broker_url, tmp_path / "out", "all.log")
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    eventually(lambda: _bound(connection))
    for body, kind in (
        (b"before\n", None),
        (b"lie", "logbus.batch.v1"),
        (b"newer", "logbus.batch.v9"),
        (b"after", None),
    ):
        known = {"type": kind, "headers": {"levels": b"\xff" * 9, "offset": -1}} if kind else {}
        channel.basic_publish("logs", "", body, properties(**known))
    copy = tmp_path / "out/all.log"
    eventually(lambda: size(copy) == len(b"before\nafter\n"))
    assert copy.read_bytes() == b"before\nafter\n"
    eventually(lambda: channel.queue_declare("logs.dead", passive=True).method.message_count == 2)
    connection.close()


def _bound(connection: pika.BlockingConnection, queue: str = "logs.file") -> bool:
    """Return True if a sink consumes its queue already."""
    channel = connection.channel()
    try:
        return bool(channel.queue_declare(queue, passive=True).method.consumer_count)
    except pika.exceptions.ChannelClosedByBroker:
        return False


def test_odd_file_names(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """D17: names with spaces, newlines, no UTF-8, emoji and full length are shipped under exactly their paths."""
    folder = tmp_path / "logs"
    folder.mkdir()
    names = [b"a b.log", b"new\nline.log", b"\xff\xfe.log", "\U0001f600.log".encode(), b"n" * 251 + b".log"]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(name.hex().encode() + b"\n")
    console = start("sinks", "console", "--json", "-v", url=broker_url)
    eventually(lambda: "connected" in console.said())
    assert start("shipper", "--once", tmp_path / "logs/*.log", url=broker_url).ends() == 0
    eventually(lambda: console.printed().count(b"\n") == len(names))
    seen = [json.loads(line) for line in console.printed().splitlines()]
    assert {each["message"] for each in seen} == {name.hex() for name in names}
