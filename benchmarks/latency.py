"""Latency: from the time that each appended line carries until it is in the file sink's output.

Lines are appended at a steady rate, at idle and beside a backlog: another file, which the same shipper is busy with.
What is measured includes the writer's own turn, some tenths of a millisecond.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.backlog import Source
from benchmarks.processes import Stage, await_that, finish
from benchmarks.stopwatch import Stopwatch, percentile_ms

ARCHIVE = '{type: file, path: "{folder}/out/{label}.log"}'
PERCENTILES = (50.0, 99.0, 99.9, 100.0)
PAUSE_S = 0.0002


@dataclass(frozen=True, slots=True)
class Load:
    """Lines a second for so many seconds, and perhaps a backlog beside."""

    rate: int
    for_s: float
    beside: Source | None = None


def measure(stage: Stage, load: Load) -> dict[str, float]:
    """Return p50, p99, p99.9 and the maximum, in milliseconds."""
    folder = stage.folder()
    (folder / "in").mkdir()
    source = folder / "in" / "steady.log"
    with stage.sinks(folder, {"archive": ARCHIVE}), source.open("ab", buffering=0) as file:
        shipper = stage.shipper(folder, f'{{paths: ["{folder}/in/*.log"]}}')
        file.write(b"INFO first\n")
        out = folder / "out" / "steady.log"
        await_that(lambda: out.exists() and out.stat().st_size)
        if load.beside:
            (folder / "in" / "backlog.log").hardlink_to(load.beside.path)
        stopwatch = _append(file.fileno(), out, load)
        if load.beside:
            (folder / "in" / "backlog.log").unlink()
        finish(shipper, stop=True)
    for output in (folder / "out").glob("*.log"):
        output.unlink()
    latencies_us = stopwatch.latencies_us()
    return {f"p{percent:g}, ms": percentile_ms(latencies_us, percent) for percent in PERCENTILES}


def _append(fd: int, out: Path, load: Load) -> Stopwatch:
    """Append at the rate, and look at the output as often as possible."""
    stopwatch = Stopwatch([out], at_most=max(100, 10 * load.rate))
    lines, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < load.for_s:
        due = int(elapsed * load.rate) + 1
        if due > lines:
            _write(fd, lines, due)
            lines = due
        stopwatch.look()
        time.sleep(PAUSE_S)
    await_that(lambda: stopwatch.look() >= lines)
    return stopwatch


def _write(fd: int, first: int, end: int) -> None:

    now_us = time.time_ns() // 1000
    os.write(
        fd, b"".join(b"2026-11-24 10:00:00,000 INFO line %d t=%d\n" % (number, now_us) for number in range(first, end))
    )
