"""The demo: applications write, a shipper ships, three sinks receive; then the books are balanced.

    make demo            about 20 seconds, then a table; exits 1 if the figures do not agree
    make demo KEEP=1     the same, and everything is left running, with its URLs and folders printed

Real processes throughout: a private RabbitMQ node, one shipper daemon, three sink daemons, and the web page, whose URL
and token are printed at the start. Four applications write at a visible pace; on the way one of their files is rotated,
and a burst of lines is written at once.
"""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.table import Table

from benchmarks.applications import APPLICATIONS, SEVERITIES, Generator, Line
from benchmarks.demo_programs import (
    PAGE,
    SINKS,
    Page,
    Process,
    await_page,
    await_sinks,
    configure,
    console_output,
    lines_of,
    start,
    start_sink,
)
from benchmarks.stopwatch import Stopwatch, percentile_ms
from logbus.devbroker import DevBroker

PACE_S = 0.02
WRITE_FOR_S = 15.0
ROTATE_AT_S = 6.0
BURST_AT_S = 10.0
BURST_LINES = 20_000
BURST_US = 1_000_000
"""How long lines may have to wait behind the burst."""
SETTLE_WITHIN_S = 30.0
SELECTED = frozenset({"err", "warning"})
SHOWN_OF_BURST = 5


@dataclass(slots=True)
class Books:
    """What was written, and what the console was seen to print; `burst_us`: the time during and after the burst."""

    files: dict[str, bytearray] = field(default_factory=lambda: {name: bytearray() for name in APPLICATIONS})
    severities: Counter[str] = field(default_factory=Counter)
    selected: int = 0
    shown: int = 0
    burst_us: range = range(0)

    @property
    def written(self) -> int:
        """Lines written so far."""
        return sum(self.severities.values())


def relay(source: BinaryIO, books: Books) -> None:
    """Copy the console sink's lines to our own output, and count them; of a burst show only a part."""
    second, shown = 0, 0
    for line in lines_of(source):
        books.shown += 1
        if int(time.monotonic()) != second:
            second, shown = int(time.monotonic()), 0
        shown += 1
        if shown <= (1 / PACE_S) + SHOWN_OF_BURST:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


class Applications:
    """Writes the applications' files, one open file each, as they would."""

    def __init__(self, folder: Path, books: Books) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._books = books
        self._generator = Generator()
        self._open = {name: (folder / f"{name}.log").open("ab", buffering=0) for name in APPLICATIONS}

    def make(self, application: str, lines: int = 1) -> list[Line]:
        """Return lines that are written now."""
        return [self._generator.line(application, time.time_ns() // 1000) for _ in range(lines)]

    def write(self, application: str, made: list[Line]) -> None:
        """Append lines in one write."""
        data = b"".join(line.data for line in made)
        self._open[application].write(data)
        self._books.files[application] += data
        self._books.severities.update(line.severity for line in made)
        self._books.selected += sum(line.severity in SELECTED for line in made)

    def rotate(self, application: str) -> None:
        """Rename the file, as logrotate does, and begin a new one."""
        path = self._folder / f"{application}.log"
        path.rename(self._folder / f"{application}.log.1")
        self._open[application] = path.open("ab", buffering=0)


def run(applications: Applications, books: Books, stopwatch: Stopwatch) -> None:
    """Write for a while, with one rotation and one burst on the way, and watch the archive."""
    burst = [replace(line, data=line.data.replace(b" t=", b" made=")) for line in applications.make("web", BURST_LINES)]
    began = time.monotonic()
    due, rotated, turn = 0.0, False, 0
    while (elapsed := time.monotonic() - began) < WRITE_FOR_S:
        stopwatch.look()
        if elapsed >= due:
            application = list(APPLICATIONS)[turn % len(APPLICATIONS)]
            applications.write(application, applications.make(application))
            due, turn = due + PACE_S, turn + 1
        if elapsed >= ROTATE_AT_S and not rotated:
            applications.rotate("shop")
            rotated = True
        if elapsed >= BURST_AT_S and burst:
            now_us = time.time_ns() // 1000
            books.burst_us = range(now_us, now_us + BURST_US)
            applications.write("web", burst)
            burst = []
        time.sleep(0.0003)


def lines_in(folder: Path) -> list[bytes]:
    """Return all lines of a folder's files."""
    return [line for path in sorted(folder.glob("*.log")) for line in path.read_bytes().splitlines()]


def settled(root: Path, books: Books) -> bool:
    """Return True if everything has arrived, as far as counts tell."""
    archived, selected = len(lines_in(root / "archive")), len(lines_in(root / "errors"))
    return archived >= books.written and selected >= books.selected and books.shown >= books.written


def wait_until_settled(root: Path, books: Books) -> None:
    """Wait until everything has arrived, or until it is clear that it will not."""
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while not settled(root, books) and time.monotonic() < deadline:
        time.sleep(0.1)


def balance(root: Path, books: Books, stopwatch: Stopwatch) -> bool:
    """Print the table; return whether the books balance."""
    source = [line for data in books.files.values() for line in bytes(data).splitlines()]
    archive, errors = lines_in(root / "archive"), lines_in(root / "errors")
    lost = sum((Counter(source) - Counter(archive)).values())
    duplicated = sum((Counter(archive) - Counter(source)).values())
    held = {path.stem: path.read_bytes() for path in (root / "archive").glob("*.log")}
    in_order = held == books.files
    calm_us = stopwatch.latencies_us(but=books.burst_us)
    table = Table(title="Logbus demo", show_header=False)
    for name, value in (
        ("lines written", f"{books.written:,}"),
        ("  by severity", ", ".join(f"{word} {books.severities[word]:,}" for word in SEVERITIES)),
        ("console sink printed", f"{books.shown:,}"),
        ("file sink holds", f"{len(archive):,}"),
        (f"severity sink holds (of {books.selected:,})", f"{len(errors):,}"),
        ("lost", f"{lost:,}"),
        ("duplicated", f"{duplicated:,}"),
        ("files equal to their sources, byte for byte", "yes" if in_order else "NO"),
        ("append to sink, p50", f"{percentile_ms(calm_us, 50):.1f} ms"),
        ("append to sink, p99", f"{percentile_ms(calm_us, 99):.1f} ms"),
        (f"  with the burst of {BURST_LINES:,} lines at once", f"{percentile_ms(stopwatch.latencies_us(), 99):.1f} ms"),
    ):
        table.add_row(name, value)
    Console().print(table)
    counts = {len(source), len(archive), books.shown, books.written}
    return in_order and lost == duplicated == 0 and len(counts) == 1 and len(errors) == books.selected


def main() -> int:
    """Run the demo; return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, as after Ctrl-C
    keep = os.environ.get("KEEP") == "1"
    root = Path(tempfile.mkdtemp(prefix="logbus-demo-"))
    broker = DevBroker(root / "broker")
    processes: list[Process] = []
    code = 1
    try:
        code = demonstrate(root, broker, processes, keep=keep)
    finally:
        signal.signal(signal.SIGTERM, lambda *_: None)  # it is ending
        if not keep:
            end(processes)
            broker.stop()
    if code:
        print(f"the books do not balance: files and messages are in {root}")
    elif not keep:
        shutil.rmtree(root)
    return code


def end(processes: list[Process]) -> None:
    """Ask processes to stop, and wait until they have."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(timeout=30)


def demonstrate(root: Path, broker: DevBroker, processes: list[Process], *, keep: bool) -> int:
    """Start everything, write, wait, balance."""
    print(f"starting a private RabbitMQ in {root} ...", flush=True)
    configure(root, broker.start())
    books = Books()
    applications = Applications(root / "apps", books)
    page = start_sinks(root, processes, books)
    print(page, flush=True)
    processes.append(start(root, "shipper", "--config", str(root / "shipper.yml")))
    stopwatch = Stopwatch(root / "archive" / f"{name}.log" for name in APPLICATIONS)
    run(applications, books, stopwatch)
    wait_until_settled(root, books)
    good = balance(root, books, stopwatch)
    if keep:
        leave(root, broker, processes)
        print(page)
    return 0 if good else 1


def start_sinks(root: Path, processes: list[Process], books: Books) -> Page | str:
    """Start the sinks, and wait until they listen; return the page, or why there is none."""
    screen, shown = console_output()
    processes += [start_sink(root, name, screen if name == "console" else None) for name in (*SINKS, PAGE)]
    os.close(screen)
    threading.Thread(target=relay, args=(shown, books), daemon=True).start()
    await_sinks(root)
    return await_page(root, processes[-1])


def leave(root: Path, broker: DevBroker, processes: list[Process]) -> None:
    """End the console, whose screen ends with us; say where the rest is, and how to stop it."""
    console, *others = processes
    end([console])
    running = " ".join(str(each.pid) for each in others if each.poll() is None)
    print(f"left running: broker {broker.url}, everything in {root}")
    print(f"stop it with: kill {running}; python -m logbus.devbroker stop --dir {broker.dir}")


if __name__ == "__main__":
    sys.exit(main())
