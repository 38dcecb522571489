"""What the ledger costs end to end: the same backlog into a file sink with its ledger and into one without, in turn.

    python -m benchmarks.ledger

Everything else is on in both: severities, registry, confirms, quorum queue, fsync of the output.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import backlog
from benchmarks.processes import Stage
from logbus.devbroker import DevBroker

PAIRS = 10
BACKLOG_BYTES = 585_000_000
WITH, WITHOUT = backlog.EVERYTHING, backlog.Variant("no ledger", sink_module="benchmarks.unledgered")


def main() -> int:
    """Measure pairs, each variant first in every other one, and print the median cost."""
    costs = []
    with tempfile.TemporaryDirectory(prefix="logbus-ledger-") as root, DevBroker(Path(root) / "broker") as broker:
        stage = Stage(Path(root), broker)
        source = backlog.make(stage.root, "log4j", BACKLOG_BYTES)
        for turn in range(PAIRS):
            order = (WITH, WITHOUT) if turn % 2 else (WITHOUT, WITH)
            took_s = {variant.name: backlog.ship(stage, variant, source)["s"] for variant in order}
            costs.append(100 * (took_s[WITH.name] / took_s[WITHOUT.name] - 1))
            print(
                f"with {took_s[WITH.name]:.2f} s, without {took_s[WITHOUT.name]:.2f} s: {costs[-1]:+.1f} %", flush=True
            )
    print(f"the ledger costs {statistics.median(costs):.1f} % (median of {PAIRS} pairs)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
