"""Sends the letters to one destination in a thread, in order: retried while there is hope, then given up."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from logbus import backoff, telemetry
from sinks.alert.notices import Letter
from sinks.alert.sending.attempts import Send
from sinks.alert.sending.failures import NotSent

logger = logging.getLogger("sinks.alert.sending.sender")

FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 300.0
GIVE_UP_S: Final = 4 * 3600.0
LETTERS_MAX: Final = 4096
"""More than the limit of messages allows before the oldest are given up."""


class Sender:
    """Sends letters by `send`, and calls `done` with each that was sent or given up, from its thread.

    `clock` has seconds since 1970.
    """

    def __init__(
        self, to: str, send: Send, done: Callable[[Letter], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._to = to
        self._send = send
        self._done = done
        self._clock = clock
        self._letters: queue.Queue[Letter | None] = queue.Queue(LETTERS_MAX)
        self._stop = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"alert to {to}", daemon=True)
        self._thread.start()

    def put(self, letter: Letter) -> bool:
        """Send a letter when its turn comes; return False if too many wait."""
        try:
            self._letters.put_nowait(letter)
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        """Send nothing after the present attempt; what was not sent is remembered elsewhere."""
        self._stop.set()
        if not self._letters.full():
            self._letters.put_nowait(None)

    def join(self, within_s: float) -> None:
        """Wait for the present attempt, for so long at most: its thread ends with the process."""
        self._thread.join(max(0.0, within_s))

    def _run(self) -> None:
        while not self._stop.is_set():
            letter = self._letters.get()
            while letter and not self._stop.is_set() and not self._sent(letter):
                self._stop.wait(backoff.delay_s(self._failures - 1, FIRST_RETRY_S, LAST_RETRY_S))

    def _sent(self, letter: Letter) -> bool:
        """Try to send a letter; return True if that is over, one way or the other."""
        try:
            self._send(letter.notice)
        except NotSent as error:
            return self._failed(letter, error)
        if self._failures:
            logger.warning("sending to %s works again after %d failed attempts", self._to, self._failures)
        self._failures = 0
        telemetry.count("logbus_alert_messages", to=self._to)
        self._done(letter)
        return True

    def _failed(self, letter: Letter, error: NotSent) -> bool:
        """Return True if the letter is given up."""
        if error.final or self._clock() - letter.made_s >= GIVE_UP_S:
            logger.error("the message about %s to %s is given up: %s", letter.notice.rule, self._to, error)
            telemetry.count("logbus_alert_given_up_messages", to=self._to)
            self._done(letter)
            return True
        if not self._failures:
            logger.warning("sending to %s fails: %s; retrying for four hours", self._to, error)
        self._failures += 1
        return False
