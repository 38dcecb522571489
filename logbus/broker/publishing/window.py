"""How much may be published and not yet confirmed: what rate and round trip need, up to a limit. Pure.

Theory of operation. By Little's law a publisher is never idle while it keeps `rate * round trip` in flight; anything
beyond that only waits on the way, and a new line waits behind the backlog. So the window is that product, with some
room to grow, and never less than `LEAST`, which is enough on a local network.

The round trip is the shortest seen on this channel, because our own batches in flight make all others longer. A batch
published while nothing else is in flight reveals a path that has become longer. The rate is what was confirmed during
a batch's round trip, the best of the last seconds: a quiet source lowers the rate, not what the path can carry. Both
are measured as by BBR (Cardwell and others, ACM Queue 14/5, 2016).
"""

from typing import Final

from msgspec import Struct

GAIN: Final = 1.5
RATE_KEPT_S: Final = 5.0
"""The best rate of this period and of the one before counts."""
LONGER: Final = 0.25
"""The share of a longer round trip that is accepted at once: the broker may just have paused."""


class Amount(Struct, frozen=True):
    """A number of batches, and of the source bytes that they stand for."""

    batches: int
    bytes: int

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.batches + other.batches, self.bytes + other.bytes)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.batches - other.batches, self.bytes - other.bytes)


LEAST: Final = Amount(64, 8 * 1024 * 1024)


class _Sent(Struct, frozen=True):
    at_s: float
    size_bytes: int
    alone: bool
    confirmed: Amount
    """The amount confirmed on this channel when the batch was sent."""


class _Best(Struct):
    """The largest rate of the last seconds, in counted units per second."""

    now: float = 0.0
    before: float = 0.0

    def add(self, rate: float) -> None:
        self.now = max(self.now, rate)

    def turn(self) -> None:
        self.now, self.before = 0.0, self.now

    def best(self) -> float:
        return max(self.now, self.before)


class Window:
    """The window of one publisher: never more than `most`. Times are in seconds of any steady clock."""

    def __init__(self, most: Amount) -> None:
        self._most = most
        self._least = Amount(min(LEAST.batches, most.batches), min(LEAST.bytes, most.bytes))
        self.reset()

    def reset(self) -> None:
        """Start over on a new channel: its path may be a different one."""
        self._sent: dict[int, _Sent] = {}
        self._confirmed = Amount(0, 0)
        self._round_trip_s = 0.0
        self._batches, self._bytes = _Best(), _Best()
        self._turned_s = 0.0

    @property
    def limit(self) -> Amount:
        """The amount that may be in flight now."""
        return Amount(
            min(self._most.batches, max(self._least.batches, int(self._needed(self._batches)))),
            min(self._most.bytes, max(self._least.bytes, int(self._needed(self._bytes)))),
        )

    def sent(self, tag: int, size_bytes: int, now_s: float) -> None:
        """Record a published batch."""
        self._sent[tag] = _Sent(now_s, size_bytes, not self._sent, self._confirmed)

    def confirmed(self, tags: list[int], now_s: float) -> None:
        """Record batches that were confirmed all at once."""
        answered = [self._sent.pop(tag) for tag in tags]
        for each in answered:
            self._confirmed += Amount(1, each.size_bytes)
        for each in answered:
            self._measure(each, max(now_s - each.at_s, 1e-6))
        if now_s - self._turned_s > RATE_KEPT_S:
            self._turned_s = now_s
            self._batches.turn()
            self._bytes.turn()

    def refused(self, tags: list[int]) -> None:
        """Forget batches that were nacked or returned: they say nothing about the path."""
        for tag in tags:
            del self._sent[tag]

    def _measure(self, sent: _Sent, took_s: float) -> None:
        if not self._round_trip_s or took_s < self._round_trip_s:
            self._round_trip_s = took_s
        elif sent.alone:
            self._round_trip_s += LONGER * (took_s - self._round_trip_s)
        during = self._confirmed - sent.confirmed
        self._batches.add(during.batches / took_s)
        self._bytes.add(during.bytes / took_s)

    def _needed(self, rate: _Best) -> float:
        return GAIN * rate.best() * self._round_trip_s
