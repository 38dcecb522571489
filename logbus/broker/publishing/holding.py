"""What RabbitMQ does not accept is held back for a while, longer each time, and reported once per reason.

A channel that was refused for most of a second is replaced: RabbitMQ 3.10 keeps refusing on a channel after the limit
of the full queue was lifted, or after a queue without a leader has elected one.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from logbus import backoff
from logbus.errors import counted

logger = logging.getLogger("logbus.broker.publisher")

FIRST_HOLD_S = 0.1
LAST_HOLD_S = 5.0
REOPEN_FROM_HOLD = 2
"""From the third on, each retry has a channel of its own."""


class Link(Protocol):
    """The part of the connection that is needed here."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` once, later."""

    def reopen_channel(self) -> None:
        """Replace the channel."""


class Hold:
    """The pauses of one publisher, which ends each with `send_again`. `because` is why nothing is accepted, or ""."""

    def __init__(self, link: Link, send_again: Callable[[], None]) -> None:
        self._link = link
        self._send_again = send_again
        self._refused_long = False
        self._holds = 0
        self.is_on = False
        self.because = ""

    def opened(self) -> None:
        """Send at once on a new channel."""
        self.is_on = False

    def nacked(self) -> None:
        """Note that messages were nacked: if this goes on, the channel is to blame."""
        self._refused_long = self._holds >= REOPEN_FROM_HOLD

    def start(self, why: str) -> None:
        """Report `why`, and pause, unless a pause has begun already."""
        if self.because != why:
            logger.warning("RabbitMQ does not accept messages: %s; pausing and retrying", why)
            self.because = why
        if not self.is_on:
            self.is_on = True
            self._link.call_later(backoff.delay_s(self._holds, FIRST_HOLD_S, LAST_HOLD_S), self._release)
            self._holds += 1

    def silent(self, unanswered: int, silent_s: float) -> None:
        """Report that RabbitMQ has not answered for so long, unless it is known to accept nothing."""
        if self.because:
            return
        self.because = "no answer"
        logger.warning(
            "RabbitMQ has not answered %s for %d s: a queue may have no leader, or an overloaded node "
            "(rabbitmqctl list_queues name leader); waiting",
            counted(unanswered, "batch", "batches"),
            silent_s,
        )

    def over(self) -> None:
        """Note that messages are accepted."""
        self._holds = 0
        if self.because:
            logger.warning("RabbitMQ accepts messages again")
            self.because = ""

    def _release(self) -> None:
        self.is_on = False
        if self._refused_long:
            self._refused_long = False
            self._link.reopen_channel()
        else:
            self._send_again()
