"""What a search costs a file sink that writes at full speed: the same backlog alone, and while its archive is searched.

    python -m benchmarks.search_beside [PAIRS]

One search after the other reads all that is there, with the index, while the sink writes it. Printed: speed and the
sink's processor time for a GB, alone and beside the searches. If neither waits for the other, the processor time stays
as it is, and the speed falls by no more than a fair share of the cores does.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import backlog
from benchmarks.processes import Stage
from logbus.devbroker import DevBroker

PAIRS = 5
BACKLOG_BYTES = 585_000_000
COMMAND = (sys.executable, "-m", "sinks", "search", "--count", "no such word", "--config")
PAUSE_S = 0.05


@contextmanager
def searching(config: Path, *, wanted: bool) -> Iterator[list[int]]:
    """Search the archive of a configuration again and again, as soon as it is there; gives the exit codes."""
    codes: list[int] = []
    done = threading.Event()

    def run() -> None:
        while not done.wait(PAUSE_S):
            if config.with_name("copy.log").exists():
                null = subprocess.DEVNULL
                codes.append(subprocess.run([*COMMAND, config], check=False, stdout=null, stderr=null).returncode)

    thread = threading.Thread(target=run)
    if wanted:
        thread.start()
    try:
        yield codes
    finally:
        done.set()
        if wanted:
            thread.join()


def once(stage: Stage, source: backlog.Source, *, beside: bool) -> tuple[float, float, int]:
    """Ship the backlog; return MB/s, the sink's processor time for a GB, and how many searches ran."""
    config = stage.root / f"run-{stage.turn + 1}" / "sinks.yml"
    with searching(config, wanted=beside) as codes:
        took = backlog.ship(stage, backlog.EVERYTHING, source)
    if any(code not in {0, 1} for code in codes[:-1]):  # the last one may have met the end of the archive
        raise RuntimeError(f"searches ended with {codes}")
    return took["MB/s"], took["sinks, CPU s/GB"], len(codes)


def main() -> int:
    """Measure pairs, each kind first in every other one."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    found: dict[bool, list[tuple[float, float, int]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="logbus-beside-") as root, DevBroker(Path(root) / "broker") as broker:
        stage = Stage(Path(root), broker)
        source = backlog.make(stage.root, "log4j", BACKLOG_BYTES)
        for turn in range(pairs):
            for beside in (False, True) if turn % 2 else (True, False):
                found[beside].append(once(stage, source, beside=beside))
    for beside, runs in found.items():
        speed, cpu_s, searches = (statistics.median(each[column] for each in runs) for column in range(3))
        name = "beside" if beside else "alone"
        print(f"{name}: {speed:.0f} MB/s, sink {cpu_s:.2f} s/GB, {searches:.0f} searches a run")
    ratios = [one[0] / other[0] for one, other in zip(found[True], found[False], strict=True)]
    least, most = min(ratios), max(ratios)
    print(f"beside / alone: {statistics.median(ratios):.2f} ({least:.2f} to {most:.2f}), {os.cpu_count()} CPUs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
