"""Does it hold with many files? `python -m benchmarks.many_files`, some three minutes, with a private RabbitMQ node.

    start      from the start of the shipper's process until a line that waits in one of 10,000 files in 1,000
               directories has arrived at a plain consumer: at the first start, when each file has a line to be shipped,
               until all have arrived, and at the second
    memory     the shipper's resident memory then
    idle       the processor time that it uses while nothing is written, as a share of one core
    latency    from the write of a line to a random one of the files until the consumer has it
    crowd      as start and idle, with 50,000 files, of which 100 are written to all the while, and 1,024 descriptors
    registry   as start, of one file, with 500,000 streams in the registry whose files are gone

Prints each figure with its bound; exits with 1 if one is missed.
"""

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pika

from benchmarks.processes import cpu_s, resident_mb
from logbus.devbroker import DevBroker
from shipper.state.registry import Registry, Row

DIRECTORIES, FILES = 1_000, 10_000
CROWD, ACTIVE, DESCRIPTORS = 50_000, 100, 1_024
STREAMS = 500_000
APPENDS = 300
IDLE_S = 30.0
SETTLED_S = 3.0
WITHIN_S = 120.0
BLOCK = 50_000


@dataclass(slots=True)
class Figures:
    """What was measured, and whether each bound was kept."""

    missed: list[str] = field(default_factory=list)

    def note(self, name: str, value: float, unit: str, bound: float | None = None) -> None:
        """Print a figure, with its bound if it has one."""
        kept = bound is None or value < bound
        said = "" if bound is None else f"   (below {bound:g} {unit}: {'yes' if kept else 'NO'})"
        print(f"{name:<44} {value:>9.2f} {unit:<4}{said}", flush=True)
        if not kept:
            self.missed.append(name)


class Listener:
    """A plain AMQP consumer with a queue of its own on `logs`."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.exchange_declare("logs", "fanout", durable=True)
        queue = self._channel.queue_declare("", exclusive=True).method.queue
        self._channel.queue_bind(queue, "logs")
        self._deliveries = self._channel.consume(queue, auto_ack=True, inactivity_timeout=WITHIN_S)

    def lines(self, count: int) -> float:
        """Wait for so many lines; return when the last of them was there. Raises TimeoutError."""
        while count > 0:
            count -= self._headers()["records"]
        return time.perf_counter()

    def beginnings(self, paths: Iterable[Path]) -> float:
        """Wait for the first line of each of these files, whatever else comes; return when the last was there."""
        missing = set(map(str, paths))
        while missing:
            headers = self._headers()
            if not headers["offset"]:
                missing.discard(headers["path"])
        return time.perf_counter()

    def _headers(self) -> Any:  # noqa: ANN401 - a batch's, as anybody sends them
        _, properties, _ = next(self._deliveries)
        if properties is None:
            raise TimeoutError("the lines do not arrive")
        return properties.headers

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def main() -> int:
    """Measure everything; return the exit code."""
    figures = Figures()
    with (
        tempfile.TemporaryDirectory() as name,
        DevBroker(Path(name) / "broker") as broker,
        closing(Listener(broker.url)) as listener,
    ):
        many_files(Path(name), broker.url, listener, figures)
        crowd(Path(name) / "crowd", broker.url, listener, figures)
        many_streams(Path(name), broker.url, listener, figures)
    return int(bool(figures.missed))


def many_files(folder: Path, url: str, listener: Listener, figures: Figures) -> None:
    """Measure all that has to do with many files."""
    files = make_files(folder, FILES)
    arguments = ("--state", folder / "state", folder / "logs/*/*.log")
    began = time.perf_counter()
    with shipper(url, *arguments):
        figures.note("first start, all lines of all files shipped", listener.lines(FILES) - began, "s", 5)
        time.sleep(SETTLED_S)
    append(files[-1])
    began = time.perf_counter()
    with shipper(url, *arguments) as pid:
        figures.note("second start, a line shipped", listener.lines(1) - began, "s", 5)
        time.sleep(SETTLED_S)
        figures.note("idle processor time, of one core", idle_percent(pid), "%", 1)
        figures.note("resident memory", resident_mb(pid), "MB", 120)
        latencies_ms = [latency_ms(file, listener) for file in random.Random(1).sample(files, APPENDS)]
        for percent, bound in ((50, 50), (99, 50), (100, None)):
            figures.note(f"latency, percentile {percent}", percentile(latencies_ms, percent), "ms", bound)
        figures.note("resident memory after that", resident_mb(pid), "MB", 120)


def crowd(folder: Path, url: str, listener: Listener, figures: Figures) -> None:
    """Measure more files than may be open."""
    files = make_files(folder, CROWD)
    active = files[:: CROWD // ACTIVE]
    command = ("--state", folder / "state", folder / "logs/*/*.log")
    began = time.perf_counter()
    with shipper(url, *command, descriptors=DESCRIPTORS) as pid, writing(active) as written:
        figures.note(f"{CROWD} files, all lines shipped", listener.beginnings(files) - began, "s", 30)
        written.set()
        time.sleep(SETTLED_S)
        figures.note("idle processor time then, of one core", idle_percent(pid), "%", 2)
        figures.note("resident memory then", resident_mb(pid), "MB")


@contextmanager
def writing(files: list[Path]) -> Iterator[threading.Event]:
    """Append a line to each of these files twice a second, until the event is set."""
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.5):
            for file in files:
                append(file)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield ended
    finally:
        ended.set()
        thread.join()


def make_files(folder: Path, count: int) -> list[Path]:
    """Make so many files of a line each, in DIRECTORIES directories."""
    files = [folder / "logs" / f"d{number % DIRECTORIES:04}" / f"{number:05}.log" for number in range(count)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        append(file)
    return files


def many_streams(folder: Path, url: str, listener: Listener, figures: Figures) -> None:
    """Measure a start with a long memory."""
    registry = Registry(folder / "remembered")
    for first in range(0, STREAMS, BLOCK):
        registry.add([vanished(number, folder) for number in range(first, first + BLOCK)])
    registry.close()
    file = folder / "one.log"
    append(file)
    began = time.perf_counter()
    with shipper(url, "--state", folder / "remembered", file) as pid:
        figures.note(f"start with {STREAMS} remembered streams", listener.beginnings([file]) - began, "s", 3)
        figures.note("resident memory then", resident_mb(pid), "MB")


def vanished(number: int, folder: Path) -> Row:
    """Return a stream whose file is gone."""
    path = folder / "gone" / f"d{number % DIRECTORIES:04}" / f"{number}.log"
    mark = number.to_bytes(16)
    return Row(f"{number:016x}", 1, 10**9 + number, number + 1, str(path), 1000, mark, 1000, mark, 100, mark)


@contextmanager
def shipper(url: str, *arguments: object, descriptors: int | None = None) -> Iterator[int]:
    """Run a shipper, with at most so many descriptors; give its process id."""
    command = [sys.executable, "-m", "shipper", "--broker", url, *map(str, arguments)]
    if descriptors:
        command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
    process = subprocess.Popen(command)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def append(file: Path) -> None:
    """Write a line."""
    with file.open("ab") as opened:
        opened.write(b"2026-11-24 10:00:00,000 INFO [main] shop - a line of ordinary length %s\n" % file.name.encode())


def latency_ms(file: Path, listener: Listener) -> float:
    """Return how long a line takes that is appended now."""
    began = time.perf_counter()
    append(file)
    return (listener.lines(1) - began) * 1000


def percentile(figures: list[float], percent: int) -> float:
    """Return a percentile."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def idle_percent(pid: int) -> float:
    """Return the share of a core that a process uses in the next IDLE_S."""
    before, began = cpu_s(pid), time.perf_counter()
    time.sleep(IDLE_S)
    return 100 * (cpu_s(pid) - before) / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
