"""How fast are event times read? Nanoseconds a line on one core, by the shape of lines.

    python -m benchmarks.event_times [FILE]

`at once` is what sinks, searches and the index do with a batch, `one by one` what any line takes that the frequent
patterns do not know, and `by themselves` how many lines of the file that are. FILE has lines of your own.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import shapes
from logbus.eventtime import TimeRules, event_times, event_times_us, rules_told
from logbus.eventtime.many import read_by_themselves

BYTES: Final = 2_000_000
RUNS: Final = 5
FEW: Final = 2_000
READ_US: Final = 1_795_600_000_000_000


def main() -> int:
    """Measure the shapes of the benchmarks, or a file."""
    rules = rules_told("UTC", "", "", READ_US)
    print(f"{'':<20}{'at once':>10}{'one by one':>12}{'by themselves':>15}")
    if len(sys.argv) > 1:
        report(Path(sys.argv[1]).name, Path(sys.argv[1]).read_bytes()[:BYTES], rules)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for shape in (*shapes.SHAPES, *shapes.OTHERS):
            path = Path(folder) / "lines"
            shapes.write(path, shape, BYTES)
            report(shape, path.read_bytes(), rules)
    return 0


def report(name: str, body: bytes, rules: TimeRules) -> None:
    """Measure and print one shape."""
    body = body[: body.rfind(b"\n") + 1]
    lines = body.splitlines(keepends=True)
    few = lines[:FEW]
    at_once = best_s(lambda: event_times_us(body, len(lines), rules)) / len(lines)
    singly = best_s(lambda: event_times(few, rules)) / len(few)
    share = read_by_themselves(body, len(lines), rules) / len(lines)
    print(f"{name:<20}{at_once * 1e9:7.0f} ns{singly * 1e9:9.0f} ns{share:15.0%}", flush=True)


def best_s(work: Callable[[], object]) -> float:
    """Return the least processor time of some runs, in seconds."""
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
