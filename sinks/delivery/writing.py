"""Writes to a sink what its ledger does not have yet, and records it there: no byte of a stream is written twice."""

import logging

from logbus import telemetry
from logbus.batch import Batch, Head, trim
from logbus.errors import counted
from sinks.delivery.portions import portions
from sinks.ledger.ledger import Ledger
from sinks.ledger.ranges import Range
from sinks.ledger.streams import Source
from sinks.sink import Sink, SkimmingSink

logger = logging.getLogger("sinks.delivery.runner")

SAY_GAP_EVERY_S = 60.0
"""Every gap is counted; gaps are reported at most this often."""
REFUSED_MAX = 10_000
"""Streams whose last batch was refused: the next batch does not wait for it."""


def source_of(batch: Batch) -> Source:
    """Return the stream that a batch is a part of."""
    return Source(batch.user, batch.host, batch.stream)


class Writer:
    """Writes batches to `sink`. `whole`: it receives whole streams, so that a missing predecessor is a gap."""

    def __init__(self, sink: Sink, ledger: Ledger, *, whole: bool) -> None:
        self._sink = sink
        self._ledger = ledger
        self._whole = whole
        self._refused: dict[Source, int] = {}
        self._say_gap_at = float("-inf")

    def missing(self, source: Source, batch: Batch) -> tuple[list[Range], bool]:
        """Return the unwritten parts of a batch, and True if the byte right before the batch is missing as well.

        Raises WireError for an impossible position.
        """
        if not batch.stream:
            return [], False
        gaps = self._ledger.missing(source, batch.offset - (self._whole and batch.offset > 0), batch.end)
        parts = [(max(start, batch.offset), end) for start, end in gaps if end > batch.offset]
        early = bool(parts) and gaps[0][0] < batch.offset < gaps[0][1]
        return parts, early and self._refused.get(source) != batch.offset

    def write(self, batch: Batch, missing: list[Range]) -> int:
        """Write the missing parts of a batch, or all of one without a position; return how many bytes.

        Raises WireError and BatchRefused for a batch that cannot be written, and whatever else the sink raises.
        """
        if not batch.stream:
            for portion in portions(batch):
                self._sink.write(portion)
            return len(batch.body)
        source = source_of(batch)
        written_bytes, trimmed_bytes = 0, batch.end - batch.offset
        for portion in (portion for part in missing for portion in portions(trim(batch, *part))):
            self._sink.write(portion)
            self._ledger.add(source, batch.path, (portion.offset, portion.end))
            written_bytes += len(portion.body)
            trimmed_bytes -= portion.end - portion.offset
        self._ledger.trimmed(source, trimmed_bytes)
        if trimmed_bytes:
            telemetry.count("logbus_trimmed_bytes", trimmed_bytes)
        return written_bytes

    def pass_over(self, sink: SkimmingSink, head: Head) -> int:
        """Let the sink count a batch of which nothing is written yet; return how many bytes that is."""
        sink.pass_over(head)
        self._ledger.add(source_of(head), head.path, (head.offset, head.end))
        return head.end - head.offset

    def refused(self, batch: Batch) -> None:
        """Note that a batch is never written, so that its successor does not wait for it."""
        if len(self._refused) >= REFUSED_MAX:
            self._refused.clear()
        self._refused[source_of(batch)] = batch.end

    def note_gap(self, source: Source, batch: Batch, now: float) -> None:
        """Count what is missing before a batch that is written without its predecessor, and report it."""
        gap_bytes = self._ledger.gap_before(source, batch.offset)
        telemetry.count("logbus_unordered_batches")
        telemetry.count("logbus_gap_bytes", gap_bytes)
        if now >= self._say_gap_at:
            self._say_gap_at = now + SAY_GAP_EVERY_S
            logger.warning(
                "%s of %s: %s before byte %d did not arrive in time: continuing without them",
                *(batch.path, batch.host, counted(gap_bytes, "byte"), batch.offset),
            )


def is_enough(head: Head, missing: list[Range]) -> bool:
    """Return True if the text of a batch is not needed: all of it is missing and only counted, or nothing is."""
    return missing == [(head.offset, head.end)] or bool(head.stream and not missing)
