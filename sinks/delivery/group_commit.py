"""Group commit: what was written since the last commit, and when the next is due. Pure: the caller has the clock."""

from typing import TYPE_CHECKING

from msgspec import Struct, field

from logbus import backoff

if TYPE_CHECKING:
    from logbus.broker.consuming.consumer import Delivery

COMMIT_BYTES = 8 << 20
COMMIT_S = 0.2
COMMIT_BATCHES = 32
ARRIVED_BYTES = 64 << 20
"""More than this is given back while nothing can be written: RabbitMQ bounds messages, not bytes."""
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 30.0


class Group(Struct):
    """Deliveries written and not acknowledged yet; `since` is when the first of them was written (monotonic).

    `bytes`: how much of them was written, `counted_bytes` of these only counted, which leaves nothing to commit;
    `held_bytes`: the size of their bodies, kept in memory, written or not.
    """

    max_bytes: int = COMMIT_BYTES
    max_s: float = COMMIT_S
    max_batches: int = COMMIT_BATCHES
    deliveries: "list[Delivery]" = field(default_factory=list)
    bytes: int = 0
    counted_bytes: int = 0
    held_bytes: int = 0
    since: float = 0.0

    def add(self, delivery: "Delivery", written_bytes: int, now: float, *, is_only_counted: bool = False) -> None:
        """Add a delivery of which `written_bytes` were written."""
        if not self.deliveries:
            self.since = now
        self.deliveries.append(delivery)
        self.bytes += written_bytes
        self.counted_bytes += written_bytes * is_only_counted
        self.held_bytes += len(delivery.message.body)

    def is_full(self, waiting: int) -> bool:
        """Return True if no more may be added; `waiting` deliveries also use up prefetch."""
        batches = len(self.deliveries) + waiting
        return bool(self.deliveries) and (
            max(self.bytes - self.counted_bytes, self.held_bytes) >= self.max_bytes or batches >= self.max_batches
        )

    def due_at(self) -> float:
        """Return when the commit is due even if nothing is added; infinity for an empty group."""
        return self.since + self.max_s if self.deliveries else float("inf")

    def clear(self) -> None:
        """Start over after a commit or a rollback."""
        self.deliveries.clear()
        self.bytes = self.counted_bytes = self.held_bytes = 0


class Outage(Struct):
    """Consecutive failures, and how long to back off after each: 0.1 s, 0.2 s, ... 30 s."""

    failures: int = 0
    until: float = 0.0
    why: str = ""

    def fail(self, now: float, why: str = "") -> bool:
        """Back off from now on; return True if this begins an outage. `why` is kept until it ends."""
        self.why = why
        self.until = now + backoff.delay_s(self.failures, FIRST_RETRY_S, LAST_RETRY_S)
        self.failures += 1
        return self.failures == 1

    def end(self) -> int:
        """Return the number of failures, and forget them."""
        failures, self.failures, self.why = self.failures, 0, ""
        return failures
