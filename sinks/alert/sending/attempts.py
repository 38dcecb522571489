"""One message to one destination, once. What came back is told without secrets; an attempt takes a bounded time."""

import threading
from collections.abc import Callable
from typing import Final

from logbus.errors import LogbusError, UsageError
from sinks.alert.destinations import Destination
from sinks.alert.notices import Notice
from sinks.alert.sending import by_command, by_mail, by_webhook
from sinks.alert.sending.failures import NotSent

ATTEMPT_S: Final = 60.0
"""Each answer has a time limit of its own; a server that sends a byte now and then meets this one."""
Send = Callable[[Notice], str]
"""Sends a message, and returns what came back. Raises NotSent."""


class Attempts:
    """Attempts to send to one destination, one at a time, each in a thread that may be left behind."""

    def __init__(self, destination: Destination, limit_s: float = ATTEMPT_S) -> None:
        self._destination = destination
        self._limit_s = limit_s
        self._running: threading.Thread | None = None

    def send(self, notice: Notice) -> str:
        """Send a message; return what came back. Raises NotSent, also if that takes too long."""
        if self._running and self._running.is_alive():
            raise NotSent("the attempt before has not ended")
        outcome: list[str | NotSent] = []
        self._running = threading.Thread(
            target=lambda: outcome.append(attempted(self._destination, notice)), name="alert attempt", daemon=True
        )
        try:
            self._running.start()
        except RuntimeError as error:  # the system allows no more threads
            raise NotSent(error) from error
        self._running.join(self._limit_s)
        found = outcome[0] if outcome else NotSent(f"it did not end within {self._limit_s:g} s")
        if isinstance(found, NotSent):
            raise found
        return found


def attempted(destination: Destination, notice: Notice) -> str | NotSent:
    """Send a message; return what came back, or why it was not sent."""
    try:
        return send_to(destination, notice)
    except NotSent as error:
        return error
    except LogbusError as error:  # a secret or a certificate that cannot be read: it may be put right
        return NotSent(error.cause if isinstance(error, UsageError) else error)


def send_to(destination: Destination, notice: Notice) -> str:
    """Send a message; return what came back. Raises NotSent, and UsageError for a secret that cannot be read."""
    if destination.webhook:
        return by_webhook.send(destination.webhook, notice)
    if destination.mail:
        return by_mail.send(destination.mail, notice)
    return by_command.send(destination.command or [], notice)
