"""The page under a burst: `python -m benchmarks.web [SECONDS]`, 60 by default; exits 1 if it misses a goal.

A tab of Chromium shows the live view while `benchmarks.feed` publishes 50,000 records a second, first alone, then with
19 others who look: they read as browsers do, and draw nothing. Shown and skipped records must be exactly those that
were sent. Then a file sink writes the same burst alone, and with a page beside it at which as many look: it has to be
as fast; last a backlog, in turn, when both processors are busy, at nearly the same speed.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.beside_page import IN_BACKLOG, IN_BURST, in_backlog, in_burst
from benchmarks.chromium import Gauge, chromium, opened
from benchmarks.feed import RECORD_BYTES, command
from benchmarks.processes import Figures, Stage, cpu_s, resident_mb
from benchmarks.web_sink import Looker, Served, served
from logbus.broker.topology import OWN_MAX_BATCHES
from logbus.devbroker import DevBroker

RATE = 50_000
FOR_S = 60.0
LOOKERS = (1, 20)
SAMPLE_S = 0.5
SETTLE_WITHIN_S = 60.0
UNACCOUNTED, TASK_MS, TAB_MB, SINK_MB, QUEUE = (
    "records unaccounted for",
    "long tasks, p95, ms",
    "tab, private memory, peak MB",
    "web sink, peak MB",
    "queue, most messages",
)
MOST = {UNACCOUNTED: 0.0, TASK_MS: 200.0, TAB_MB: 200.0, SINK_MB: 150.0, QUEUE: float(OWN_MAX_BATCHES)}
WORTH_LEAST = 0.95
PACE, PACE_LEAST = "records/s", 0.97


@dataclass(slots=True)
class Peaks:
    """The most that was seen of the tab and of the queue."""

    private_mb: float = 0.0
    heap_mb: float = 0.0
    queue: int = 0

    def look(self, gauge: Gauge, page: Served) -> None:
        """Look once, half a second after the time before."""
        gauge.tab.wait_for_timeout(SAMPLE_S * 1000)
        self.private_mb = max(self.private_mb, gauge.private_mb())
        self.heap_mb = max(self.heap_mb, gauge.heap_mb())
        self.queue = max(self.queue, page.queue_messages())


def burst(stage: Stage, lookers: int, for_s: float) -> Figures:
    """Return the figures of a burst, with so many who look, the tab among them."""
    with served(stage, stage.folder()) as page, chromium() as browser:
        gauge = opened(browser, page.url)
        others = [Looker(page.url) for _ in range(lookers - 1)]
        for each in others:
            each.start()
            each.ready.wait(SETTLE_WITHIN_S)
        peaks, before_s, tab_s = Peaks(), cpu_s(page.pid), gauge.cpu_s()
        sent, took_s = fed(stage.broker.url, for_s, gauge, page, peaks)
        missing = settled(gauge, others, page, sent)
        tasks_ms = gauge.long_tasks_ms()
        return {
            "records sent": sent,
            PACE: sent / took_s,
            "shown in the tab": gauge.counts()[0],
            "skipped in the tab, said there": gauge.counts()[1],
            "dropped by RabbitMQ, said in the log": page.bytes_skipped() / RECORD_BYTES,
            UNACCOUNTED: missing,
            "long tasks": len(tasks_ms),
            TASK_MS: percentile(tasks_ms, 95),
            "long tasks, longest, ms": max(tasks_ms, default=0.0),
            TAB_MB: peaks.private_mb,
            "tab, JavaScript heap, peak MB": peaks.heap_mb,
            "tab, % of a core": 100 * (gauge.cpu_s() - tab_s) / took_s,
            SINK_MB: resident_mb(page.pid, peak=True),
            "web sink, % of a core": 100 * (cpu_s(page.pid) - before_s) / took_s,
            QUEUE: peaks.queue,
        }


def fed(url: str, for_s: float, gauge: Gauge, page: Served, peaks: Peaks) -> tuple[int, float]:
    """Let the feed publish, and look meanwhile; return how many records were sent, and in how many seconds."""
    with subprocess.Popen(command(url, RATE, for_s), stdout=subprocess.PIPE) as feed:
        while feed.poll() is None:
            peaks.look(gauge, page)
        said = feed.stdout.read() if feed.stdout else b""
    if feed.returncode:
        raise RuntimeError(f"the feed ended with {feed.returncode}")
    sent, took_s = said.split()
    return int(sent), float(took_s)


def settled(gauge: Gauge, others: list[Looker], page: Served, sent: int) -> int:
    """Wait until all have seen everything, or will not; return the most records that one was not told of."""

    def missing() -> int:
        seen = [sum(gauge.counts()), *(each.accounted for each in others)]
        dropped = page.bytes_skipped() // RECORD_BYTES
        return max(abs(sent - each - dropped) for each in seen)

    for _ in range(int(SETTLE_WITHIN_S / SAMPLE_S)):
        if not missing():
            break
        gauge.tab.wait_for_timeout(SAMPLE_S * 1000)
    return missing()


def percentile(values: list[float], percent: float) -> float:
    """Return a percentile; 0 of none."""
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def missed(figures: Figures) -> Iterator[str]:
    """Yield the goals that figures miss."""
    for name, most in MOST.items():
        if name in figures and figures[name] > most:
            yield f"{name}: {figures[name]:,.1f}, at most {most:,.0f}"
    if figures.get(PACE, RATE) < PACE_LEAST * RATE:
        yield f"{PACE}: {figures[PACE]:,.0f}, less than were to be sent: this machine is too slow or too busy"
    for name in (IN_BURST, IN_BACKLOG):
        if figures.get(name, 1.0) < WORTH_LEAST:
            yield f"{name}: {figures[name]:.2f}, at least {WORTH_LEAST}"


def measured(stage: Stage, for_s: float) -> Iterator[tuple[str, Figures]]:
    """Yield each part's name and figures."""
    for lookers in LOOKERS:
        yield f"{lookers} looking", burst(stage, lookers, for_s)
    for lookers in LOOKERS:
        yield f"a file sink beside, {lookers} looking", in_burst(stage, lookers, RATE, for_s)
    yield "a file sink beside, in a backlog", in_backlog(stage)


def main() -> int:
    """Measure, print; return the exit code."""
    for_s = float(sys.argv[1]) if len(sys.argv) > 1 else FOR_S
    misses: list[str] = []
    with tempfile.TemporaryDirectory(prefix="logbus-web-") as root, DevBroker(Path(root) / "broker") as broker:
        for name, figures in measured(Stage(Path(root), broker), for_s):
            show(name, figures)
            misses += [f"{name}: {each}" for each in missed(figures)]
    return verdict(misses)


def verdict(misses: list[str]) -> int:
    """Print which goals were missed; return the exit code."""
    print("\n".join([*(f"MISSED {each}" for each in misses)] or ["all goals are met"]))
    return 1 if misses else 0


def show(name: str, figures: Figures) -> None:
    """Print figures, as a table and as a line of JSON."""
    table = Table(name, "")
    for each, value in figures.items():
        table.add_row(each, f"{value:,.2f}" if value < 10 else f"{value:,.0f}")  # noqa: PLR2004 - digits that matter
    Console().print(table)
    print(json.dumps({name: figures}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
