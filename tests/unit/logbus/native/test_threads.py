"""Threads beside a main one."""

import signal
import threading

import pytest

from logbus.native.threads import begin
from support.no_threads import REASON, no_threads


def test_it_leaves_signals_to_the_main_thread() -> None:
    """What ends a daemon is blocked in the thread, and in the main one as it was before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    seen = list[set[int]]()
    thread = begin(lambda: seen.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))), "work")
    thread.join()
    assert thread.name == "work"
    assert thread.daemon
    assert seen[0] >= {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_one_that_the_system_refuses_is_its_error() -> None:
    """As for a file or a socket: whoever handles those handles this."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with no_threads(), pytest.raises(OSError, match=REASON):
        begin(threading.Event().wait, "work")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
