"""What RabbitMQ and other sinks may do to a shipper and a file sink while they run."""

import signal
import time
from pathlib import Path

import pika
import pytest

from logbus.devbroker import DevBroker
from support import keep_new_queues
from support.programs import Program, Start, Until
from support.proxy import Proxy

pytestmark = [pytest.mark.broker, pytest.mark.system]


def lines(first: int, last: int) -> bytes:
    """Return numbered lines."""
    return b"".join(b"line %06d of ordinary length, as applications write them\n" % n for n in range(first, last))


def file_sink(start: Start, url: str, folder: Path, queue: str = "file") -> Program:
    """Start an ad hoc file sink into `folder`."""
    return start(
        "sinks", "file", "-v", "--queue", queue, "--path", folder / "{label}.log", "--state", folder / "state", url=url
    )


def content(path: Path) -> bytes:
    """Return what a file holds, nothing while there is none."""
    return path.read_bytes() if path.exists() else b""


def test_sigterm_ends_a_blocked_shipper(
    start: Start, faulty_broker: DevBroker, tmp_path: Path, eventually: Until
) -> None:
    """E8: with RabbitMQ short of memory, SIGTERM ends a shipper in time; the rest is shipped after the next start."""
    url = faulty_broker.url
    sink = file_sink(start, url, tmp_path / "out")
    eventually(lambda: "connected" in sink.said())
    source, state = tmp_path / "app.log", tmp_path / "s"
    source.write_bytes(lines(0, 1000))
    config = tmp_path / "shipper.yml"
    config.write_text(
        f"broker: {{url: '{url}'}}\nstate: {state}\ndrain_timeout_s: 2\ninputs: [{{paths: ['{source}']}}]\n"
    )
    shipper = start("shipper", "--config", config)
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 1000))
    faulty_broker.ctl("set_vm_memory_high_watermark", "absolute", "1")
    with source.open("ab") as file:
        file.write(lines(1000, 5000))
    eventually(lambda: "has blocked publishing" in shipper.said())
    begun = time.monotonic()
    assert shipper.terminate() in {0, 1}
    assert time.monotonic() - begun < 15  # drain_timeout_s, and room for a busy machine; without it, it never ends
    faulty_broker.ctl("set_vm_memory_high_watermark", "absolute", "1GiB")
    start("shipper", "--config", config)
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 5000))


def test_a_memory_alarm_stops_the_shipper_only(
    start: Start, faulty_broker: DevBroker, tmp_path: Path, eventually: Until
) -> None:
    """E6: the shipper reads no further, the sink drains what is queued, and all goes on by itself when it clears."""
    url = faulty_broker.url
    sink = file_sink(start, url, tmp_path / "out")
    eventually(lambda: "connected" in sink.said())
    source = tmp_path / "app.log"
    source.write_bytes(lines(0, 1000))
    shipper = start("shipper", "--host", "h", source, url=url)
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 1000))
    sink.process.send_signal(signal.SIGSTOP)
    with source.open("ab") as file:
        file.write(lines(1000, 2000))
    eventually(lambda: "logs.file\t0" not in faulty_broker.ctl("list_queues", "name", "messages"))
    faulty_broker.ctl("set_vm_memory_high_watermark", "absolute", "1")
    with source.open("ab") as file:
        file.write(lines(2000, 3000))
    eventually(lambda: "has blocked publishing" in shipper.said())
    sink.process.send_signal(signal.SIGCONT)
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 2000))
    faulty_broker.ctl("set_vm_memory_high_watermark", "absolute", "1GiB")
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 3000))


def test_a_half_open_connection_is_noticed(
    start: Start, broker: DevBroker, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """E5: nothing passes, nothing is closed: shipper and sink give up after 2 heartbeats of silence, and resume."""
    with Proxy(broker.port) as proxy:
        url = broker_url.replace(f":{broker.port}/", f":{proxy.port}/")
        config = tmp_path / "c.yml"
        config.write_text(f"broker: {{url: '{url}', heartbeat_s: 2}}\nstate: {tmp_path / 's'}\n")
        source = tmp_path / "app.log"
        source.write_bytes(lines(0, 1000))
        ends = {
            "shipper": f"inputs: [{{paths: ['{source}'], label: half-open}}]\nhost: h\n",
            "sinks": f"sinks: {{half-open: {{type: file, path: '{tmp_path}/out/{{label}}.log'}}}}\n",
        }
        running = []
        for name, rest in ends.items():
            path = tmp_path / f"{name}.yml"
            path.write_text(config.read_text() + rest)
            running.append(start(name, "--config", path, *(["half-open"] if name == "sinks" else [])))
        output = tmp_path / "out/half-open.log"
        eventually(lambda: content(output) == lines(0, 1000))
        proxy.pause()
        with source.open("ab") as file:
            file.write(lines(1000, 2000))
        eventually(lambda: all("retrying" in each.said() for each in running))
        proxy.resume()
        eventually(lambda: content(output) == lines(0, 2000))


def test_the_application_stops_and_starts(
    start: Start, faulty_broker: DevBroker, tmp_path: Path, eventually: Until
) -> None:
    """E3: RabbitMQ closes each connection by force (320); all goes on when it is back, and the file is exact."""
    sink = file_sink(start, faulty_broker.url, tmp_path / "out")
    eventually(lambda: "connected" in sink.said())
    source = tmp_path / "app.log"
    source.write_bytes(lines(0, 1000))
    start("shipper", "--host", "h", source, url=faulty_broker.url)
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 1000))
    keep_new_queues(faulty_broker)
    faulty_broker.ctl("stop_app")
    with source.open("ab") as file:
        file.write(lines(1000, 2000))
    faulty_broker.ctl("start_app")
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 2000))


def test_a_deleted_queue_is_said_and_declared_again(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """E10, E22: another sink is bound, so no publish is returned: the sink itself notices, says so, and goes on."""
    sink = file_sink(start, broker_url, tmp_path / "out")
    console = start("sinks", "console", "-v", url=broker_url)
    eventually(lambda: "connected" in sink.said() and "connected" in console.said())
    source = tmp_path / "app.log"
    source.write_bytes(lines(0, 10))
    start("shipper", "--host", "h", source, url=broker_url)
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 10))
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        connection.channel().queue_delete("logs.file")
    eventually(lambda: "the queue logs.file was deleted" in sink.said())
    eventually(lambda: sink.said().count("connected to RabbitMQ") == 2)
    with source.open("ab") as file:
        file.write(lines(10, 20))
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 20))


def test_a_stopped_sink_holds_nobody_up(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """E26, F13: while one sink stands still, the shipper and the others go on; it catches up afterwards."""
    slow, fast = (file_sink(start, broker_url, tmp_path / name, name) for name in ("slow", "fast"))
    eventually(lambda: "connected" in slow.said() and "connected" in fast.said())
    slow.process.send_signal(signal.SIGSTOP)
    source = tmp_path / "app.log"
    source.write_bytes(lines(0, 50_000))
    assert start("shipper", "--once", "--host", "h", source, url=broker_url).ends() == 0
    eventually(lambda: content(tmp_path / "fast/app.log") == source.read_bytes())
    assert content(tmp_path / "slow/app.log") == b""
    slow.process.send_signal(signal.SIGCONT)
    eventually(lambda: content(tmp_path / "slow/app.log") == source.read_bytes())
