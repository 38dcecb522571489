"""How slow can lines make a shipper? `python -m benchmarks.hostile`, seconds: lines of 1 MiB, the worst of each format.

Each line begins like the example of a format, or in another usual way, and goes on with what a pattern may step through
in vain: brackets, quotes, pairs, columns. Prints the slowest, in MB/s on one core; exits 1 below 20.
"""

import itertools
import sys
import time

from logbus.severity import stated
from logbus.severity.formats import FORMATS
from logbus.traces import kinds

LINE_BYTES = 1 << 20
GOAL_MB_S = 20
SHOWN = 10
UNITS = (
    b'{"a":', b"[", b"(", b"{", b"<", b'"', b'\\"', b"\\", b'{"a":{"b":[', b"[[a] ", b"a=b ", b'a="b" ', b'a="\\',
    b"(x) ", b"[x] ", b"[x[y] ", b"<x> ", b"2024-01-02 ", b"<1>", b"a.b: ", b"a.b ", b"a - ", b"a/b ", b"A.B ", b"1 ",
    b"INFO", b"INFO.", b"info ", b"error[1] ", b"pid 1: ", b"x" * 63 + b" ", b" ", b"\t", b"\x1b[31m", b"%A-", b"% ",
    b"\xff", b"\0", b":", b",", b'"",', b"::", b"A", b"a", b"1", b"-", b"#", b"=", b"@cee: ", b"\\u001b", b"x| ",
)  # fmt: skip
HEADS = (
    b"", b"2024-01-02 15:04:05 ", b"2024-01-02T15:04:05Z stdout F ", b'{"log":"', b"[", b'{"a":"', b"Mar  4 10:15:32 ",
)  # fmt: skip


def lines() -> list[bytes]:
    """Return the beginnings of lines, each with what repeats behind it."""
    heads = [*HEADS, *(each.example[: len(each.example) // 2] for each in FORMATS)]
    return [
        (head + unit * (LINE_BYTES // len(unit)))[:LINE_BYTES] + b"\n" for head, unit in itertools.product(heads, UNITS)
    ]


def main() -> int:
    """Print the slowest lines."""
    stated(b"x\n" * 99)
    speeds = []
    for line in lines():
        began = time.process_time()
        stated(line)
        kinds()(line)
        speeds.append((len(line) / (time.process_time() - began) / 1e6, line[:60]))
    speeds.sort()
    for speed, head in speeds[:SHOWN]:
        print(f"{speed:>8,.0f} MB/s  {head!r}")
    return int(speeds[0][0] < GOAL_MB_S)


if __name__ == "__main__":
    sys.exit(main())
