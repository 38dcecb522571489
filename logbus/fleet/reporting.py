"""Publishes a process's status, on a channel of its own: what goes wrong there never touches the daemon's work.

The exchange is looked for, and made if that is allowed. Where publishing is refused, that is said once, and tried again
an hour later or at the next connection. A status is left out while the connection is behind with sending.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from logbus.broker.connecting.optional import Link, OptionalChannel
from logbus.broker.messages import properties_of
from logbus.broker.topology import STATUS, Exchange
from logbus.fleet.status import EVERY_S, Status, Trouble, encode

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel

logger = logging.getLogger("logbus.fleet")

CHECK_S: Final = 1.0
"""How often a change is looked for."""
_EXCHANGE: Final = Exchange(STATUS, "topic")


class Reporter:
    """Publishes what `describe` returns every 10 s, and when `troubles`, which cost little, have changed."""

    def __init__(
        self,
        link: Link,
        describe: Callable[[], Status],
        troubles: Callable[[], list[Trouble]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._describe = describe
        self._troubles = troubles
        self._clock = clock
        self._own = OptionalChannel(self._look, _refused, clock)
        self._next = 0.0
        self._told: list[Trouble] = []
        link.call_later(CHECK_S, self._tick)

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Begin on a new connection."""
        self._own.connected(open_channel)

    def disconnected(self) -> None:
        """Forget the channel: the connection is lost."""
        self._own.disconnected()

    def leaving(self) -> None:
        """Say that this process stops, as it was told to."""
        self._publish(stopped=True)

    def _look(self, channel: "Channel", makes: bool) -> None:
        channel.exchange_declare(
            _EXCHANGE.name,
            _EXCHANGE.type,
            passive=not makes,
            durable=True,
            callback=lambda _frame: self._go(channel),
        )

    def _go(self, channel: "Channel") -> None:
        self._own.works(channel)
        self._publish()

    def _tick(self) -> None:
        self._link.call_later(CHECK_S, self._tick)
        self._own.retry()
        if self._own.working and (self._clock() >= self._next or self._troubles() != self._told):
            self._publish()

    def _publish(self, *, stopped: bool = False) -> None:
        is_behind = self._link.unsent_bytes() and not stopped  # the last word is always said
        channel = self._own.working
        if is_behind or not channel or not channel.is_open:
            return
        status = self._describe()
        if stopped:
            status = status.stopped()
        self._next, self._told = self._clock() + EVERY_S, status.troubles
        message = encode(status, self._link.user_id)
        channel.basic_publish(STATUS, message.routing_key, message.body, properties_of(message, lasting=False))


def _refused(reason: str) -> None:
    logger.info("this process is not shown in the fleet: RabbitMQ refuses %s: %s", STATUS, reason)
