"""How fast is it here? `make bench` (some minutes) or `make bench QUICK=1` (less than one).

Real processes on a private RabbitMQ node, everything on: severities, registry, confirms, a quorum queue, ledger, fsync.

    backlog    a file of 117-byte lines is shipped with --once into a file sink, from the start of the shipper's process
               until the copy is complete; beside it, as the measure of this machine, the same file through a pipe,
               `zstd -1 | zstd -d`. The copy is compared with the source byte for byte.
    latency    lines are appended at a steady rate; from the time that each line carries until it is in the sink's file

Prints a table, and writes benchmarks.json beside it into the folder given, or into a temporary one.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.stopwatch import Stopwatch
from logbus.devbroker import DevBroker

QUICK = os.environ.get("QUICK") == "1"
LINES = 1_000_000 if QUICK else 5_000_000
RUNS = 3 if QUICK else 5
RATES = (1_000,) if QUICK else (1, 100, 1_000, 10_000)
RATE_FOR_S = 5 if QUICK else 15
WITHIN_S = 120.0
LINE_BYTES = 117
BLOCK_LINES = 50_000

Figures = dict[str, list[float]]


def corpus(path: Path, lines: int) -> None:
    """Write `lines` lines of a Java service, 117 bytes each, one in ten no INFO; the same each time."""
    rng = random.Random(1)
    with path.open("wb") as file:
        for first in range(0, lines, BLOCK_LINES):
            file.write(b"".join(_line(number, rng) for number in range(first, min(first + BLOCK_LINES, lines))))


def _line(number: int, rng: random.Random) -> bytes:
    word = rng.choices(("INFO ", "WARN ", "ERROR", "DEBUG"), (90, 5, 3, 2))[0]
    text = (
        f"2026-11-24 10:{number // 60 % 60:02d}:{number % 60:02d},{number % 1000:03d} {word} [worker-{number % 8}] "
        f"com.example.Orders - order {number} took {rng.randint(1, 999)} ms, customer {rng.randint(1, 99_999)}"
    )
    return text.encode()[: LINE_BYTES - 1].ljust(LINE_BYTES - 1, b".") + b"\n"


@contextmanager
def file_sink(folder: Path, url: str) -> Iterator[Path]:
    """Run a file sink with a queue of its own; give the path of its one output."""
    folder.mkdir()
    out = folder / "copy.log"
    arguments = ["file", "--path", str(out), "--state", str(folder / "state"), "--queue", folder.name, "-v"]
    with (folder / "messages").open("wb") as messages:
        sink = subprocess.Popen([sys.executable, "-m", "sinks", *arguments, "--broker", url], stderr=messages)
    try:
        await_that(lambda: b"connected" in (folder / "messages").read_bytes())
        yield out
    finally:
        sink.terminate()
        sink.wait()


def await_that(condition: Callable[[], object]) -> None:
    """Wait until a condition holds. Raises TimeoutError if it does not in two minutes."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it does not come to an end")
        time.sleep(0.002)


def backlog_s(source: Path, folder: Path, url: str) -> float:
    """Ship `source` once; return how long it took until the copy was complete. Raises if it is no copy."""
    with file_sink(folder, url) as out:
        began = time.perf_counter()
        command = [sys.executable, "-m", "shipper", "--once", "--state", str(folder / "registry"), str(source)]
        subprocess.run([*command, "--broker", url], check=True, stderr=subprocess.DEVNULL)
        await_that(lambda: out.exists() and out.stat().st_size >= source.stat().st_size)
        took_s = time.perf_counter() - began
        subprocess.run(["cmp", source, out], check=True)
    delete_queue(folder.name, url)
    out.unlink()
    return took_s


def delete_queue(name: str, url: str) -> None:
    """Delete a benchmark's queue, so that the next one is not routed to it too."""
    import pika  # noqa: PLC0415 - a plain client, for this alone

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().queue_delete(f"logs.{name}")


def reference_s(source: Path, folder: Path) -> float:
    """Return how long the same bytes take through `zstd -1 | zstd -d` into a file."""
    began = time.perf_counter()
    subprocess.run(["sh", "-c", 'zstd -q -1 -c "$0" | zstd -q -d -c > "$1"', source, folder / "reference"], check=True)
    took_s = time.perf_counter() - began
    (folder / "reference").unlink()
    return took_s


def latency(rate: int, folder: Path, url: str) -> Stopwatch:
    """Append `rate` lines a second to a file for a while; return what the stopwatch saw at the sink."""
    source = folder.with_name(f"{folder.name}.log")
    source.touch()
    with file_sink(folder, url) as out, source.open("ab", buffering=0) as file:
        command = [sys.executable, "-m", "shipper", "--state", str(folder / "registry"), str(source), "--broker", url]
        shipper = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        file.write(b"first\n")
        await_that(lambda: out.exists() and out.stat().st_size)
        stopwatch = Stopwatch([out], at_most=10 * rate)
        lines, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < RATE_FOR_S:
            due = int(elapsed * rate) + 1
            file.write(b"".join(b"INFO line %d t=%d\n" % (n, time.time_ns() // 1000) for n in range(lines, due)))
            lines = due
            stopwatch.look()
            time.sleep(0.0002)
        shipper.terminate()
        shipper.wait()
    delete_queue(folder.name, url)
    return stopwatch


def measure(root: Path, url: str) -> Figures:
    """Take every figure; each is a list of runs."""
    source = root / "corpus.log"
    corpus(source, LINES)
    figures: Figures = {}
    for run in range(RUNS):  # alternating, so that both see the same machine
        took_s, reference = backlog_s(source, root / f"backlog-{run}", url), reference_s(source, root)
        figures.setdefault("backlog, million lines/s", []).append(LINES / took_s / 1e6)
        figures.setdefault("backlog, MB/s", []).append(LINES * LINE_BYTES / took_s / 1e6)
        figures.setdefault("zstd -1 | zstd -d, million lines/s", []).append(LINES / reference / 1e6)
        figures.setdefault("backlog, times the wall time of that pipe", []).append(took_s / reference)
    for rate in RATES:
        stopwatch = latency(rate, root / f"latency-{rate}", url)
        for percent in (50, 99, 99.9):
            figures[f"latency at {rate} lines/s, p{percent:g}, ms"] = [stopwatch.percentile_ms(percent)]
    return figures


def report(figures: Figures) -> None:
    """Print a table: the median of each figure, and its spread."""
    table = Table("figure", "median", "from", "to", title=f"Logbus on {os.cpu_count()} cores, {LINES:,} lines")
    for name, runs in figures.items():
        table.add_row(name, *(f"{value:.2f}" for value in (statistics.median(runs), min(runs), max(runs))))
    Console(width=100).print(table)


def main() -> int:
    """Run the benchmarks."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="logbus-bench-"))
    root.mkdir(exist_ok=True)
    with DevBroker(root / "broker") as broker:
        figures = measure(root, broker.url)
    report(figures)
    (root / "benchmarks.json").write_text(json.dumps(figures, indent=2))
    (root / "corpus.log").unlink()
    print(f"figures in {root / 'benchmarks.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
