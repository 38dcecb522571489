"""Connections of the server: how many there may be, and how long a request may take to arrive.

uvicorn waits for ever for the rest of a request, so that a few hundred slow senders would keep all others out.
"""

import asyncio
from collections import Counter
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import h11
from msgspec import Struct, field
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX: Final = 512
PER_ADDRESS: Final = 128
REQUEST_S: Final = 10.0
"""A request has to arrive as a whole, head and body, within so many seconds of its first byte, or the connection."""
_V6_NETWORK: Final = 64
_INCOMPLETE: Final = (h11.IDLE, h11.SEND_BODY)


def network_of(address: str) -> str:
    """Return what stands for whoever has an address: of IPv6, anybody has a whole /64 to choose from."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or parsed.packed[: _V6_NETWORK // 8].hex(":", 2))


class Limits(Struct, frozen=True):
    """How many connections there may be, in all and from one address (0: as many as in all)."""

    per_address: int = PER_ADDRESS
    total: int = CONNECTIONS_MAX
    request_s: float = REQUEST_S
    counts: Counter[str] = field(default_factory=Counter)

    def admits(self, address: str) -> bool:
        """Count a connection, and return whether it may stay."""
        self.counts[address] += 1
        within = not self.per_address or self.counts[address] <= self.per_address
        return within and self.counts.total() <= self.total

    def left(self, address: str) -> None:
        """Forget a connection that `admits` counted."""
        self.counts[address] -= 1
        if not self.counts[address]:
            del self.counts[address]


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 within limits: a connection too many, and a request that does not arrive in time, are cut off."""

    def __init__(self, limits: Limits, **given: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(**given)
        self._limits = limits
        self._address = ""
        self._arriving: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or cut it off."""
        super().connection_made(transport)
        self._address = network_of(self.client[0] if self.client else "")
        if self._limits.admits(self._address):
            self._await_request()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._limits.left(self._address)
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request."""
        super().data_received(data)
        if self.conn.their_state in _INCOMPLETE:
            self._await_request()
        else:
            self._stop_waiting()

    def _await_request(self) -> None:
        if self._arriving is None:
            self._arriving = self.loop.call_later(self._limits.request_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._arriving:
            self._arriving.cancel()
            self._arriving = None


def protocol_of(limits: Limits) -> "partial[BoundedProtocol]":
    """Return what makes the protocol of each connection."""
    return partial(BoundedProtocol, limits)
