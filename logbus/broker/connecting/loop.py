"""The loop of a daemon's single thread: pika's, which other threads, signal handlers and descriptors can wake.

`end` runs it until a connection is closed.
"""

import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pika.adapters.select_connection import IOLoop

from logbus.errors import BrokerUnavailable

if TYPE_CHECKING:
    from logbus.broker.amqp import AtOnce

CLOSE_WITHIN_S = 2.0
STEP_S = 0.05
"""How often to ask whether what is waited for has happened."""


class Loop:
    """Runs callbacks while it is polled. `pikas` is the loop that connections need."""

    def __init__(self) -> None:
        self.pikas = IOLoop()
        self.pikas.activate_poller()
        self._wake_in, self._wake_out = _never_blocking_pair()
        self.pikas.add_handler(self._wake_in.fileno(), self._on_wake, IOLoop.READ)

    def poll(self, timeout_s: float) -> None:
        """Do pending I/O, waiting at most `timeout_s` for some."""
        timer = self.pikas.call_later(timeout_s, _nothing)
        self.pikas.poll()
        self.pikas.process_timeouts()
        self.pikas.remove_timeout(timer)

    def poll_until(self, happened: Callable[[], bool], within_s: float) -> None:
        """Do I/O until something happened, for at most `within_s`."""
        deadline = time.monotonic() + within_s
        while not happened() and time.monotonic() < deadline:
            self.poll(STEP_S)

    def wake(self) -> None:
        """End a `poll` that waits. May be called from any thread and from a signal handler."""
        try:
            self._wake_out.send(b"\0")
        except (BlockingIOError, OSError):
            return  # full: a wake-up is pending; closed: there is nothing left to wake

    def wake_on(self, fd: int) -> None:
        """End a waiting `poll` whenever `fd` is readable, until `ignore(fd)`. Regular files cannot be waited for."""
        self.pikas.add_handler(fd, _nothing, IOLoop.READ)

    def ignore(self, fd: int) -> None:
        """Stop waking on `fd`."""
        self.pikas.remove_handler(fd)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` once from a later `poll`."""
        self.pikas.call_later(delay_s, callback)

    def close(self) -> None:
        """Close it for good."""
        self.pikas.deactivate_poller()
        self.pikas.close()
        self._wake_in.close()
        self._wake_out.close()

    def _on_wake(self, _fd: int, _events: int) -> None:
        self._wake_in.recv(4096)


def end(connection: "AtOnce", loop: Loop) -> None:
    """Close a connection gracefully, or drop it: at once if it is not open yet, else after CLOSE_WITHIN_S."""
    if not (connection.is_closing or connection.is_closed):
        connection.close()
    loop.poll_until(lambda: connection.is_closed, CLOSE_WITHIN_S)
    if connection.is_closing:
        connection.abort(BrokerUnavailable("close the connection", "no answer"))
        loop.poll_until(lambda: connection.is_closed, CLOSE_WITHIN_S)


def _nothing(*_args: object) -> None:
    """Do nothing: the only effect of this callback is that `poll` returns."""


def _never_blocking_pair() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return ends
