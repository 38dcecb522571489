"""Group commit: what was written since the last one, and when the next one is due. Pure: the clock is the caller's."""

from dataclasses import dataclass, field

from logbus import backoff
from logbus.broker.consumer import Delivery

COMMIT_BYTES = 8 << 20
COMMIT_S = 0.2
COMMIT_BATCHES = 32
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 30.0


@dataclass(slots=True)
class Group:
    """Deliveries written and not acknowledged yet; `since` is when the first of them was written (monotonic).

    `bytes`: what was written of them; `held_bytes`: their bodies, which are kept in memory, written or not.
    """

    max_bytes: int = COMMIT_BYTES
    max_s: float = COMMIT_S
    max_batches: int = COMMIT_BATCHES
    deliveries: list[Delivery] = field(default_factory=list)
    bytes: int = 0
    held_bytes: int = 0
    since: float = 0.0

    def add(self, delivery: Delivery, written_bytes: int, now: float) -> None:
        """Note that a delivery was written, which took so many bytes."""
        if not self.deliveries:
            self.since = now
        self.deliveries.append(delivery)
        self.bytes += written_bytes
        self.held_bytes += len(delivery.message.body)

    def is_full(self, waiting: int) -> bool:
        """Return True if no more may be added; `waiting` deliveries take up prefetch, too."""
        batches = len(self.deliveries) + waiting
        return bool(self.deliveries) and (
            max(self.bytes, self.held_bytes) >= self.max_bytes or batches >= self.max_batches
        )

    def due_at(self) -> float:
        """Return when it is to be committed even if nothing is added; infinity if there is nothing."""
        return self.since + self.max_s if self.deliveries else float("inf")

    def clear(self) -> None:
        """Begin anew: it is committed, or undone."""
        self.deliveries.clear()
        self.bytes = self.held_bytes = 0


@dataclass(slots=True)
class Outage:
    """Failures in a row, and how long to wait after each: 0.1 s, 0.2 s, ... 30 s."""

    failures: int = 0
    until: float = 0.0

    def fail(self, now: float) -> bool:
        """Wait from now on; return True if that begins an outage."""
        self.until = now + backoff.delay_s(self.failures, FIRST_RETRY_S, LAST_RETRY_S)
        self.failures += 1
        return self.failures == 1

    def end(self) -> int:
        """Return how many failures there were, and forget them."""
        failures, self.failures = self.failures, 0
        return failures
