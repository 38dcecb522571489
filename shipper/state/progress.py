"""The confirmed prefix of a stream: spans arrive in any order and any split, the result is the gap-free prefix.

The end of each published batch is kept as a position. A restart resumes at the last of these positions inside the
gap-free prefix, because the bytes before it prove that the file is the same.
"""

import heapq
from collections import deque
from typing import Generic, Protocol, TypeVar


class Position(Protocol):
    """Where a batch ends: `shipper.files.identity.Position`."""

    @property
    def offset(self) -> int:
        """The offset in the file."""


P = TypeVar("P", bound=Position)


class Progress(Generic[P]):
    """The confirmed part of one stream, offsets in bytes of the file."""

    __slots__ = ("_ahead", "_ends", "checkpoint", "committed")

    def __init__(self, position: P) -> None:
        self.committed = position.offset
        self.checkpoint = position
        self._ahead: list[tuple[int, int]] = []
        self._ends: deque[P] = deque()

    def published(self, end: P) -> None:
        """Record that a batch up to `end` is in flight."""
        self._ends.append(end)

    def confirm(self, offset: int, end: int) -> bool:
        """Count the span [offset, end) as confirmed; return True if the checkpoint moved."""
        heapq.heappush(self._ahead, (offset, end))
        while self._ahead and self._ahead[0][0] <= self.committed:
            self.committed = max(self.committed, heapq.heappop(self._ahead)[1])
        return self._move_checkpoint()

    def _move_checkpoint(self) -> bool:
        moved = False
        while self._ends and self._ends[0].offset <= self.committed:
            self.checkpoint = self._ends.popleft()
            moved = True
        return moved
