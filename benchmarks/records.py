"""How fast does a shipper read records? MB/s on one core, of each thing that an input may ask for.

    python -m benchmarks.records [FILE]

Without FILE: 117-byte lines of a Java service, of which every hundredth holds something for each redaction. `plain` is
the path of an input that asks for nothing (`format: plain`, `time: off`), `auto` the default; `every line` has a find
in each. Only the records are measured, in CPU time: no file, no broker. Exits 1 if the redaction of a preset is below
50 MB/s, or if times take more than 3 % of the default's time.
"""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

from logbus.traces import NOTHING
from shipper.lives.tail import REWRITTEN_BYTES
from shipper.records.recorder import Recorder
from shipper.records.redaction.presets import PresetName, Redact
from shipper.records.rules import Multiline
from shipper.settings import Input

GOAL_MB_S: Final = 50
LINES: Final = 200_000
LINE_BYTES: Final = 117
RUNS: Final = 9
READ_US: Final = 1_795_521_600_000_000
"""2026-11-24 12:00:00 UTC: when the lines are read, which happened before; a time in the future is not believed."""
TIMES_MAX: Final = 0.03
TIMES_RUNS: Final = 1000
SECRETS: Final = (
    b" for jo@example.com at 192.0.2.17 and 2001:db8::17, card 4111111111111111, Authorization: Bearer abc.def,"
    b" key AKIAIOSFODNN7EXAMPLE\n"
)


def corpus() -> bytes:
    """Return the lines, the same each time."""
    rng = random.Random(1)
    return b"".join(
        line if number % 100 else line[:-1] + SECRETS
        for number, line in enumerate(_line(number, rng) for number in range(LINES))
    )


def _line(number: int, rng: random.Random) -> bytes:
    word = rng.choices(("INFO ", "WARN ", "ERROR", "DEBUG"), (90, 5, 3, 2))[0]
    text = (
        f"2026-11-24 10:{number // 60 % 60:02d}:{number % 60:02d},{number % 1000:03d} {word} [worker-{number % 8}] "
        f"com.example.Orders - order {number} took {rng.randint(1, 999)} ms"
    )
    return text.encode().ljust(LINE_BYTES - 1, b".") + b"\n"


def inputs() -> Iterator[tuple[str, Input]]:
    """Yield each input to measure, and what it is called."""
    yield "severity off (plain)", Input(paths=["x"], format="plain", time="off")
    yield "severity, no times", Input(paths=["x"], time="off")
    yield "severity (auto)", Input(paths=["x"])
    yield "multiline java", Input(paths=["x"], multiline=Multiline(preset="java"))
    for name in get_args(PresetName):
        yield f"redact {name}", Input(paths=["x"], redact=Redact(presets=[name]))
    yield "redact, every line", Input(paths=["x"], redact=Redact(patterns={"order": r"order \d+"}))


def mb_per_s(source: Input, data: bytes) -> float:
    """Return the best of some runs over `data`, read as a tail reads."""
    recorder = Recorder(source)
    best_s = min(_took_s(recorder, data) for _ in range(RUNS))
    return len(data) / best_s / 1e6


def _took_s(recorder: Recorder, data: bytes) -> float:
    began = time.process_time()
    at = 0
    while at < len(data):
        piece = data[at : at + REWRITTEN_BYTES]
        last = at + len(piece) == len(data)
        found = recorder.cut(piece, flush=last, final=last)
        finished = recorder.finish(piece[: found.end], found.bounds, 0.0)
        recorder.times(finished, READ_US, NOTHING)
        at += found.end
    return time.process_time() - began


def times_cost(data: bytes) -> float:
    """Return the part of the default's time that reading times takes: measured by itself, as it is little."""
    recorder = Recorder(Input(paths=["x"]))
    piece = data[: data.rfind(b"\n", 0, REWRITTEN_BYTES) + 1]
    finished = recorder.finish(piece, None, 0.0)
    began = time.process_time()
    for _ in range(TIMES_RUNS):
        recorder.times(finished, READ_US, NOTHING)
    each_s = (time.process_time() - began) / TIMES_RUNS
    return each_s / (_took_s(recorder, piece) + each_s)


def main() -> int:
    """Measure, print, and judge the redactions."""
    data = Path(sys.argv[1]).read_bytes().rstrip(b"\n") + b"\n" if sys.argv[1:] else corpus()
    slow = []
    for name, source in inputs():
        speed = mb_per_s(source, data)
        print(f"{name:<24}{speed:>8,.0f} MB/s", flush=True)
        if source.redact and source.redact.presets and speed < GOAL_MB_S:
            slow.append(name)
    if slow:
        print(f"below {GOAL_MB_S} MB/s: {', '.join(slow)}")
    print(f"times cost {(cost := times_cost(data)):.1%}")
    return int(bool(slow) or cost > TIMES_MAX)


if __name__ == "__main__":
    sys.exit(main())
