"""Lines as real applications write them, each with its severity: the demo's and the benchmarks' corpora.

Every line is unique: it carries a running number and the time it was written, in microseconds.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

SEVERITIES = ("err", "warning", "notice", "info", "debug")
WEIGHTS = (4, 8, 5, 75, 8)


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its newline, and the severity that it states."""

    data: bytes
    severity: str


Writer = Callable[[int, int, str, random.Random], str]
"""(running number, UTC microseconds, severity, random) -> a line without its newline."""


def _clock(at_us: int, pattern: str) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime(pattern)


def shop(number: int, at_us: int, severity: str, rng: random.Random) -> str:
    """Return a line of a Java service (logback)."""
    word = {"err": "ERROR", "warning": "WARN", "notice": "INFO", "info": "INFO", "debug": "DEBUG"}[severity]
    text = {
        "err": f"payment of order {number} declined after 3 retries: gateway timeout",
        "warning": f"slow query on orders took {rng.randint(200, 900)} ms",
    }.get(severity, f"order {number} placed by customer {rng.randint(1, 9999)}")
    moment = _clock(at_us, "%Y-%m-%d %H:%M:%S,") + f"{at_us // 1000 % 1000:03d}"
    return f"{moment} {word:5} [http-{rng.randint(1, 8)}] com.example.shop.Orders - {text} t={at_us} n={number}"


def web(number: int, at_us: int, severity: str, rng: random.Random) -> str:
    """Return a line of nginx's error log."""
    word = {"err": "error", "warning": "warn"}.get(severity, severity)
    text = {
        "err": "connect() failed (111: Connection refused) while connecting to upstream",
        "warning": "an upstream response is buffered to a temporary file",
    }.get(severity, f"client closed keepalive connection {rng.randint(1, 99999)}")
    return f"{_clock(at_us, '%Y/%m/%d %H:%M:%S')} [{word}] 812#812: *{number} {text}, t={at_us} n={number}"


def api(number: int, at_us: int, severity: str, rng: random.Random) -> str:
    """Return a line of a service that logs JSON."""
    text = "upstream said: ERROR, retried" if severity == "info" and number % 50 == 0 else "request handled"
    record = {"time": _clock(at_us, "%Y-%m-%dT%H:%M:%SZ"), "level": severity, "msg": text, "ms": rng.randint(1, 99)}
    return json.dumps({**record, "t": at_us, "n": number})


def auth(number: int, at_us: int, severity: str, rng: random.Random) -> str:
    """Return a syslog line with its `<PRI>` (facility 10, authpriv)."""
    priority = 10 * 8 + {"err": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}[severity]
    text = f"session {number} for user{rng.randint(1, 40)}"
    return f"<{priority}>{_clock(at_us, '%b %d %H:%M:%S')} gate sshd[4711]: {text} t={at_us} n={number}"


APPLICATIONS: dict[str, Writer] = {"shop": shop, "web": web, "api": api, "auth": auth}


class Generator:
    """Makes lines for an application, reproducibly; `severity_of` a line is what the line itself states."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._number = 0

    def line(self, application: str, at_us: int) -> Line:
        """Return the next line, written at `at_us`."""
        self._number += 1
        severity = self._random.choices(SEVERITIES, WEIGHTS)[0]
        text = APPLICATIONS[application](self._number, at_us, severity, self._random)
        stated = "info" if application == "shop" and severity == "notice" else severity
        return Line(text.encode() + b"\n", stated)
