"""Publishes a process's status, on a channel of its own: what goes wrong there never touches the daemon's work.

The exchange is looked for, and made if that is allowed. Where publishing is refused, that is said once, and tried again
an hour later or at the next connection. A status is left out while the connection is behind with sending.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from logbus.broker.messages import properties_of
from logbus.broker.topology import STATUS, Exchange
from logbus.errors import visible
from logbus.fleet.status import EVERY_S, Status, Trouble, encode

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel

logger = logging.getLogger("logbus.fleet")

CHECK_S: Final = 1.0
"""How often a change is looked for."""
AGAIN_S: Final = 3600.0
TRIES: Final = 3
"""Connections that ended when a second channel was asked for: this user may not have one, and is left in peace."""
_EXCHANGE: Final = Exchange(STATUS, "topic")
_NOT_FOUND: Final = 404


class Link(Protocol):
    """The connection: `logbus.broker.connecting.connection.Connection`."""

    @property
    def user_id(self) -> str | None:
        """The AMQP user, for messages to state."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call once from a later poll."""

    def unsent_bytes(self) -> int:
        """Return how much waits to be sent."""


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
        self._open_channel: Callable[[Callable[[Channel], None]], object] | None = None
        self._channel: Channel | None = None
        self._makes = self._said = False
        self._unanswered = 0
        self._next = self._again = 0.0
        self._told: list[Trouble] = []
        link.call_later(CHECK_S, self._tick)

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Begin on a new connection."""
        if self._unanswered >= TRIES:
            return
        self._open_channel, self._makes, self._again = open_channel, False, 0.0
        self._ask()

    def disconnected(self) -> None:
        """Forget the channel: the connection is lost."""
        self._channel = self._open_channel = None

    def leaving(self) -> None:
        """Say that this process stops, as it was told to."""
        self._publish(stopped=True)

    def _ask(self) -> None:
        if self._open_channel:
            self._unanswered += 1
            self._open_channel(self._opened)

    def _opened(self, channel: "Channel") -> None:
        self._unanswered = 0
        channel.add_on_close_callback(self._closed)
        channel.exchange_declare(
            _EXCHANGE.name,
            _EXCHANGE.type,
            passive=not self._makes,
            durable=True,
            callback=lambda _frame: self._go(channel),
        )

    def _go(self, channel: "Channel") -> None:
        self._channel = channel
        self._publish()

    def _closed(self, channel: "Channel", error: BaseException) -> None:
        code = getattr(error, "reply_code", 0)
        was_working, self._channel = self._channel is channel, None
        if not self._open_channel or not channel.connection.is_open:
            return
        if code == _NOT_FOUND and not (self._makes or was_working):
            self._makes = True
            self._ask()
            return
        self._again, self._makes = self._clock() + AGAIN_S, False
        if not self._said:
            self._said = True
            reason = visible(str(getattr(error, "reply_text", error)))
            logger.info("this process is not shown in the fleet: RabbitMQ refuses %s: %s", STATUS, reason)

    def _tick(self) -> None:
        self._link.call_later(CHECK_S, self._tick)
        now = self._clock()
        if self._again and now >= self._again:
            self._again = 0.0
            self._ask()
        if self._channel and (now >= self._next or self._troubles() != self._told):
            self._publish()

    def _publish(self, *, stopped: bool = False) -> None:
        is_behind = self._link.unsent_bytes() and not stopped  # the last word is always said
        if is_behind or not self._channel or not self._channel.is_open:
            return
        status = self._describe()
        if stopped:
            status = status.stopped()
        self._next, self._told = self._clock() + EVERY_S, status.troubles
        message = encode(status, self._link.user_id)
        self._channel.basic_publish(STATUS, message.routing_key, message.body, properties_of(message, lasting=False))
