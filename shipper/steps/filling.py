"""Slices with NULs that a writer in place may still fill: they wait until they were unchanged for a while.

Such a writer may be interrupted within a line, whose end is then visible before its middle.
"""

from shipper.files.space import holds_space
from shipper.lives.life import Life
from shipper.lives.tail import Slice

FILLED_S = 1.0
"""A writer in place that was interrupted within a line has most likely resumed by then."""


class Filling:
    """The slices that wait, one of each life, as they were when last changed; times are monotonic."""

    def __init__(self) -> None:
        self._since: dict[Life, tuple[float, Slice]] = {}

    def filled(self, life: Life, piece: Slice | None, now: float) -> Slice | None:
        """Return what may be shipped of a life's next slice: all, what was there FILLED_S ago, or None: it waits."""
        if not (piece and life.tail.content.in_place and holds_space(piece.body, life.recorder.encoding.unit)):
            self.drop(life)
            return piece
        since_s, before = self._since.get(life, (now, piece))
        if before.offset != piece.offset or not piece.body.startswith(before.body):
            since_s, before = now, piece
        if now < since_s + FILLED_S:
            self._since[life] = since_s, before
            return None
        del self._since[life]
        return before

    def until(self, life: Life) -> float:
        """Return when the waiting slice of a life may be shipped, if it stays as it is."""
        return self._since[life][0] + FILLED_S

    def drop(self, life: Life) -> None:
        """Forget a life's slice: it has ended, or has none that waits."""
        self._since.pop(life, None)
