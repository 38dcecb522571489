"""Encoding ahead: what a backlog's batches become is worked out on a second thread, in order.

Compression is a quarter of a shipper's work and releases the interpreter's lock, so with a core free it costs no time.
The thread is given a batch and gives a message, shares nothing else, and is started by the first batch that is large:
at a trickle, encoding at once is quicker than waking anybody.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from logbus.batch import Batch, Message, encode

AHEAD_BATCHES = 4
LARGE_BYTES = 64 * 1024


class Encoder:
    """Encodes large batches in the order given; `wake` is called from the thread when one is done."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._thread: ThreadPoolExecutor | None = None
        self._begun: deque[tuple[Batch, Future[Message]]] = deque()

    def __len__(self) -> int:
        """Batches begun and not taken."""
        return len(self._begun)

    def has_room(self) -> bool:
        """Tell whether one more may be begun."""
        return len(self._begun) < AHEAD_BATCHES

    def wants(self, batch: Batch) -> bool:
        """Tell whether this batch is worth the thread, or has to keep behind one that was."""
        return bool(self._begun) or len(batch.body) >= LARGE_BYTES

    def begin(self, batch: Batch, user: str) -> None:
        """Have a batch encoded as the message of `user`."""
        self._thread = self._thread or ThreadPoolExecutor(1, "encoder")
        future = self._thread.submit(encode, batch, user_id=user)
        future.add_done_callback(lambda _: self._wake())
        self._begun.append((batch, future))

    def take(self) -> Iterator[tuple[Batch, Message]]:
        """Yield what is done, in order. Raises ValueError as `encode` does."""
        while self._begun and self._begun[0][1].done():
            batch, future = self._begun.popleft()
            yield batch, future.result()
