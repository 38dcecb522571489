"""What the index costs a file sink: the same backlog with it and without, in turn; then batches of one line, at once.

    python -m benchmarks.index [PAIRS]

Printed: processor time of the sink for a GB or a batch, that of the thread that keeps the index, and the index's size
against the content. Runs with and without in turn differ by more than the index takes; its thread's time tells it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree

from benchmarks import backlog, small_batches
from benchmarks.processes import Stage, cpu_s
from logbus.devbroker import DevBroker

PAIRS = 10
BACKLOG_BYTES = 1_000_000_000
SMALL_BATCHES = 200_000
HOSTS = 100
KEPT = '{type: file, path: "{folder}/copy.log", index: true}'
WITHOUT = '{type: file, path: "{folder}/copy.log", index: false}'


SAVED_S = 1.5
"""Behind the last commit, its rows are saved within this time."""


@dataclass(slots=True)
class Watching(Stage):
    """Also measures the processor time of a sink's threads but its first, once it runs: `thread_s`, of the latest."""

    thread_s: float = 0.0

    @contextmanager
    def sinks(self, folder: Path, kinds: dict[str, str], module: str = "sinks") -> Iterator[dict[str, int]]:
        """Run sinks as `Stage` does, a little longer."""
        with Stage.sinks(self, folder, kinds, module) as pids:
            before_s = _index_s(pids)
            yield pids
            time.sleep(SAVED_S)
            self.thread_s = _index_s(pids) - before_s


def _index_s(pids: dict[str, int]) -> float:
    return sum(cpu_s(pid, but_first=True) for pid in pids.values())


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took of a processor, and of that the index's thread; and the index's size by that of the content."""

    cpu: float
    thread_cpu: float
    share: float


def backlogs(stage: Watching, source: backlog.Source, *, kept: bool) -> Cost:
    """Ship the backlog; return the cost of a GB in seconds."""
    variant = backlog.Variant("index", sinks=(("archive", KEPT if kept else WITHOUT),))
    took = backlog.ship(stage, variant, source)
    return Cost(took["sinks, CPU s/GB"], stage.thread_s * 1e9 / source.size, index_bytes(stage) / source.size)


def index_bytes(stage: Stage) -> int:
    """Return the size of the index of the last run, 0 without one."""
    return sum(path.stat().st_size for path in (stage.root / f"run-{stage.turn}").rglob("index.db*"))


def trickles(stage: Watching) -> tuple[Cost, Cost]:
    """Write batches of one line, with an index and without, at once; return the costs of one in us."""
    keys = {"kept": ", index: true", "without": ", index: false"}
    costs = small_batches.measure(stage, SMALL_BATCHES, HOSTS, keys)
    run = stage.root / f"run-{stage.turn}"
    written = sum(path.stat().st_size for path in (run / "out-kept").rglob("*.log"))
    found = Cost(costs["kept"].cpu_us, stage.thread_s * 1e6 / SMALL_BATCHES, index_bytes(stage) / written)
    rmtree(run)
    return found, Cost(costs["without"].cpu_us, 0.0, 0.0)


def compare(what: str, pairs: list[tuple[Cost, Cost]]) -> None:
    """Print what one kind of run cost: with the index, and without."""
    more = statistics.median(100 * (kept.cpu / without.cpu - 1) for kept, without in pairs)
    with_it, without = (statistics.median(each.cpu for each in run) for run in zip(*pairs, strict=True))
    thread = statistics.median(kept.thread_cpu for kept, _ in pairs)
    print(f"{what}: {with_it:.3f} with, {without:.3f} without: {more:+.1f} % (median of {len(pairs)})")
    print(f"{what}: {thread:.3f} are its thread's, {100 * thread / with_it:.1f} %")
    print(f"{what}: the index has {100 * pairs[-1][0].share:.3f} % of the content", flush=True)


def main() -> int:
    """Measure pairs, each kind first in every other one."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with tempfile.TemporaryDirectory(prefix="logbus-index-") as root, DevBroker(Path(root) / "broker") as broker:
        stage = Watching(Path(root), broker)
        source = backlog.make(stage.root, "log4j", BACKLOG_BYTES)
        compare("backlog, CPU s/GB", in_turn(count, partial(backlogs, stage, source)))
        compare("one line, CPU us/batch", [trickles(stage) for _ in range(count)])
    return 0


def in_turn(count: int, run: Callable[..., Cost]) -> list[tuple[Cost, Cost]]:
    """Run pairs; return for each what it took with the index, and without."""
    pairs = []
    for turn in range(count):
        found = {kept: run(kept=kept) for kept in ((True, False) if turn % 2 else (False, True))}
        pairs.append((found[True], found[False]))
    return pairs


if __name__ == "__main__":
    sys.exit(main())
