"""How long a shipper takes to start that remembers 500,000 files, all gone, and how much memory that needs.

python -m benchmarks.registry_start [COUNT]
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from logbus.batch import Batch, Span
from shipper.agent import Agent
from shipper.settings import Input, Settings
from shipper.state.registry import Registry, Row

MARK = b"m" * 16


class NoPublisher:
    """Takes nothing: there is nothing to ship."""

    in_flight = 0

    def has_room(self) -> bool:
        """Tell that there is room."""
        return True

    def publish(self, batch: Batch) -> None:
        """Take a batch."""

    def take_confirmed(self) -> list[Span]:
        """Return no confirms."""
        return []


def row(number: int) -> Row:
    """Return a remembered life of a container's log."""
    path = f"/var/log/pods/pod-{number // 10}/c/{number % 10}.log"
    return Row(f"{number:016x}", 5, number + 1, number + 1, path, 100, MARK, 100, MARK, 4096, MARK)


def main(count: int) -> None:
    """Fill a registry, start a shipper on it, print how long that took."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        filled = Registry(state)
        filled.add(map(row, range(count)))
        filled.close()
        began_s = time.perf_counter()
        registry = Registry(state)
        opened_s = time.perf_counter()
        settings = Settings(inputs=[Input(paths=[f"{folder}/*.log"])])
        agent = Agent(settings, NoPublisher(), registry)
        agent.step(0.0)
        done_s = time.perf_counter()
        agent.close()
        size = (state / "registry.sqlite").stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{count} remembered files, {size // 1024 // 1024} MiB: opened and checked in {opened_s - began_s:.2f} s,")
    print(f"first step after {done_s - began_s:.2f} s; {peak} MiB resident at most, filling included")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
