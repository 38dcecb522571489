"""What RabbitMQ and other sinks may do to a shipper and a file sink while they run."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest

pytestmark = [pytest.mark.broker, pytest.mark.system]
Until = Callable[[Callable[[], Any]], None]


def lines(first: int, last: int) -> bytes:
    """Return numbered lines."""
    return b"".join(b"line %06d of ordinary length, as applications write them\n" % n for n in range(first, last))


def file_sink(start: Any, url: str, folder: Path, queue: str = "file") -> Any:
    """Start an ad hoc file sink into `folder`."""
    return start(
        "sinks", "file", "-v", "--queue", queue, "--path", folder / "{label}.log", "--state", folder / "state", url=url
    )


def content(path: Path) -> bytes:
    """Return what a file holds, nothing while there is none."""
    return path.read_bytes() if path.exists() else b""


def test_sigterm_ends_a_blocked_shipper(start: Any, faulty_broker: Any, tmp_path: Path, eventually: Until) -> None:
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
    eventually(lambda: "takes no messages now" in shipper.said())
    begun = time.monotonic()
    assert shipper.terminate() in {0, 1}
    assert time.monotonic() - begun < 15  # drain_timeout_s, and room for a busy machine; without it, it never ends
    faulty_broker.ctl("set_vm_memory_high_watermark", "absolute", "1GiB")
    start("shipper", "--config", config)
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 5000))


def test_a_deleted_queue_is_said_and_declared_again(
    start: Any, broker_url: str, tmp_path: Path, eventually: Until
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
    eventually(lambda: "cancelled the consumer of logs.file" in sink.said())
    eventually(lambda: sink.said().count("connected to RabbitMQ") == 2)
    with source.open("ab") as file:
        file.write(lines(10, 20))
    eventually(lambda: content(tmp_path / "out/app.log") == lines(0, 20))


def test_a_stopped_sink_holds_nobody_up(start: Any, broker_url: str, tmp_path: Path, eventually: Until) -> None:
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
