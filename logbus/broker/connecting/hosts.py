"""The hosts of a broker, in turn, each with the secrets that are there when it is connected to."""

from typing import TYPE_CHECKING

from logbus.broker.amqp import parameters

if TYPE_CHECKING:
    import pika

    from logbus.config.settings import Broker, Endpoint


class Hosts:
    """The hosts of `broker`, one of which is current: the one that was connected to last, or is being connected to."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._endpoints: list[Endpoint] = []
        self._turn = 0

    @property
    def current(self) -> "Endpoint":
        """The endpoint of the current host."""
        return self._endpoints[self._turn % len(self._endpoints)]

    @property
    def where(self) -> str:
        """The current host and its port, without secrets."""
        return f"{self.current.host}:{self.current.port}"

    @property
    def user_id(self) -> str | None:
        """The AMQP user, for messages to state; None if unknown, or if they shall not."""
        return (self.current.username or None) if self._broker.user_id else None

    def parameters(self, role: str) -> "pika.ConnectionParameters":
        """Read the secrets, and return how to connect to the current host.

        Raises UsageError if a password or PEM file is unusable.
        """
        self._endpoints = self._broker.endpoints()
        return parameters(self.current, self._broker, role)

    def next(self) -> None:
        """Make the next host the current one."""
        self._turn += 1
