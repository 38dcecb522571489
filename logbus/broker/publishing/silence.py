"""How long RabbitMQ has not answered, and what is done about it.

A channel that stays unanswered for a while is replaced. A new one without a confirm so far is given little time: what
RabbitMQ forwarded to a leader that was just killed is never answered. Any other has 30 s.
"""

from collections.abc import Callable
from typing import Protocol

from logbus import backoff

FIRST_ANSWER_S = 2.0
LAST_ANSWER_S = 30.0
"""How long a channel may leave everything unanswered: one without a confirm so far (doubled each time); any other."""
SAY_SILENCE_S = 10.0


class Link(Protocol):
    """The part of the connection that is needed here."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` once, later."""

    def reopen_channel(self) -> None:
        """Replace the channel."""

    def unsent_bytes(self) -> int:
        """Return how much has not left this host yet."""


class Asking(Protocol):
    """The publisher, who waits for the answers."""

    def unanswered(self) -> int:
        """Return how many messages on this channel have no answer yet."""

    def is_blocked(self) -> bool:
        """Return True if RabbitMQ said why it does not answer."""

    def report_silence(self, silent_s: float) -> None:
        """Report that nothing was answered for so long."""


class Silence:
    """Counts the answers on the present channel of `link`, and replaces that if there are none."""

    def __init__(self, link: Link, asking: Asking) -> None:
        self._link = link
        self._asking = asking
        self._watching = False
        self._answers = self._answers_before = 0
        self._silent_s, self._channels_in_vain = 0.0, 0

    def opened(self) -> None:
        """Start over on a new channel."""
        self._answers = self._answers_before = 0
        self._silent_s = 0.0

    def answered(self) -> None:
        """Note an answer, of whatever kind."""
        self._answers += 1

    def watch(self) -> None:
        """Check later that RabbitMQ has answered."""
        if not self._watching:
            self._watching = True
            self._link.call_later(FIRST_ANSWER_S, self._look_for_answers)

    def _look_for_answers(self) -> None:
        self._watching = False
        answered = self._answers != self._answers_before or not self._asking.unanswered()
        self._answers_before = self._answers
        self._silent_s = 0.0 if answered or self._asking.is_blocked() else self._silent_s + FIRST_ANSWER_S
        if self._answers:
            self._channels_in_vain = 0
        if self._silent_s >= SAY_SILENCE_S:
            self._asking.report_silence(self._silent_s)
        if self._silent_s >= self._limit_s() and not self._link.unsent_bytes():  # else a slow link would start over
            self._channels_in_vain += 1
            self._link.reopen_channel()
        elif self._asking.unanswered():
            self.watch()

    def _limit_s(self) -> float:
        if self._answers:
            return LAST_ANSWER_S
        return backoff.delay_s(self._channels_in_vain, FIRST_ANSWER_S, LAST_ANSWER_S)
