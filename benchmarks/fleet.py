"""What the statuses of a large fleet cost: `python -m benchmarks.fleet [SECONDS [HOSTS]]`, 60 and 1,000 by default.

A program publishes the status of 1,000 shippers, each every 10 s, as shippers do. The page's fleet is open in a tab of
Chromium, and `logbus-sinks fleet --watch` runs on a terminal. Prints which share of a core RabbitMQ, the web sink, the
tab and the command use, beside what they used before the first status came. Exits 1 if RabbitMQ, or sink and tab
together, use 10 % or more.
"""

import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pika

from benchmarks.chromium import Gauge, chromium, opened
from benchmarks.processes import Figures, Stage, cpu_s, resident_mb
from benchmarks.web import show, verdict
from benchmarks.web_sink import served
from logbus.broker.messages import properties_of
from logbus.broker.topology import STATUS
from logbus.devbroker import DevBroker
from logbus.fleet.status import EVERY_S, Part, Status, encode

FOR_S = 60.0
HOSTS = 1_000
QUIET_S = 10.0
GOAL = 10.0
BROKER, PAGE = "RabbitMQ, % of a core", "web sink and tab, % of a core"


def status(host: int, turn: int, started_us: int) -> Status:
    """Return what a shipper says in its turn: of two inputs, and 200 records since the turn before."""
    records, size_bytes = 200 * turn, 20_000 * turn
    parts = [Part(name, 1, 0, records // 2, size_bytes // 2) for name in ("nginx", "shop")]
    return Status(
        f"web-{host:04}",
        "shipper",
        f"{host:016x}",
        started_us,
        time.time_ns() // 1000,
        records=records,
        bytes=size_bytes,
        files=len(parts),
        inputs=parts,
        severities=[0, 0, 0, turn, 0, 0, records - turn, 0],
    )


def publish(url: str, hosts: int, stopping: threading.Event) -> None:
    """Publish the statuses evenly over each 10 s, until somebody says to stop."""
    began, started_us, number = time.perf_counter(), time.time_ns() // 1000, 0
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        while not stopping.wait(max(0.0, began + number * EVERY_S / hosts - time.perf_counter())):
            turn, host = divmod(number, hosts)
            message = encode(status(host, turn, started_us), "guest")
            channel.basic_publish(STATUS, message.routing_key, message.body, properties_of(message, lasting=False))
            number += 1


@contextmanager
def published(url: str, hosts: int) -> Iterator[None]:
    """Let a thread publish meanwhile."""
    stopping = threading.Event()
    thread = threading.Thread(target=publish, args=(url, hosts, stopping))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@contextmanager
def watched(url: str) -> Iterator[int]:
    """Run `logbus-sinks fleet --watch` on a terminal that somebody reads; give its pid."""
    master, slave = pty.openpty()
    threading.Thread(target=_drain, args=(master,), daemon=True).start()
    command = [sys.executable, "-m", "sinks", "fleet", "--watch", "--broker", url]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        try:
            yield process.pid
        finally:
            process.terminate()


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 1 << 16):
            pass
    except OSError:  # how a terminal says that the other end is closed
        os.close(fd)


def measure(stage: Stage, for_s: float, hosts: int) -> Figures:
    """Return shares of a core in percent, and memory in MB."""
    with served(stage, stage.folder()) as page, watched(stage.broker.url) as watcher, chromium() as browser:
        gauge = opened(browser, f"{page.url}/fleet", awaited="#fleet-summary:not(:empty)")
        used = {"RabbitMQ": stage.beam, "web sink": page.pid, "fleet --watch": watcher}
        clocks: dict[str, Callable[[], float]] = {name: _clock(pid) for name, pid in used.items()}
        clocks["tab"] = gauge.cpu_s
        quiet = shares(clocks, gauge, QUIET_S)
        with published(stage.broker.url, hosts):
            gauge.tab.wait_for_timeout(2 * EVERY_S * 1000)  # until each has a rate
            busy = shares(clocks, gauge, for_s)
            shown = gauge.tab.locator("#fleet-rows tr").count()
        return {
            "hosts shown": shown,
            BROKER: busy["RabbitMQ"],
            PAGE: busy["web sink"] + busy["tab"],
            **{f"{name}, % of a core": busy[name] for name in ("web sink", "tab", "fleet --watch")},
            **{f"  {name} without a status": quiet[name] for name in clocks},
            **{f"{name}, MB": resident_mb(pid) for name, pid in used.items()},
            "tab, private memory, MB": gauge.private_mb(),
        }


def _clock(pid: int) -> Callable[[], float]:
    return lambda: cpu_s(pid)


def shares(clocks: dict[str, Callable[[], float]], gauge: Gauge, for_s: float) -> dict[str, float]:
    """Return which share of a core each used in the next seconds, in percent."""
    before, began = {name: clock() for name, clock in clocks.items()}, time.perf_counter()
    gauge.tab.wait_for_timeout(for_s * 1000)
    took_s = time.perf_counter() - began
    return {name: 100 * (clock() - before[name]) / took_s for name, clock in clocks.items()}


def main() -> int:
    """Measure, print; return the exit code."""
    for_s = float(sys.argv[1]) if len(sys.argv) > 1 else FOR_S
    hosts = int(sys.argv[2]) if len(sys.argv) > 2 else HOSTS  # noqa: PLR2004 - the second argument
    with tempfile.TemporaryDirectory(prefix="logbus-fleet-") as root, DevBroker(Path(root) / "broker") as broker:
        figures = measure(Stage(Path(root), broker), for_s, hosts)
    show(f"{hosts:,} hosts", figures)
    missed = [f"{name}: {figures[name]:,.1f}, less than {GOAL:.0f}" for name in (BROKER, PAGE) if figures[name] >= GOAL]
    if figures["hosts shown"] < hosts:
        missed.append(f"hosts shown: {figures['hosts shown']:,.0f}, of {hosts:,}")
    return verdict(missed)


if __name__ == "__main__":
    sys.exit(main())
