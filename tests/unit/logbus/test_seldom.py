"""Warnings that others cause are given once a minute of each kind."""

from logbus.seldom import EVERY_S, KINDS_MAX, Seldom, and_others


class Clock:
    """A clock that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def test_one_of_a_kind_a_minute() -> None:
    """A warning that differs in numbers alone is left out for a minute; the next one says how many were."""
    clock = Clock()
    seldom = Seldom(clock)
    assert [seldom.left_out(f"bad {number}") for number in range(5)] == [0, None, None, None, None]
    assert seldom.left_out("worse") == 0
    clock.now_s += EVERY_S
    assert seldom.left_out("bad 9") == 4
    assert seldom.left_out("bad 9") is None
    assert "4 more" in and_others(4)
    assert and_others(0) == ""


def test_kinds_are_bounded() -> None:
    """Whoever makes up kinds gets no more memory, and no more warnings."""
    seldom = Seldom(Clock())
    given = [seldom.left_out("x" * number) for number in range(10 * KINDS_MAX)]
    assert given.count(0) == KINDS_MAX + 1
