"""The signals of a daemon: what was asked for, and what ends it if a step does not.

They only set a flag and wake the loop: none ever interrupts a step, a save or a close.
"""

import _thread
import logging
import os
import signal
import time
from collections.abc import Callable

from logbus.command_line import logs

END_WITHIN_S = 4.0
"""How long the current step, the last save and closing the connection may take after a second signal."""
HUNG = "stopped with unfinished work by a second signal: the step that was begun did not end"
HANDLED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Signals:
    """The signals received, each of which wakes the loop. Without `reloads`, SIGHUP means stop, as SIGTERM does."""

    def __init__(self, wake: Callable[[], None], *, reloads: bool) -> None:
        self._wake = wake
        self._reloads = reloads
        self.stop = self.at_once = self.reload = self.again = self._ended = False
        for number in HANDLED:
            if reloads or number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)

    def _note(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP and self._reloads:
            self.reload = True
        elif not self.stop:
            self.stop = True
        elif not self.at_once:
            self.at_once = True
            _thread.start_new_thread(self._end_late, ())  # acquires no lock that the interrupted code may hold
        self._wake()

    def _end_late(self) -> None:
        """Exit in the middle of a step that takes too long (a hung disk); saved state is as after `kill -9`."""
        time.sleep(END_WITHIN_S)
        if not self._ended:
            logs.write_at_once(logging.CRITICAL, "logbus.daemon", HUNG)
            os._exit(1)

    def leave(self) -> None:
        """Leave signals, and a pending reload, to the program that replaces this one."""
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        if self.reload:
            signal.raise_signal(signal.SIGHUP)

    def end(self) -> None:
        """Ignore all further signals: everything is closed, and the exit code is fixed."""
        for number in HANDLED:
            signal.signal(number, signal.SIG_IGN)
        self._ended = True

    def take_reload(self) -> bool:
        """Return True if a reload was requested since the last call."""
        asked, self.reload = self.reload, False
        return asked
