"""What the index costs a file sink: the same backlog with it and without, in turn, then batches of one line.

    python -m benchmarks.index [PAIRS]

Printed: processor time of the sink for a GB or a batch, and the index's size against the content.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import backlog, small_batches
from benchmarks.processes import Stage
from logbus.devbroker import DevBroker

PAIRS = 10
BACKLOG_BYTES = 1_000_000_000
SMALL_BATCHES = 200_000
HOSTS = 100
KEPT = '{type: file, path: "{folder}/copy.log", index: true}'
WITHOUT = '{type: file, path: "{folder}/copy.log", index: false}'


def backlogs(stage: Stage, source: backlog.Source, *, kept: bool) -> tuple[float, float]:
    """Ship the backlog; return the sink's processor time for a GB, and the index's share of the content."""
    sink = KEPT if kept else WITHOUT
    took = backlog.ship(stage, backlog.Variant("index", sinks=(("archive", sink),)), source)
    return took["sinks, CPU s/GB"], index_bytes(stage) / source.size


def index_bytes(stage: Stage) -> int:
    """Return the size of the index of the last run, 0 without one."""
    return sum(path.stat().st_size for path in (stage.root / f"run-{stage.turn}").rglob("index.db*"))


def trickle(stage: Stage, *, kept: bool) -> tuple[float, float]:
    """Write batches of one line; return the sink's processor time for one in us, and the index's share."""
    sink = f"{small_batches.ARCHIVE[:-1]}, index: {str(kept).lower()}}}"
    cost = small_batches.measure(stage, SMALL_BATCHES, HOSTS, sink)
    written = sum(path.stat().st_size for path in (stage.root / f"run-{stage.turn}" / "out").rglob("*.log"))
    return cost.cpu_us, index_bytes(stage) / written


def compare(what: str, pairs: list[tuple[float, float, float]]) -> None:
    """Print what one kind of run cost: with the index, without, and the index's share."""
    costs = [100 * (kept / without - 1) for kept, without, _ in pairs]
    kept, without = (statistics.median(pair[column] for pair in pairs) for column in (0, 1))
    share = 100 * pairs[-1][2]
    print(f"{what}: {kept:.3f} with, {without:.3f} without: {statistics.median(costs):+.1f} % (median of {len(pairs)})")
    print(f"{what}: the index has {share:.3f} % of the content", flush=True)


def main() -> int:
    """Measure pairs, each kind first in every other one."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with tempfile.TemporaryDirectory(prefix="logbus-index-") as root, DevBroker(Path(root) / "broker") as broker:
        stage = Stage(Path(root), broker)
        source = backlog.make(stage.root, "log4j", BACKLOG_BYTES)
        compare("backlog, CPU s/GB", in_turn(count, partial(backlogs, stage, source)))
        compare("one line, CPU us/batch", in_turn(count, partial(trickle, stage)))
    return 0


def in_turn(count: int, run: Callable[..., tuple[float, float]]) -> list[tuple[float, float, float]]:
    """Run pairs; return for each what it took with the index, and without, and the index's share of the content."""
    pairs = []
    for turn in range(count):
        found = {kept: run(kept=kept) for kept in ((True, False) if turn % 2 else (False, True))}
        pairs.append((found[True][0], found[False][0], found[True][1]))
    return pairs


if __name__ == "__main__":
    sys.exit(main())
