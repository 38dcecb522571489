"""Batches become messages, the large ones on a thread of their own: compressing takes as long as all else.

zstd and PCRE2 let other threads run meanwhile, so a shipper with a backlog uses two cores. A small batch, or one on the
only core, would lose time by it: that is encoded at once. The messages of a stream leave in its order.
"""

import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from msgspec import Struct

from logbus.batch import Batch, Message, encode

LARGE_BYTES: Final = 128 * 1024
AHEAD: Final = 2
"""One is compressed while the next is read."""


class Encoded(Struct, frozen=True):
    """A batch, and the message that carries it."""

    batch: Batch
    message: Message


class Encoder:
    """Encodes batches; `done`, which is called from another thread, tells that `take` has more."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._pending: list[tuple[str, Future[Encoded]]] = []
        several_cores = len(os.sched_getaffinity(0)) > 1
        self._thread = ThreadPoolExecutor(1, "encoder", _leave_signals) if several_cores else None

    def __len__(self) -> int:
        """Return how many batches are not taken yet."""
        return len(self._pending)

    @property
    def is_full(self) -> bool:
        """True while a further batch would only wait."""
        return len(self._pending) >= AHEAD

    def put(self, batch: Batch, user_id: str | None) -> None:
        """Encode a batch, now or soon. Raises ValueError as `encode` does, or `take` raises it."""
        found = self._begun(batch, user_id) if len(batch.body) >= LARGE_BYTES else None
        if found is None:
            found = Future()
            found.set_result(_encoded(batch, user_id))
        self._pending.append((batch.stream, found))

    def _begun(self, batch: Batch, user_id: str | None) -> Future[Encoded] | None:
        """Encode a batch on the thread; return None without one, for ever if the system allows none."""
        if self._thread is None:
            return None
        try:
            found = self._thread.submit(_encoded, batch, user_id)
        except RuntimeError:
            self._thread = None
            return None
        found.add_done_callback(lambda _: self._done())
        return found

    def take(self) -> list[Encoded]:
        """Return what is done, without what follows an unfinished batch of its stream."""
        taken: list[Encoded] = []
        left: list[tuple[str, Future[Encoded]]] = []
        for stream, found in self._pending:
            if found.done() and all(stream != other for other, _ in left):
                taken.append(found.result())
            else:
                left.append((stream, found))
        self._pending = left
        return taken


def _leave_signals() -> None:
    """Leave all signals to the main thread, which they have to wake."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _encoded(batch: Batch, user_id: str | None) -> Encoded:
    return Encoded(batch, encode(batch, user_id=user_id))
