"""Which files are held open: at most so many, as far as they can be opened again by a name."""

import logging
from collections.abc import Callable, Container
from typing import Generic, Protocol, TypeVar

logger = logging.getLogger("shipper.descriptors")

SPARE_SHARE = 8
"""An eighth of the budget is made free at once."""


class Openable(Protocol):
    """What has an open file, and names by which it can be opened again: a life."""

    @property
    def names(self) -> tuple[str, ...]:
        """The present names."""

    def close(self) -> None:
        """Close the file."""


F = TypeVar("F", bound=Openable)


class OpenFiles(Generic[F]):
    """The open tails, the one used last at the end.

    What is in `pinned` is never closed to save descriptors, and what `is_wanted` soon is closed last.
    """

    def __init__(self, budget: int, pinned: Container[F], is_wanted: Callable[[F], bool]) -> None:
        self._budget = budget
        self._pinned = pinned
        self._is_wanted = is_wanted
        self._warned = False
        self._open: dict[F, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def keep(self, life: F) -> None:
        """Count a file as open, the latest of all; close others if there are too many."""
        self._open.pop(life, None)
        self._open[life] = None
        if len(self._open) > self._budget:
            self._warn()
            self._close_some(life)

    def close(self, life: F) -> None:
        """Close a file, if it is open."""
        life.close()
        self._open.pop(life, None)

    def close_all(self) -> None:
        """Close every file."""
        for life in [*self._open]:
            self.close(life)

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "more files than the limit of %d open files: idle ones are closed, and reopened when "
                "they grow; raise the descriptor limit (LimitNOFILE= in a systemd unit, ulimit -n)",
                self._budget,
            )

    def _close_some(self, latest: F) -> None:
        """Close files that can be opened again by their names, those with nothing to read first, the oldest first.

        A part of the budget at once: to look through all open files at each opening takes the square of their number.
        """
        closable = [life for life in self._open if life.names and life not in self._pinned and life is not latest]
        closable.sort(key=self._is_wanted)
        for life in closable[: len(self._open) - self._budget + self._budget // SPARE_SHARE]:
            self.close(life)
