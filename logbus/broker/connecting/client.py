"""Who uses a connection: one client, whose channel it keeps open, and guests with channels of their own."""

from typing import TYPE_CHECKING, Protocol

from logbus.broker import topology

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika.channel import Channel


class Client(Protocol):
    """The user of the channel."""

    def plan(self) -> topology.Plan:
        """Return what to declare before `opened`."""

    def writes_to(self) -> str:
        """Return the exchange that this user must be allowed to publish to, "" if there is none."""

    def opened(self, channel: "Channel") -> None:
        """Begin: the whole plan is declared on this new channel."""

    def closed(self, error: BaseException) -> None:
        """Forget the channel: it is lost, with all delivery tags."""

    def blocked(self, reason: str | None) -> None:
        """Pause publishing (a reason: the broker is short of memory or disk), or resume it (None)."""


class Guest(Protocol):
    """Somebody with a channel of its own on the same connection, who does without where that is refused."""

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Begin: `open_channel` calls back with a new channel, as often as it is called."""

    def disconnected(self) -> None:
        """Forget all channels."""

    def leaving(self) -> None:
        """Say goodbye: the connection will be closed."""


class Guests:
    """The guests of a connection, who are told of each one in turn."""

    def __init__(self) -> None:
        self._guests: list[Guest] = []

    def invite(self, guest: Guest) -> None:
        """Serve `guest` from the next connection on."""
        self._guests.append(guest)

    def connected(self, open_channel: "Callable[[Callable[[Channel], None]], object]") -> None:
        """Tell all of a new connection."""
        for each in self._guests:
            each.connected(open_channel)

    def disconnected(self) -> None:
        """Tell all that it is lost."""
        for each in self._guests:
            each.disconnected()

    def leaving(self) -> None:
        """Tell all that it will be closed."""
        for each in self._guests:
            each.leaving()
