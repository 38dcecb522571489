"""A file sink with a page beside it and without: in the burst that the page is measured with, and in a backlog.

In the burst, records come at a rate, and a sink that keeps up is as fast as without; its processor time for a record
tells what the page costs it. In a backlog the machine has nothing left: what the page takes, others lack.
"""

import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks import backlog, feed
from benchmarks.processes import Figures, Stage, await_that, cpu_s
from benchmarks.web_sink import Looker, url_in

PAIRS = 5
BACKLOG_BYTES = 1_000_000_000
PAGE: Final = '{type: web, listen: "127.0.0.1:0"}'
BESIDE = replace(backlog.EVERYTHING, sinks=(("archive", backlog.ARCHIVE), ("page", PAGE)))
IN_BURST: Final = "file sink in the burst, times as fast as alone"
IN_BACKLOG: Final = "file sink, times as fast as alone"
READY_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file sink did with a burst: records a second up to its last byte, and processor time for each."""

    records_a_s: float
    cpu_us: float


def in_burst(stage: Stage, lookers: int, rate: int, for_s: float) -> Figures:
    """Return how fast a file sink is in a burst beside a page with so many who look, and without a page."""
    alone, both = (burst(stage, each, rate, for_s) for each in (0, lookers))
    return {
        "file sink alone, records/s": alone.records_a_s,
        "file sink beside the page, records/s": both.records_a_s,
        IN_BURST: both.records_a_s / alone.records_a_s,
        "file sink alone, CPU us/record": alone.cpu_us,
        "file sink beside the page, CPU us/record": both.cpu_us,
    }


def burst(stage: Stage, lookers: int, rate: int, for_s: float) -> Kept:
    """Let a file sink write a burst, without a page if nobody looks."""
    folder = stage.folder()
    kinds = {"archive": '{type: file, path: "{folder}/copy.log"}', **({"page": PAGE} if lookers else {})}
    with stage.sinks(folder, kinds) as pids:
        for each in [look(folder / "page.txt") for _ in range(lookers)]:
            each.ready.wait(READY_WITHIN_S)
        before_s = cpu_s(pids["archive"])
        records, took_s = fed(stage.broker.url, rate, for_s, folder / "copy.log")
        return Kept(records / took_s, (cpu_s(pids["archive"]) - before_s) / records * 1e6)


def fed(url: str, rate: int, for_s: float, copy: Path) -> tuple[int, float]:
    """Publish a burst, and wait until it is in the copy; return its records, and in how many seconds it was there."""
    said = subprocess.run(feed.command(url, rate, for_s), stdout=subprocess.PIPE, check=True).stdout.split()
    records, took_s = int(said[0]), float(said[1])
    began_s = time.perf_counter()
    await_that(lambda: copy.stat().st_size >= records * feed.RECORD_BYTES)
    return records, took_s + time.perf_counter() - began_s


def look(messages: Path) -> Looker:
    """Look at the page of a sink as soon as it says where that is."""
    await_that(lambda: messages.exists() and "ready: listening" in messages.read_text(), pause_s=0.05)
    looker = Looker(url_in(messages))
    looker.start()
    return looker


def in_backlog(stage: Stage) -> Figures:
    """Return how fast a file sink writes a backlog with a page beside it, and alone: medians of runs in turn."""
    source = backlog.make(stage.folder(), "log4j", BACKLOG_BYTES)
    alone, both = [], []
    for _ in range(PAIRS):
        alone.append(backlog.ship(stage, backlog.EVERYTHING, source)["MB/s"])
        both.append(_looked_at(stage, source))
    ratios = [with_page / without for with_page, without in zip(both, alone, strict=True)]
    return {
        "file sink alone, MB/s": statistics.median(alone),
        "file sink beside the page, MB/s": statistics.median(both),
        IN_BACKLOG: statistics.median(ratios),
        "  the least of the pairs": min(ratios),
        "  the most": max(ratios),
    }


def _looked_at(stage: Stage, source: backlog.Source) -> float:
    """Ship beside a page at which somebody looks; return MB/s of the file sink."""
    messages = stage.root / f"run-{stage.turn + 1}" / "page.txt"
    threading.Thread(target=look, args=(messages,), daemon=True).start()
    return backlog.ship(stage, BESIDE, source)["MB/s"]
