"""What all our daemons share: a service run in steps, a polled connection, signals, systemd, exit codes.

One thread does everything: `step` does the pending work and returns when it wants to be called again, `poll` waits for
the broker, for a wake-up or for that time. Signals only set a flag and wake the loop: none ever interrupts a step, a
save or a close. Under systemd (`NOTIFY_SOCKET`, see sd_notify(3)) the loop reports when it is ready, stopping, and
alive (`WATCHDOG_USEC`).

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 the broker refused us.
"""

import atexit
import functools
import gc
import logging
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, Protocol

from logbus import telemetry
from logbus.config.endpoints import redacted
from logbus.errors import LogbusError, describe
from logbus.handover import was_reloaded
from logbus.native import descriptors, malloc
from logbus.signals import Signals

logger = logging.getLogger("logbus.daemon")

DRAIN_TIMEOUT_S = 20.0
LONGEST_WAIT_S = 5.0
RETRY_S = 0.2

P = ParamSpec("P")


class Service(Protocol):
    """The work of a daemon, in steps."""

    def step(self, now: float) -> float:
        """Do the pending work without blocking; return seconds until the next step is due (0: there is more)."""

    def drain(self) -> None:
        """Accept no new work; finish what was begun."""

    def finished(self) -> bool:
        """Return True if there will be nothing more to do."""

    def reload(self) -> None:
        """Check at once for outside changes."""

    def close(self) -> None:
        """Release all resources. Always called, once."""


class Link(Protocol):
    """The connection that the loop waits on: `logbus.broker.connecting.connection.Connection`."""

    def poll(self, timeout_s: float) -> None:
        """Do I/O for at most that long."""

    def wake(self) -> None:
        """End a waiting poll."""

    def close(self) -> None:
        """Close gracefully."""


def notify(state: str) -> None:
    """Send `state` to systemd, as sd_notify(3) does; without systemd, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with suppress(OSError):
            _datagrams().sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


@functools.cache
def _datagrams() -> socket.socket:
    """Return a socket that stays open: a process without descriptors is alive, too."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    atexit.register(sock.close)
    return sock


def watchdog_period_s() -> float:
    """Return the interval between signs of life to systemd, in seconds; infinity without a watchdog."""
    return int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / 2 or float("inf")


def run(
    service: Service,
    link: Link,
    *,
    drain_timeout_s: float = DRAIN_TIMEOUT_S,
    read_again: Callable[[], object] | None = None,
) -> int:
    """Step `service` until it has finished; return the exit code: 1 if it had to be stopped before that.

    The first SIGTERM or SIGINT drains for at most `drain_timeout_s`. A second one stops after the current step: what
    is confirmed is saved, everything is closed, and the exit code is 1. On SIGHUP `read_again` reads the configuration:
    if it is valid, work in flight is drained and the program executes itself again, with the new settings and the same
    pid; otherwise it is reported, and the old settings stay in force. Without `read_again`, SIGHUP is SIGTERM.
    Raises LogbusError as the service or the link does.
    """
    malloc.keep_freed()
    gc.freeze()  # what was imported stays: to look at it for cycles takes 6 % of a sink of small batches
    if was_reloaded():
        _note_reload(in_order=True)
    signals = Signals(link.wake, reloads=read_again is not None)
    notify("READY=1")
    try:
        code = _loop(service, link, signals, drain_timeout_s, read_again)
    finally:
        if not signals.again:
            notify("STOPPING=1")
        service.close()
        link.close()
        if signals.again:
            _await_descriptors(signals)
            signals.leave()
        if signals.stop or not signals.again:
            signals.end()
    if signals.at_once and code:
        sys.exit(code)
    if signals.again and not signals.stop:
        _take_own_place()
    return code


def _take_own_place() -> None:
    """Execute this program again, with the same arguments; it gets the blocked signals once it handles them."""
    sys.stdout.flush()
    try:
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - no shell, and only our own arguments
    except OSError as error:
        raise LogbusError("start again with the new configuration", error) from None


def _in_order(read_again: Callable[[], object] | None) -> bool:
    """Return True if there is a new, valid configuration; report whether it is valid."""
    try:
        if read_again is None:
            return False
        if not read_again():
            _note_reload(in_order=True)
            return False
    except LogbusError as error:
        logger.error("%s; the old settings stay in force", error)  # noqa: TRY400 - a traceback would add nothing
        _note_reload(in_order=False)
        return False
    logger.info("the configuration is valid: restarting with it once everything in flight is confirmed")
    return True


def _note_reload(*, in_order: bool) -> None:
    telemetry.gauge("logbus_reload_seconds", time.time())
    telemetry.gauge("logbus_reload_success", in_order)


def _loop(
    service: Service,
    link: Link,
    signals: Signals,
    drain_timeout_s: float,
    read_again: Callable[[], object] | None,
) -> int:
    period_s = watchdog_period_s()
    deadline = float("inf")
    alive_due = time.monotonic() + min(period_s, 1e9)
    while not service.finished():
        now = time.monotonic()
        if signals.take_reload():
            service.reload()
            if _in_order(read_again) and not signals.again:
                signals.again = True
                notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        if (signals.stop or signals.again) and deadline == float("inf"):
            deadline = now + drain_timeout_s
            service.drain()
        if signals.at_once or now > deadline:
            why = "by a second signal" if signals.at_once else f"after {drain_timeout_s:g} s"
            logger.warning("stopped with unfinished work %s; it resumes at the next start", why)
            return 1
        if now >= alive_due:
            notify("WATCHDOG=1")
            alive_due = now + period_s
        telemetry.beat()
        wait_s = service.step(now)
        if not service.finished():
            link.poll(max(0.0, min(wait_s, LONGEST_WAIT_S, period_s, deadline - now)))
    return 0


def _await_descriptors(signals: Signals) -> None:
    """Wait until this program can open the many files of its start, or is to stop: nothing is left to return to."""
    is_told = False
    while not signals.stop:
        try:
            descriptors.require()
        except OSError as error:
            if not is_told:
                logger.warning("cannot start again with the new configuration: %s; retrying", describe(error))
            is_told = True
        else:
            return
        notify("WATCHDOG=1")
        time.sleep(RETRY_S)


def hide_secrets() -> None:
    """Overwrite a password in the command line or LOGBUS_BROKER, which the process list would show to everyone."""
    arguments = [_without_password(each) for each in sys.orig_argv]
    from_environment = os.environ.get("LOGBUS_BROKER", "")
    if arguments != sys.orig_argv or _without_password(from_environment) != from_environment:
        from setproctitle import setproctitle  # noqa: PLC0415 - only if there is something to hide

        setproctitle(os.fsencode(shlex.join(arguments)).decode(errors="replace"))


def _without_password(argument: str) -> str:
    before, scheme, _ = argument.partition("amqp")
    return before + redacted(argument[len(before) :]) if scheme and "://" in argument else argument


def errors_to_exit_codes(main: Callable[P, int]) -> Callable[P, None]:
    """Wrap a function so that its exit code ends the process: a LogbusError is one line and its own code."""

    @functools.wraps(main)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hide_secrets()
            code = main(*args, **kwargs)
        except LogbusError as error:
            logging.getLogger("logbus").critical("%s", error)
            code = error.exit_code
        except KeyboardInterrupt:
            code = 130
        sys.exit(code)

    return wrapped
