"""Metrics: plain numbers, counted where things happen, served to Prometheus when `metrics:` is configured.

Each metric is defined once, in `metrics`. Counting costs a dictionary entry; `serving`, which needs prometheus-client,
is imported only by whoever serves.
"""

import time
from bisect import bisect_left

from logbus.telemetry.metrics import METRICS, SECONDS

__all__ = [
    "METRICS",
    "beat",
    "common",
    "count",
    "gauge",
    "identify",
    "is_alive",
    "observe",
    "observed",
    "samples",
    "value",
]

ALIVE_WITHIN_S = 30.0
Labels = tuple[tuple[str, str], ...]

_values: dict[tuple[str, Labels], float] = {}
_observed: dict[str, tuple[list[int], float]] = {}
_common: dict[str, str] = {}
_beat_at_s = [0.0]


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter."""
    key = (name, tuple(sorted(labels.items())) if labels else ())
    _values[key] = _values.get(key, 0) + amount


def gauge(name: str, value: float, **labels: str) -> None:
    """Set a gauge."""
    _values[(name, tuple(sorted(labels.items())))] = value


def observe(name: str, value_s: float) -> None:
    """Add a time span to a histogram."""
    buckets, total_s = _observed.get(name) or ([0] * (len(SECONDS) + 1), 0.0)
    buckets[bisect_left(SECONDS, value_s)] += 1
    _observed[name] = buckets, total_s + value_s


def value(name: str, **labels: str) -> float:
    """Return the value of a metric; 0 if nothing was counted yet."""
    return _values.get((name, tuple(sorted(labels.items()))), 0)


def identify(**labels: str) -> None:
    """Give every metric of this process these labels."""
    _common.update(labels)


def common() -> dict[str, str]:
    """Return the labels that every metric has."""
    return dict(_common)


def samples() -> dict[tuple[str, Labels], float]:
    """Return all counters and gauges, as they are now."""
    return dict(_values)


def observed(name: str) -> tuple[list[int], float]:
    """Return how many time spans a histogram has in each bucket, the last without a bound, and their sum in seconds."""
    buckets, total_s = _observed.get(name) or ([0] * (len(SECONDS) + 1), 0.0)
    return list(buckets), total_s


def beat() -> None:
    """Record that the daemon's loop is running: /healthz answers 503 after 30 s without this."""
    _beat_at_s[0] = time.monotonic()


def is_alive() -> bool:
    """Return True if the loop was running within the last 30 s."""
    return time.monotonic() - _beat_at_s[0] < ALIVE_WITHIN_S
