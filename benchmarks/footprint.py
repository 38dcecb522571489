"""Footprint: what a shipper that follows so many files costs, when nothing is written and at 1,000 lines a second.

And how long it takes from the start of its process until the first line is at the sink.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Stage, await_that, cpu_s, finish, resident_mb

ARCHIVE = '{type: file, path: "{folder}/out/all.log"}'
RATE = 1_000
TICK_S = 0.01


@dataclass(frozen=True, slots=True)
class Files:
    """How many files, and for how long each state is watched."""

    count: int
    for_s: float


def measure(stage: Stage, files: Files) -> dict[str, float]:
    """Return memory (MB) and processor use (percent of a core) of the shipper, idle and busy; and how it started."""
    folder = stage.folder()
    (folder / "in").mkdir()
    paths = [folder / "in" / f"{number}.log" for number in range(files.count)]
    for number, path in enumerate(paths):
        path.write_bytes(b"INFO the first line of file %d\n" % number)
    expected = sum(path.stat().st_size for path in paths)
    with stage.sinks(folder, {"archive": ARCHIVE}):
        out, began = folder / "out" / "all.log", time.perf_counter()
        shipper = stage.shipper(folder, f'{{paths: ["{folder}/in/*.log"]}}')
        await_that(lambda: out.exists() and out.stat().st_size)
        first_s = time.perf_counter() - began
        await_that(lambda: out.stat().st_size >= expected)
        time.sleep(1.0)  # what the start left to do: saving, closing
        idle = _percent(shipper, files.for_s)
        idle_mb = resident_mb(shipper)
        busy = _busy(shipper, paths[:100], files.for_s)
        busy_mb = resident_mb(shipper)
        finish(shipper, stop=True)
    return {
        "start to first line, s": first_s, "idle, % of a core": idle, "idle, MB": idle_mb, "busy, % of a core": busy,
        "busy, MB": busy_mb,
    }  # fmt: skip


def _percent(pid: int, for_s: float) -> float:
    before = cpu_s(pid)
    time.sleep(for_s)
    return 100 * (cpu_s(pid) - before) / for_s


def _busy(pid: int, paths: list[Path], for_s: float) -> float:
    """Append at the rate, in turn to each of the files, a hundred times a second; return percent of a core."""
    descriptors = [os.open(path, os.O_WRONLY | os.O_APPEND) for path in paths]
    before, began, turn = cpu_s(pid), time.perf_counter(), 0
    line = b"2026-11-24 10:00:00,000 INFO [worker-1] com.example.Orders - order 4711 took 12 ms\n"
    while time.perf_counter() - began < for_s:
        os.write(descriptors[turn % len(descriptors)], line * int(RATE * TICK_S))
        turn += 1
        time.sleep(max(0.0, began + turn * TICK_S - time.perf_counter()))
    for fd in descriptors:
        os.close(fd)
    return 100 * (cpu_s(pid) - before) / for_s
