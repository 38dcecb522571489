"""How many messages wait in a sink's queue, asked on a channel of its own every 15 s, and how much room there is.

RabbitMQ answers a passive declaration without any permission. What is delivered and not acknowledged is not counted.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from logbus.telemetry import disk, gauge

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel

EVERY_S: Final = 15.0


class Link(Protocol):
    """The connection: `logbus.broker.connecting.connection.Connection`."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call once from a later poll."""


class Depth:
    """Asks for the depth of a queue, and sets the gauges; a guest of the connection.

    `directories`: where the sink writes, of which the free space is measured as often.
    """

    def __init__(self, link: Link, queue: str, directories: Mapping[str, Path]) -> None:
        self._link = link
        self._queue = queue
        self._directories = directories
        self._open_channel: Callable[[Callable[[Channel], None]], object] | None = None
        self._channel: Channel | None = None
        link.call_later(0.0, self._tick)

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Ask from now on."""
        self._open_channel = open_channel

    def disconnected(self) -> None:
        """Stop asking."""
        self._open_channel = self._channel = None

    def leaving(self) -> None:
        """Do nothing."""

    def _tick(self) -> None:
        self._link.call_later(EVERY_S, self._tick)
        for what, directory in self._directories.items():
            disk.measure(what, directory)
        if self._channel and self._channel.is_open:
            self._ask(self._channel)
        elif self._open_channel:
            self._open_channel(self._ask)

    def _ask(self, channel: "Channel") -> None:
        """Ask; where the queue is not there, RabbitMQ closes the channel, and the next turn opens another."""
        self._channel = channel
        channel.queue_declare(self._queue, passive=True, callback=_told)


def _told(frame: object) -> None:
    method = getattr(frame, "method", None)
    gauge("logbus_queue_messages", getattr(method, "message_count", 0))
    gauge("logbus_queue_consumers", getattr(method, "consumer_count", 0))
