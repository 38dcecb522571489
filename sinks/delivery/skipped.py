"""Reports what a sink without state missed: RabbitMQ keeps a bounded amount for a slow reader.

The batches of a stream are contiguous, so a gap between two of them was dropped. That holds only if the queue is bound
to everything: otherwise, gaps are what the sink did not ask for.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from logbus.batch import Batch, Head
from sinks.sink import PatientSink, Sink, SkimmingSink

logger = logging.getLogger("sinks.skipped")

REPORT_EVERY_S: Final = 1.0
STREAMS_MAX: Final = 10_000


class Gaps:
    """Adds up the bytes between batches that should follow each other."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str | None, str, str], int] = {}
        self._bytes = 0

    def note(self, batch: Batch) -> None:
        """Record a delivered batch. One that is redelivered, or has no position, skips nothing."""
        if not batch.stream:
            return
        stream = (batch.user, batch.host, batch.stream)
        if len(self._ends) >= STREAMS_MAX and stream not in self._ends:
            self._ends.clear()
        before = self._ends.get(stream, batch.offset)
        self._bytes += max(0, batch.offset - before)
        self._ends[stream] = max(before, batch.end)

    def take(self) -> int:
        """Return the number of bytes skipped since the last call."""
        skipped, self._bytes = self._bytes, 0
        return skipped


class Watched:
    """Passes everything to `inner`, and reports skipped bytes, at most once a second."""

    def __init__(self, inner: Sink, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._patient = inner if isinstance(inner, PatientSink) else None
        self._clock = clock
        self._gaps = Gaps()
        self._next_s = float("-inf")

    def write(self, batch: Batch) -> None:
        """Write a batch. Raises as the inner sink does."""
        self._gaps.note(batch)
        self._inner.write(batch)

    def ready(self) -> bool:
        """Return True if the inner sink accepts a batch now."""
        return self._patient is None or self._patient.ready()

    def commit(self) -> None:
        """Commit the inner sink, and report skipped bytes."""
        self._inner.commit()
        if self._clock() >= self._next_s and (skipped := self._gaps.take()):
            self._next_s = self._clock() + REPORT_EVERY_S
            logger.warning("%s bytes skipped: the reader was too slow, or the connection was lost", f"{skipped:,}")

    def close(self) -> None:
        """Close the inner sink."""
        self._inner.close()


class Skimmed(Watched):
    """The same for an inner sink that only counts the records of some batches; `skimming` is that sink, too."""

    def __init__(self, inner: Sink, skimming: SkimmingSink) -> None:
        super().__init__(inner)
        self._skimming = skimming

    def skims(self, head: Head) -> bool:
        """Return True if the inner sink only counts the records of a batch."""
        return self._skimming.skims(head)

    def pass_over(self, head: Head) -> None:
        """Let the inner sink count the records of a batch."""
        self._gaps.note(head)
        self._skimming.pass_over(head)


def watched(sink: Sink) -> Watched:
    """Return a sink that passes everything to another, and reports what that misses."""
    return Skimmed(sink, sink) if isinstance(sink, SkimmingSink) else Watched(sink)
