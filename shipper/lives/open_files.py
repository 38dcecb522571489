"""Open files: kept within a budget, as far as they can be reopened by a path."""

import logging
from collections.abc import Callable, Container
from typing import Generic, Protocol, TypeVar

logger = logging.getLogger("shipper.descriptors")

SPARE_SHARE = 8
"""An eighth of the budget is freed at a time."""


class Openable(Protocol):
    """An open file with names by which it can be reopened: a life."""

    @property
    def names(self) -> tuple[str, ...]:
        """The present names."""

    def close(self) -> None:
        """Close the file."""


F = TypeVar("F", bound=Openable)


class OpenFiles(Generic[F]):
    """Lives with an open file, the most recently used last.

    Those in `pinned` are never closed to save descriptors, and those that `is_wanted` soon are closed last.
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
        """Count a file as open and most recently used; close others if there are too many."""
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
        """Close files that can be reopened by a name: idle ones first, then the least recently used.

        A part of the budget at a time: a search of all open files at each opening would take quadratic time.
        """
        closable = [life for life in self._open if life.names and life not in self._pinned and life is not latest]
        closable.sort(key=self._is_wanted)
        for life in closable[: len(self._open) - self._budget + self._budget // SPARE_SHARE]:
            self.close(life)
