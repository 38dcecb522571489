"""How fast are records written as JSON, with times and fields? Records per second on one core, by the shape of lines.

    python -m benchmarks.objects [FILE]

`console` is what `logbus-sinks console --json` does with a batch, `file` what a file sink does with `format: json`.
Only that is measured, in CPU time: no broker, no file. FILE has records of your own, one a line. Exits 1 if lines that
are JSON objects are below 250,000 records/s in either.
"""

import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.fields import NAMES, corpus
from logbus.batch import Batch
from logbus.severity import classify
from logbus.wire.times import Times
from sinks.console.json_lines import as_json
from sinks.file import wrapping

GOAL: Final = 250_000
RUNS: Final = 5
OBJECTS: Final = ("object of 6 keys", "object of 10 keys", "JSON, level first", "JSON, level last")
READ_US: Final = 1_795_600_000_000_000


def batch_of(records: list[bytes]) -> Batch:
    """Return a batch of lines, as a shipper makes it."""
    body = b"".join(record + b"\n" for record in records)
    times = Times("UTC", READ_US, READ_US)
    where = {"stream": "0123456789abcdef", "end": len(body), "read_at_us": READ_US, "times": times}
    return Batch(body, classify(body), "web-1", "app", "/var/log/app.log", fields={"team": "shop"}, **where)  # type: ignore[arg-type]


def per_second(batch: Batch, write: Callable[[Batch], object]) -> float:
    """Return the best rate of some runs."""
    return len(batch.levels) / min(_took_s(batch, write) for _ in range(RUNS))


def _took_s(batch: Batch, write: Callable[[Batch], object]) -> float:
    began = time.process_time()
    write(batch)
    return time.process_time() - began


def _to_file(batch: Batch) -> None:
    deque(wrapping.as_json(batch), maxlen=0)


def report(name: str, records: list[bytes]) -> float:
    """Measure and print one shape; return the lower rate of console and file."""
    batch = batch_of(records)
    rates = [per_second(batch, as_json), per_second(batch, _to_file)]
    print(f"{name:<20}{rates[0]:>14,.0f}{rates[1]:>14,.0f}", flush=True)
    return min(rates)


def main() -> int:
    """Measure, print, and judge the objects."""
    print(f"{'records/s':<20}{'console':>14}{'file':>14}")
    if sys.argv[1:]:
        report("yours", Path(sys.argv[1]).read_bytes().splitlines())
        return 0
    slow = [name for name in OBJECTS if report(name, corpus(name)) < GOAL]
    for name in (name for name in NAMES if name not in OBJECTS):
        report(name, corpus(name))
    if slow:
        print(f"below {GOAL:,} records/s: {', '.join(slow)}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
