"""Backing off: how long to wait after failures in a row."""

MOST_DOUBLINGS = 30


def delay_s(failures: int, first_s: float, last_s: float) -> float:
    """Return the seconds to wait when `failures` preceded this one: `first_s`, twice that, and so on to `last_s`."""
    return min(last_s, first_s * 2.0 ** min(failures, MOST_DOUBLINGS))
