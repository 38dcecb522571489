"""How fast are your own logs? `python -m benchmarks.own FILE [KEYS]` ships a file, everything on, beside the zstd pipe.

FILE is read, never changed; it should have 100 MB or more, because processes take a third of a second to start. KEYS
are keys of the shipper's input, as in `'multiline: {preset: java}'`. A private RabbitMQ node is used. Prints what each
of three runs took, and which severities were found.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import backlog
from benchmarks.processes import Stage
from logbus.devbroker import DevBroker
from logbus.severity import UNSTATED, Severity, stated

RUNS = 3
SAMPLE_BYTES = 16 << 20
FIGURES = ("times the pipe", "MB/s", "million lines/s", "shipper, CPU s/GB", "sinks, CPU s/GB", "shipper, peak MB")


def severities(path: Path) -> str:
    """Return which severities the first lines of a file state, in percent."""
    with path.open("rb") as file:
        digits = stated(file.read(SAMPLE_BYTES))
    names = {b"%d" % severity: severity.word for severity in Severity} | {UNSTATED: "none stated"}
    shares = {name: 100 * digits.count(digit) / max(1, len(digits)) for digit, name in names.items()}
    return ", ".join(f"{name} {share:.1f} %" for name, share in shares.items() if share)


def main() -> int:
    """Ship, print."""
    if not 2 <= len(sys.argv) <= 3:  # noqa: PLR2004 - a file, and perhaps keys
        sys.exit(__doc__)
    path, keys = Path(sys.argv[1]).resolve(), "".join(sys.argv[2:])
    with path.open("rb") as file:
        source = backlog.Source(path, sum(1 for _ in file))
    variant = replace(backlog.EVERYTHING, options=f", {keys}" if keys else "", verbatim=not keys)
    table = Table("run", *FIGURES)
    with tempfile.TemporaryDirectory(prefix="logbus-own-") as root, DevBroker(Path(root) / "broker") as broker:
        stage = Stage(Path(root), broker)
        for run in range(RUNS):
            figures = backlog.beside_reference(stage, variant, source)
            table.add_row(str(run + 1), *(f"{figures[name]:.2f}" for name in FIGURES))
    Console(width=110).print(table)
    print(f"{source.lines:,} lines, {source.size:,} bytes; severities: {severities(path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
