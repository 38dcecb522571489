"""A file sink without a ledger, to see what the ledger costs: `python -m benchmarks.unledgered ...`.

It takes every batch for new and notes nothing, so it would write twice what comes twice.
"""

from collections.abc import Mapping
from pathlib import Path

from sinks import wiring
from sinks.__main__ import main
from sinks.ledger.ledger import Ledger
from sinks.ledger.ranges import Range
from sinks.ledger.streams import Source
from sinks.sink import Mark


class NoLedger(Ledger):
    """Remembers nothing."""

    def __init__(self, _directory: Path | None, _put_away_s: float | None = None) -> None:
        super().__init__(None)

    def missing(self, _source: Source, offset: int, end: int) -> list[Range]:
        """Return all of it."""
        return [(offset, end)]

    def knows(self, _source: Source) -> bool:
        """Tell that nothing was written."""
        return False

    def add(self, source: Source, path: str, written: Range) -> None:
        """Note nothing."""

    def trimmed(self, source: Source, count_bytes: int) -> None:
        """Count nothing."""

    def remember(self, output: str, mark: Mark) -> None:
        """Note nothing."""

    def commit(self, marks: Mapping[str, Mark]) -> None:
        """Save nothing."""


vars(wiring).update(Ledger=NoLedger, _hold_batches=lambda *_: None)  # and so nothing waits for its predecessor

if __name__ == "__main__":
    main()
