"""How far a stream is confirmed: spans go in in any order and any split, out comes the gap-free prefix.

A batch leaves a *mark* (the last bytes before its end) when it is published. The place to begin again after a
restart is the last batch end inside the gap-free prefix, because there the mark proves that the file is the same.
"""

import heapq
from collections import deque


class Progress:
    """The confirmed part of one stream, offsets in bytes of the source."""

    __slots__ = ("_ahead", "_ends", "checkpoint", "committed", "mark")

    def __init__(self, offset: int = 0, mark: bytes = b"") -> None:
        self.committed = offset
        self.checkpoint = offset
        self.mark = mark
        self._ahead: list[tuple[int, int]] = []
        self._ends: deque[tuple[int, bytes]] = deque()

    def published(self, end: int, mark: bytes) -> None:
        """Note that a batch up to `end` is on its way; `mark` is what precedes `end` in the source."""
        self._ends.append((end, mark))

    def confirm(self, offset: int, end: int) -> bool:
        """Take the span [offset, end) as confirmed; True if the checkpoint moved."""
        heapq.heappush(self._ahead, (offset, end))
        while self._ahead and self._ahead[0][0] <= self.committed:
            self.committed = max(self.committed, heapq.heappop(self._ahead)[1])
        return self._move_checkpoint()

    def _move_checkpoint(self) -> bool:
        moved = False
        while self._ends and self._ends[0][0] <= self.committed:
            self.checkpoint, self.mark = self._ends.popleft()
            moved = True
        return moved
