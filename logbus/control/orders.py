"""What every process can be told to do: read its configuration again, or log more or less."""

import logging
import re
import signal
from collections.abc import Callable
from typing import Final

from logbus.command_line.logs import LEVELS
from logbus.control.verbs import Said, Verb, none_of
from logbus.errors import UsageError

LONGEST_S: Final = 7 * 86_400
_NUMBER: Final = re.compile(r"[0-9]{1,7}")


def reloading(read_again: Callable[[], object] | None) -> Verb:
    """Return the verb `reload`: as SIGHUP, but it answers with what is wrong with the new configuration."""

    def reload(arguments: list[str]) -> Said:
        none_of(arguments)
        if read_again is None:
            raise UsageError("reload", "it was started without --config", "restart it")
        read_again()
        signal.raise_signal(signal.SIGHUP)
        return Said("the configuration is valid: restarting with it")

    return reload


class LogLevel:
    """The verb `log-level LEVEL [SECONDS]`: until the next start or reload, or for a time.

    `call_later` takes a delay in seconds and a callback.
    """

    def __init__(self, call_later: Callable[[float, Callable[[], None]], None]) -> None:
        self._call_later = call_later
        self._usual = logging.getLogger().level
        self._orders = 0

    def __call__(self, arguments: list[str]) -> Said:
        """Log this level and worse from now on. Raises UsageError."""
        level, seconds = _wanted(arguments)
        self._orders += 1
        logging.getLogger().setLevel(level.upper())
        if not seconds:
            return Said(f"logging {level} and worse until the next start or reload")
        order = self._orders
        self._call_later(seconds, lambda: self._end(order))
        return Said(f"logging {level} and worse for {seconds} s")

    def _end(self, order: int) -> None:
        """Log as usual, unless there was another order since."""
        if order == self._orders:
            logging.getLogger().setLevel(self._usual)


def _wanted(arguments: list[str]) -> tuple[str, int]:
    """Return a level, and for how many seconds, 0 for ever. Raises UsageError."""
    level, *rest = arguments or [""]
    if level not in LEVELS:
        raise UsageError("set the log level", f"it is one of {', '.join(LEVELS)}", "as in: log-level debug 60")
    if not rest:
        return level, 0
    seconds = int(rest[0]) if len(rest) == 1 and _NUMBER.fullmatch(rest[0]) else 0
    if not 1 <= seconds <= LONGEST_S:
        raise UsageError("set the log level", f"the time is 1 to {LONGEST_S} seconds", "as in: log-level debug 60")
    return level, seconds
