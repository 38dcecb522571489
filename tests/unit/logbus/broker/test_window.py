"""The window follows rate and round trip, between its least and its limit."""

from collections import deque

import pytest

from logbus.broker.publishing.window import LEAST, Amount, Window

MIB = 1 << 20
WIDE = Amount(4_096, 64 * MIB)


class Path:
    """A path of so many bytes a second and a round trip, and a publisher that always has something to say."""

    def __init__(self, window: Window, *, rate: float, round_trip_s: float, size_bytes: int = MIB) -> None:
        self.window, self.rate, self.round_trip_s, self.size_bytes = window, rate, round_trip_s, size_bytes
        self.now_s = self.free_s = 0.0
        self.number = self.confirmed = 0
        self.under_way: deque[tuple[float, int]] = deque()

    def run(self, duration_s: float) -> float:
        """Publish whenever there is room; return the bytes confirmed a second."""
        begun_s, before = self.now_s, self.confirmed
        while self.now_s < begun_s + duration_s:
            while self.has_room():
                self.send()
            self.answer()
        return (self.confirmed - before) * self.size_bytes / (self.now_s - begun_s)

    def has_room(self) -> bool:
        """Return True if one more fits."""
        limit, count = self.window.limit, len(self.under_way)
        return count < limit.batches and count * self.size_bytes < limit.bytes

    def send(self) -> None:
        """Publish one, behind all that the path still has to carry."""
        self.free_s = max(self.now_s, self.free_s) + self.size_bytes / self.rate
        self.number += 1
        self.window.sent(self.number, self.size_bytes, self.now_s)
        self.under_way.append((self.free_s + self.round_trip_s, self.number))

    def answer(self) -> None:
        """Go to the time of the next confirm."""
        self.now_s, tag = self.under_way.popleft()
        self.window.confirmed([tag], self.now_s)
        self.confirmed += 1


@pytest.mark.parametrize(("rate", "round_trip_s"), [(100e6, 0.2), (200e6, 0.1), (30e6, 1.0), (40e6, 0.25)])
def test_a_long_path_is_filled(rate: float, round_trip_s: float) -> None:
    """Where the least window would leave a path idle, it grows until the path is full, in a few round trips."""
    path = Path(Window(WIDE), rate=rate, round_trip_s=round_trip_s)
    path.run(12 * round_trip_s)
    assert path.run(10.0) > 0.95 * rate


@pytest.mark.parametrize(("rate", "round_trip_s"), [(240e6, 0.002), (240e6, 0.015), (1e6, 0.2), (50e3, 0.05)])
def test_a_short_or_slow_path_keeps_the_least_window(rate: float, round_trip_s: float) -> None:
    """More in flight would only make a line beside a backlog wait, however long the backlog takes."""
    window = Window(WIDE)
    Path(window, rate=rate, round_trip_s=round_trip_s).run(60.0)
    assert window.limit == LEAST


def test_our_own_queue_is_no_round_trip() -> None:
    """What is in flight makes confirms late: that does not widen the window, again and again."""
    window = Window(WIDE)
    Path(window, rate=100e6, round_trip_s=0.2).run(300.0)
    assert window.limit.bytes < 2 * 100e6 * 0.2


def test_small_batches_are_counted() -> None:
    """A thousand files that say a line each on a long path: their number is what the window has to follow."""
    path = Path(Window(WIDE), rate=300e3, round_trip_s=0.2, size_bytes=100)
    path.run(5.0)
    assert path.run(10.0) > 0.95 * 300e3


def test_the_limit_is_kept() -> None:
    """What the user allows is never exceeded, also where it is less than the least."""
    for most in (Amount(4, MIB), Amount(64, 16 * MIB)):
        window = Window(most)
        Path(window, rate=1e9, round_trip_s=1.0).run(60.0)
        assert window.limit == most


def test_a_path_that_becomes_longer_is_noticed() -> None:
    """Once a batch has travelled alone a few times, the longer round trip counts."""
    window = Window(WIDE)
    path = Path(window, rate=100e6, round_trip_s=0.001)
    path.run(10.0)
    path.round_trip_s = 0.2
    while path.under_way:
        path.answer()
    for _ in range(12):
        path.send()
        path.answer()
    path.run(5.0)
    assert path.run(10.0) > 0.95 * 100e6


def test_one_pause_of_the_broker_changes_little() -> None:
    """A single late confirm is not taken for a long path."""
    window = Window(WIDE)
    path = Path(window, rate=240e6, round_trip_s=0.002)
    path.run(10.0)
    window.sent(0, 100, path.now_s)
    window.confirmed([0], path.now_s + 0.05)
    path.run(1.0)
    assert window.limit == LEAST


def test_what_is_refused_is_forgotten() -> None:
    """A nack says nothing of the path, and a new channel begins anew."""
    window = Window(WIDE)
    window.sent(1, MIB, 0.0)
    window.refused([1])
    window.sent(1, MIB, 10.0)
    window.confirmed([1], 10.001)
    assert window.limit == LEAST
    window.reset()
    Path(window, rate=100e6, round_trip_s=0.2).run(20.0)
    assert window.limit.bytes > LEAST.bytes
    window.reset()
    assert window.limit == LEAST
