"""Where deliveries come from, as the runner sees it."""

from collections.abc import Iterable
from typing import Protocol

from logbus.broker.consumer import Delivery


class Deliveries(Protocol):
    """Where deliveries come from: `logbus.broker.consumer.Consumer`."""

    epoch: int

    @property
    def arrived_bytes(self) -> int:
        """The bodies that arrived and were not taken yet."""

    def take(self) -> list[Delivery]:
        """Return what arrived since the last call, in order."""

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge these."""

    def quarantine(self, delivery: Delivery, reason: str) -> None:
        """Set this one aside in the dead letters."""

    def pause(self) -> None:
        """Give back what is not acknowledged, and deliver nothing."""

    def resume(self) -> None:
        """Deliver again."""
