"""From append to sight: `python -m benchmarks.browser_latency [SECONDS]`, 60 by default; exits 1 if p95 is over 250 ms.

1,000 lines a second are appended to a file, ten at a time; a shipper follows it, and a tab of Chromium shows the live
view. Each line says when it was made, and the tab, on the same machine and by the same clock, notes when its row was
put into the page: when a MutationObserver sees it, which is right before it is painted. Rows that leave again before
they are drawn are not measured, because nobody could see them: `seen` says how many were.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.chromium import Gauge, chromium, opened
from benchmarks.processes import Figures, Stage, await_that, finish
from benchmarks.stopwatch import percentile_ms
from benchmarks.web import show, verdict
from benchmarks.web_sink import served
from logbus.devbroker import DevBroker

FOR_S = 60.0
RATE = 1_000
TICK_S = 0.01
GOAL_MS = 250.0
P95 = "append to visible, p95, ms"
SEEN_ROWS = """
globalThis.latencies = new Map();
const stamp = / t=([0-9]+) /;
addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
  const nowUs = (performance.timeOrigin + performance.now()) * 1000;
  for (const change of changes) for (const row of change.addedNodes) {
    const found = stamp.exec(row.querySelector?.(".message")?.textContent ?? "");
    const number = found && found.input.slice(found.index + found[0].length);
    if (found && !latencies.has(number)) latencies.set(number, nowUs - Number(found[1]));
  }
}).observe(document.getElementById("live-rows"), { childList: true, subtree: true }));
"""


def measure(stage: Stage, for_s: float) -> Figures:
    """Return how long lines took, in milliseconds."""
    folder = stage.folder()
    (folder / "in").mkdir()
    source = folder / "in" / "steady.log"
    source.touch()
    with served(stage, folder) as page, chromium() as browser:
        gauge = opened(browser, page.url, SEEN_ROWS)
        shipper = stage.shipper(folder, f'{{paths: ["{source}"]}}')
        with source.open("ab", buffering=0) as file:
            file.write(b"INFO first\n")
            gauge.tab.locator(".row").first.wait_for()
            lines = append(file.fileno(), gauge, for_s)
        await_that(lambda: _arrived(gauge, lines), within_s=60.0)
        latencies_us = [int(each) for each in gauge.tab.evaluate("[...latencies.values()]")]
        finish(shipper, stop=True)
    return {
        "lines": lines,
        "seen": len(latencies_us),
        **{f"append to visible, p{each}, ms": percentile_ms(latencies_us, each) for each in (50, 95, 99)},
        "append to visible, longest, ms": percentile_ms(latencies_us, 100),
    }


def append(fd: int, gauge: Gauge, for_s: float) -> int:
    """Append at the rate, and let the tab breathe meanwhile; return how many lines were written."""
    lines, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < for_s:
        due = int(elapsed * RATE) + 1
        now_us = time.time_ns() // 1000
        os.write(fd, b"".join(b"INFO request served t=%d %d\n" % (now_us, each) for each in range(lines, due)))
        lines = due
        gauge.tab.wait_for_timeout(max(0.0, TICK_S - (time.perf_counter() - began - elapsed)) * 1000)
    return lines


def _arrived(gauge: Gauge, lines: int) -> bool:
    """Return True once the tab was told of all lines, and of the first one."""
    gauge.tab.wait_for_timeout(100)
    return sum(gauge.counts()) > lines


def main() -> int:
    """Measure, print; return the exit code."""
    for_s = float(sys.argv[1]) if len(sys.argv) > 1 else FOR_S
    with tempfile.TemporaryDirectory(prefix="logbus-seen-") as root, DevBroker(Path(root) / "broker") as broker:
        figures = measure(Stage(Path(root), broker), for_s)
    show(f"{RATE:,} lines/s", figures)
    return verdict([f"{P95}: {figures[P95]:,.0f}, at most {GOAL_MS:,.0f}"] if figures[P95] > GOAL_MS else [])


if __name__ == "__main__":
    sys.exit(main())
