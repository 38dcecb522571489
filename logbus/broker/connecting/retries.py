"""What is reported of failed attempts to connect and to work, and how long to wait before the next one."""

import logging
import random
import time

from logbus import backoff
from logbus.errors import BrokerError, BrokerRefused, visible

logger = logging.getLogger("logbus.connection")

FIRST_RETRY_S = 0.2
LAST_RETRY_S = 15.0
REMIND_EVERY_S = 60.0
FORGIVEN_S = 60.0
"""A refusal is over after this long without another: until then attempts become rarer, even if some succeed."""


class Retries:
    """The failures since everything worked. An outage is reported at once, then once a minute."""

    def __init__(self) -> None:
        self._attempts = self._refusals = 0
        self._login_failed = False
        self._refused_at = -FORGIVEN_S
        self._reminded_at = -REMIND_EVERY_S

    def works(self, where: str) -> None:
        """Record that everything works at `where`, and report it, unless a refusal is too recent to be over."""
        self._attempts, self._login_failed = 0, False
        if time.monotonic() - self._refused_at < FORGIVEN_S:
            return
        log = logger.warning if self._reminded_at > 0 else logger.info
        log("connected to RabbitMQ at %s", visible(where))
        self._refusals, self._reminded_at = 0, -REMIND_EVERY_S

    def refused(self) -> None:
        """Record that RabbitMQ refused something on a connection."""
        self._refusals, self._refused_at = self._refusals + 1, time.monotonic()

    def login_failed(self) -> None:
        """Record that a secret is unusable or refused: it is reported at once, even amid an outage."""
        if not self._login_failed:
            self._reminded_at = -REMIND_EVERY_S
        self._login_failed = True

    def pause_s(self, error: BrokerError) -> float:
        """Report `error`, if it is time to, and return how long to wait before the next attempt."""
        now = time.monotonic()
        if now - self._reminded_at >= REMIND_EVERY_S:
            self._reminded_at = now
            known = isinstance(error, BrokerRefused) or error.hint or self._login_failed
            logger.warning("%s; retrying%s", error, "" if known else " (is RabbitMQ running there?)")
        delay_s = backoff.delay_s(max(self._attempts, self._refusals), FIRST_RETRY_S, LAST_RETRY_S)
        self._attempts += 1
        return delay_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
