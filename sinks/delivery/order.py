"""Source order: a batch that arrives before its predecessor waits for it, but not for ever.

A full queue may refuse one batch of a stream and accept the next; the refused one arrives a moment later. Writing the
next at once would lose nothing, but put a file's lines out of order. So it waits until

- the gap before it is closed: it is written right after that;
- or its deadline passes, or too many wait: it is written as it is, and a late predecessor is written after it.

What waits is not acknowledged, and uses up prefetch: hence the bounds, beyond which the one that has waited longest is
written. The predecessor must always be able to arrive.
"""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from logbus.broker.consuming.consumer import Delivery
from sinks.ledger.streams import Source

GAP_S = 10.0
"""How long to wait for a gap in a known stream to close."""
FIRST_S = 2.0
"""How long to wait for the beginning of an unknown stream whose first batch is from its middle."""
HELD_BYTES = 32 << 20


@dataclass(frozen=True, slots=True, order=True)
class Early:
    """An early delivery, the offset of its batch, and the deadline (monotonic seconds) for its predecessor."""

    offset: int
    delivery: Delivery = field(compare=False)
    source: Source = field(compare=False)
    deadline: float = field(compare=False)


class Waiting:
    """The early deliveries: at most `max_batches`, of at most `max_bytes` as they were sent."""

    def __init__(self, max_batches: int, max_bytes: int = HELD_BYTES) -> None:
        self._max_batches = max_batches
        self._max_bytes = max_bytes
        self._sources: dict[Source, list[Early]] = {}
        self._count = self._bytes = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Early]:
        return (each for several in self._sources.values() for each in several)

    def add(self, early: Early) -> None:
        """Add a delivery."""
        insort(self._sources.setdefault(early.source, []), early)
        self._count += 1
        self._bytes += len(early.delivery.message.body)

    def first(self, source: Source) -> Early | None:
        """Return the delivery of this source with the lowest offset."""
        return self._sources[source][0] if source in self._sources else None

    def remove(self, early: Early) -> None:
        """Remove a delivery."""
        several = self._sources[early.source]
        several.remove(early)
        if not several:
            del self._sources[early.source]
        self._count -= 1
        self._bytes -= len(early.delivery.message.body)

    def overdue(self, now: float) -> Source | None:
        """Return a source whose deadline has passed, or that must make room, if there is one."""
        if not self._sources:
            return None
        oldest = min(self, key=lambda each: each.deadline)
        crowded = self._count > self._max_batches or self._bytes > self._max_bytes
        return oldest.source if crowded or oldest.deadline <= now else None

    def due_at(self) -> float:
        """Return when the next deadline passes; infinity if nothing waits."""
        return min((each.deadline for each in self), default=float("inf"))

    def clear(self) -> list[Delivery]:
        """Remove all deliveries, and return them."""
        deliveries = [each.delivery for each in self]
        self._sources.clear()
        self._count = self._bytes = 0
        return deliveries
