"""Publishers in memory: what a shipper is stepped with where RabbitMQ is not what is tested."""

from abc import abstractmethod

from logbus.batch import Batch, Span


class Window:
    """So many batches may be on their way; what was confirmed is taken once."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.confirmed: list[Span] = []

    @property
    @abstractmethod
    def in_flight(self) -> int:
        """How many batches are published and not confirmed."""

    def has_room(self) -> bool:
        """Return True if one more may be published."""
        return self.in_flight < self.window

    def take_confirmed(self) -> list[Span]:
        """Return the new confirms."""
        taken, self.confirmed = self.confirmed, []
        return taken


class MemoryPublisher(Window):
    """Takes batches; confirms at once unless told to hold.

    While `refused`, one of them was nacked or returned: it is on its way again, and nothing new is taken before it is
    confirmed.
    """

    def __init__(self, window: int = 1000, *, holding: bool = False) -> None:
        super().__init__(window)
        self.batches: list[Batch] = []
        self.held: list[Span] = []
        self.holding = holding
        self.refused = False

    @property
    def in_flight(self) -> int:
        """How many batches are held."""
        return len(self.held)

    def has_room(self) -> bool:
        """Return True if one more may be published."""
        return super().has_room() and not self.refused

    def release(self) -> None:
        """Confirm what is held, and hold nothing more."""
        self.holding = False
        self.confirmed += self.held
        self.held.clear()

    def publish(self, batch: Batch) -> None:
        """Take a batch."""
        assert self.has_room()
        self.batches.append(batch)
        (self.held if self.holding else self.confirmed).append(batch.span)
