"""Threads beside a daemon's main one: they leave signals to it, and end with the process."""

import errno
import signal
import threading
from collections.abc import Callable
from typing import Final

_FOR_THE_MAIN_THREAD: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def begin(work: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread that does `work`. Raises OSError if the system allows no more of them."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_MAIN_THREAD)
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread
