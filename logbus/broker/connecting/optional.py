"""A channel of its own that a part of a daemon would like to have: what goes wrong there never touches the rest.

The exchanges that it needs are looked for, and made if that is allowed. Where RabbitMQ refuses, that is said once, and
tried again an hour later or at the next connection.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from logbus.errors import visible

if TYPE_CHECKING:
    from logbus.broker.amqp import Channel

AGAIN_S: Final = 3600.0
TRIES: Final = 3
"""Connections that ended when another channel was asked for: this user may not have one, and is left in peace."""
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


class OptionalChannel:
    """Asks for a channel on each connection. `use` takes it, and whether exchanges are made, or only looked for.

    `refused` is told why, once. Whoever uses the channel says when it `works`, and calls `retry` now and then.
    """

    def __init__(
        self,
        use: "Callable[[Channel, bool], None]",
        refused: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._use = use
        self._refused = refused
        self._clock = clock
        self._open_channel: Callable[[Callable[[Channel], None]], object] | None = None
        self._working: Channel | None = None
        self._makes = self._said = False
        self._unanswered = 0
        self._again = 0.0

    @property
    def working(self) -> "Channel | None":
        """The channel, once it works; None without one."""
        return self._working

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Begin on a new connection."""
        if self._unanswered >= TRIES:
            return
        self._open_channel, self._makes, self._again = open_channel, False, 0.0
        self._ask()

    def disconnected(self) -> None:
        """Forget the channel: the connection is lost."""
        self._working = self._open_channel = None

    def works(self, channel: "Channel") -> None:
        """Note that a channel was given what it needs."""
        self._working = channel

    def retry(self) -> None:
        """Ask again, if that was refused an hour ago."""
        if self._again and self._clock() >= self._again:
            self._again = 0.0
            self._ask()

    def _ask(self) -> None:
        if self._open_channel:
            self._unanswered += 1
            self._open_channel(self._opened)

    def _opened(self, channel: "Channel") -> None:
        self._unanswered = 0
        channel.add_on_close_callback(self._closed)
        self._use(channel, self._makes)

    def _closed(self, channel: "Channel", error: BaseException) -> None:
        was_working, self._working = self._working is channel, None
        if not self._open_channel or not channel.connection.is_open:
            return
        if getattr(error, "reply_code", 0) == _NOT_FOUND and not (self._makes or was_working):
            self._makes = True
            self._ask()
            return
        self._again, self._makes = self._clock() + AGAIN_S, False
        if not self._said:
            self._said = True
            self._refused(visible(str(getattr(error, "reply_text", error))))
