"""What the ledger costs a file sink: the same batches with the ledger on disk and with one that is forgotten, in turn.

    python -m benchmarks.ledger

The sink decodes, writes and syncs as it does behind RabbitMQ, whose part is left out: it would only hide the cost.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from logbus.batch import Batch, Message, encode
from logbus.consumer import Delivery
from sinks.file import Settings, open_sink
from sinks.ledger import Ledger
from sinks.runner import Runner
from sinks.sink import Context

PAIRS = 7
BATCHES = 400
LINES = 2200
PREFETCH = 256
TAKEN = 16


class Queue:
    """Messages in memory, delivered a few at a time."""

    epoch = 0

    def __init__(self, messages: list[Message]) -> None:
        self._ready = iter([Delivery(tag, 0, each, redelivered=False) for tag, each in enumerate(messages, start=1)])
        self.acked = 0

    def take(self) -> list[Delivery]:
        """Deliver some."""
        return list(itertools.islice(self._ready, TAKEN))

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Count them."""
        self.acked += len(list(deliveries))

    def quarantine(self, delivery: Delivery, reason: str) -> None:
        """Fail: nothing here is broken."""
        raise AssertionError(delivery, reason)


def messages() -> list[Message]:
    """Return batches of one stream, as a shipper makes them of a large file: 256 KiB each."""
    text = b"2026-11-24 10:00:00,000 INFO [main] shop - %06d a line of ordinary length, as applications write them\n"
    body = b"".join(text % number for number in range(LINES))
    stream = Batch(body, b"6" * LINES, host="h", label="l", path="/x", stream="0123456789abcdef")
    size = len(body)
    return [
        encode(Batch(body, stream.levels, "h", "l", "/x", stream.stream, number * size, (number + 1) * size))
        for number in range(BATCHES)
    ]


def run(queue: Queue, root: Path, state: Path | None) -> float:
    """Write everything; return seconds."""
    ledger = Ledger(state)
    sink = open_sink(Settings(path=str(root / "out.log")), Context("bench", state, ledger.remember))
    runner = Runner(queue, sink, ledger, commit_batches=PREFETCH * 3 // 4)
    begun = time.perf_counter()
    while queue.acked < BATCHES:
        runner.step(time.monotonic())
    seconds = time.perf_counter() - begun
    runner.close()
    return seconds


def main() -> None:
    """Measure pairs, and print the median cost."""
    made = messages()
    ratios = []
    for _ in range(PAIRS):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            with_ledger = run(Queue(made), Path(one), Path(one) / "state")
            without = run(Queue(made), Path(other), None)
        ratios.append(with_ledger / without)
        lines = BATCHES * LINES
        print(f"with {lines / with_ledger:>12,.0f} lines/s, without {lines / without:>12,.0f} lines/s")
    print(f"the ledger costs {100 * (statistics.median(ratios) - 1):.1f} % (median of {PAIRS} pairs)")


if __name__ == "__main__":
    main()
