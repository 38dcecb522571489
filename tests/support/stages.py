"""A stage to test sinks on: a queue in memory, batches to put into it, and a runner that writes them."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypedDict, Unpack

import pytest
from msgspec.structs import replace

from logbus.batch import Batch, Message, encode
from logbus.broker.consuming.consumer import Delivery
from logbus.wire.batch import count_lines
from sinks.delivery.runner import Runner
from sinks.file import Settings, open_sink
from sinks.ledger.ledger import Ledger
from sinks.sink import Context, Sink
from support.batches import BatchKeys


class MemoryQueue:
    """What `logbus.broker.consuming.consumer.Consumer` is to a runner.

    Unacknowledged messages come again after `reconnect`.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.paused = False
        self.quarantined: list[tuple[Message, str]] = []
        self._ready: list[tuple[Message, bool]] = []
        self._taken: list[Delivery] = []
        self._tags = itertools.count(1)

    def put(self, *messages: Message | Batch) -> None:
        """Add messages."""
        self._ready += [(encode(each) if isinstance(each, Batch) else each, False) for each in messages]

    def take(self) -> list[Delivery]:
        """Deliver everything."""
        if self.paused:
            return []
        new = [Delivery(next(self._tags), self.epoch, message, again) for message, again in self._ready]
        self._ready.clear()
        self._taken += new
        return new

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Forget deliveries."""
        done = {each.tag for each in deliveries if each.epoch == self.epoch}
        self._taken = [each for each in self._taken if each.tag not in done]

    def quarantine(self, delivery: Delivery, reason: str) -> None:
        """Note a message that was set aside, and forget it."""
        self.quarantined.append((delivery.message, reason))
        self._taken = [each for each in self._taken if each.tag != delivery.tag]

    def reconnect(self) -> None:
        """Begin an epoch: what is not acknowledged comes again."""
        self.epoch += 1
        self._ready = [(each.message, True) for each in self._taken] + self._ready
        self._taken.clear()

    def pause(self) -> None:
        """Take back what is not acknowledged, and deliver nothing until `resume`."""
        if not self.paused:
            self.paused = True
            self.reconnect()

    def resume(self) -> None:
        """Deliver again."""
        self.paused = False

    @property
    def arrived_bytes(self) -> int:
        """How many bytes of bodies were delivered and not taken."""
        return 0 if self.paused else sum(len(message.body) for message, _ in self._ready)

    @property
    def unacked(self) -> int:
        """How many deliveries are not acknowledged."""
        return len(self._taken)


class Limits(TypedDict, total=False):
    """The limits of a runner."""

    commit_bytes: int
    commit_s: float
    commit_batches: int
    hold_batches: int | None
    arrived_max_bytes: int


class Stage:
    """A queue, a place for files, and at most one runner between them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.queue = MemoryQueue()
        self._runner: Runner | None = None

    @staticmethod
    def batch(body: bytes, offset: int = 0, **other: Unpack[BatchKeys]) -> Batch:
        """Return a valid batch of a body at an offset."""
        plain = Batch(
            body=body,
            levels=b"6" * count_lines(body),
            host="web-1",
            label="app",
            path="/var/log/app.log",
            stream="0123456789abcdef",
            offset=offset,
            end=offset + len(body),
            read_at_us=1_795_490_466_123_456,
        )
        return replace(plain, **other)

    def context(self, ledger: Ledger) -> Context:
        """Return what a sink is given."""
        return Context("test", self.root / "state", ledger.remember, ledger.is_new)

    def start(
        self, path: str = "out.log", make_sink: Callable[[Context], Sink] | None = None, **limits: Unpack[Limits]
    ) -> Runner:
        """Start a runner with a file sink, or another, in place of the one that runs, which ends as if it crashed."""
        self.stop()
        ledger = Ledger(self.root / "state")
        context = self.context(ledger)
        sink = make_sink(context) if make_sink else open_sink(Settings(path=str(self.root / path)), context)
        self._runner = Runner(self.queue, sink, ledger, **limits)
        return self._runner

    def stop(self) -> None:
        """Close the runner without draining it."""
        if self._runner:
            self._runner.close()
        self._runner = None

    def read(self, name: str = "out.log") -> bytes:
        """Return what an output holds."""
        return (self.root / name).read_bytes()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return a stage with nothing on it yet."""
    stage = Stage(tmp_path)
    yield stage
    stage.stop()
