"""How fast are severities found in each shape of line? `python -m benchmarks.severities`, a minute, nothing beside it.

Prints, for each shape of `benchmarks.shapes`, the time that `logbus.severity.stated` takes, by PCRE2 where it
is there, and by `re` alone; the best of several runs over one slice of a file. Exits 1 if the two differ.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import shapes
from logbus.severity import LineReader, stated
from logbus.severity.formats import FORMATS

SLICE_BYTES = 2 << 20
RUNS = 5
MB = 1e6


def best_s(work: Callable[[], bytes]) -> float:
    """Return the seconds of the quickest run."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> int:
    """Print a row for each shape."""
    table = Table("shape", "bytes a line", "ns a line", "MB/s", "MB/s by re")
    slow, differs = LineReader(FORMATS, pcre2=False), False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.log"
        for name in shapes.SHAPES:
            lines = shapes.write(path, name, SLICE_BYTES)
            body = path.read_bytes()
            differs |= stated(body) != stated(body, slow)
            fast_s, slow_s = best_s(lambda: stated(body)), best_s(lambda: stated(body, slow))  # noqa: B023 - used at once
            figures = (len(body) / lines, fast_s / lines * 1e9, len(body) / fast_s / MB, len(body) / slow_s / MB)
            table.add_row(name, *(f"{figure:.0f}" for figure in figures))
    Console(width=100).print(table)
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
