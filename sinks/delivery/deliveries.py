"""The source of deliveries, as the runner sees it."""

from collections.abc import Iterable
from typing import Protocol

from logbus.broker.consuming.consumer import Delivery


class Deliveries(Protocol):
    """The source of deliveries: `logbus.broker.consuming.consumer.Consumer`."""

    epoch: int

    @property
    def arrived_bytes(self) -> int:
        """Bytes of the bodies that arrived and were not taken yet."""

    def take(self) -> list[Delivery]:
        """Return the deliveries since the last call, in order."""

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge these deliveries."""

    def quarantine(self, delivery: Delivery, reason: str) -> None:
        """Move this delivery to the dead letters."""

    def pause(self) -> None:
        """Give back what is not acknowledged, and stop delivering."""

    def resume(self) -> None:
        """Resume delivering."""
