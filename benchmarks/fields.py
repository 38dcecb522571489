"""How fast are records parsed? Records per second on one core, message and fields of each, by the shape of the lines.

    python -m benchmarks.fields [FILE]

FILE has records of your own, one a line. Each record is dropped once it is parsed, in CPU time; `bytes` is the mean
of a record. Exits 1 if objects of 6 to 10 keys are below 400,000 records/s.
"""

import itertools
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

from benchmarks import shapes
from logbus.fields import parse_all

GOAL: Final = 400_000
RECORDS: Final = 20_000
RUNS: Final = 5
NAMES: Final = (
    "JSON, level first", "docker, JSON", "CRI, JSON", "logfmt", "log4j", "Spring Boot", "Rust tracing", "Python",
    "nginx error", "access log", "syslog", "syslog with PRI", "klog", "zap console", "PostgreSQL", "CRI, log4j",
    "plain",
)  # fmt: skip


def flat_object(each: shapes.Record, keys: int) -> str:
    """Return an object of so many keys, of which one is the message."""
    fields: dict[str, str | int] = {
        "time": each.time("T", ".") + "Z",
        "level": shapes.WORD[each.level],
        "msg": each.text[:60],
        "pid": 4711,
        "hostname": f"web-{each.thread}",
        "took_ms": each.at_us % 997,
        "trace_id": f"{each.at_us:016x}",
        "user": each.thread,
        "path": f"/orders/{each.at_us % 997}",
        "ok": each.thread % 2,
    }
    return json.dumps(dict(itertools.islice(fields.items(), keys)), separators=(",", ":"))


def corpus(shape: str) -> list[bytes]:
    """Return the records of a shape, the same each time."""
    some = itertools.islice(shapes.records(1), RECORDS)
    if shape.startswith("object of "):
        keys = int(shape.split()[2])
        return [flat_object(each, keys).encode() for each in some]
    return [shapes.SHAPES[shape](each).encode() for each in some]


def per_second(records: list[bytes]) -> float:
    """Return the best rate of some runs."""
    return len(records) / min(_took_s(records) for _ in range(RUNS))


def _took_s(records: list[bytes]) -> float:
    began = time.process_time()
    deque(parse_all(records), maxlen=0)
    return time.process_time() - began


def report(name: str, records: list[bytes]) -> float:
    """Measure and print one shape; return its rate."""
    rate = per_second(records)
    print(f"{name:<20}{sum(map(len, records)) / len(records):>7,.0f}{rate:>14,.0f}", flush=True)
    return rate


def main() -> int:
    """Measure, print, and judge the objects."""
    print(f"{'shape':<20}{'bytes':>7}{'records/s':>14}")
    if sys.argv[1:]:
        report("yours", Path(sys.argv[1]).read_bytes().splitlines())
        return 0
    slow = [name for name in ("object of 6 keys", "object of 10 keys") if report(name, corpus(name)) < GOAL]
    for name in NAMES:
        report(name, corpus(name))
    if slow:
        print(f"below {GOAL:,} records/s: {', '.join(slow)}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
