"""A process that may start no thread, as behind a limit of tasks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

REASON = "can't start new thread"


@contextmanager
def no_threads() -> Iterator[None]:
    """Refuse each thread that is started meanwhile, as Python does where the system refuses it."""

    def start(_thread: threading.Thread) -> NoReturn:
        raise RuntimeError(REASON)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        yield
