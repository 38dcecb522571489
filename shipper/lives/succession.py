"""Succession: lives found at the same path are read one after the other, each to its present end."""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Placed(Protocol):
    """A life as its succession needs it: its path, and the place of its rotated files."""

    @property
    def path(self) -> str:
        """The path where it was found."""

    @property
    def place(self) -> str:
        """The path beside which rotation puts its files."""


P = TypeVar("P", bound=Placed)


class Succession(Generic[P]):
    """The lives of each path, in the order in which they have to be read."""

    def __init__(self) -> None:
        self._newest: dict[str, P] = {}
        self._of: dict[str, dict[P, None]] = {}
        self._older: dict[P, P] = {}
        self._younger: dict[P, P] = {}

    def of(self, path: str) -> list[P]:
        """Return the lives found at a path, or through a link to it, that have not ended, newest first."""
        return [*self._of.get(path, {})][::-1]

    def older(self, life: P) -> P | None:
        """Return the life of the same path that has to be read to its end first."""
        return self._older.get(life)

    def after(self, life: P) -> Iterator[P]:
        """Yield the lives that wait for this one, in order."""
        younger = self._younger.get(life)
        while younger:
            yield younger
            younger = self._younger.get(younger)

    def line_up(self, life: P) -> P | None:
        """Queue a life behind the newest one at its path; return that one.

        A life that gets its path back is queued last as well; if others still wait for it, it stays before them.
        """
        older = self._newest.get(life.path)
        if older is life or life in self._younger:
            return None
        self._note(life)
        self._newest[life.path] = life
        self._join(older, life)
        return older

    def replace(self, life: P, fresh: P) -> P | None:
        """Put `fresh` in the place of the life whose file it has; return the life to wait for if it is queued anew.

        The inode of a deleted file may return as a file newer than others of the path: that one is queued last.
        """
        newest = self._newest.get(fresh.path)
        if fresh.path != life.path or not (life in self._younger or newest is life):
            return self.line_up(fresh)
        self._note(fresh)
        older, younger = self._older.pop(life, None), self._younger.pop(life, None)
        self._join(older, fresh)
        self._join(fresh, younger)
        if newest is life:
            self._newest[fresh.path] = fresh
        return None

    def insert(self, life: P, fresh: P) -> None:
        """Queue a life directly before another one of the same path."""
        if fresh.path == life.path:
            self._join(self._older.get(fresh), life)
            self._join(life, fresh)

    def release(self, life: P) -> P | None:
        """Take a life out of the queue, and return the next one of its path; an older one still comes before it."""
        older, younger = self._older.pop(life, None), self._younger.pop(life, None)
        if younger:
            self._older.pop(younger, None)
        if older:
            self._younger.pop(older, None)
        self._join(older, younger)
        return younger

    def leave(self, life: P) -> None:
        """Remove a life that has ended."""
        for path in _paths(life):
            self._of.get(path, {}).pop(life, None)
            if not self._of.get(path, True):
                del self._of[path]
        if self._newest.get(life.path) is life:
            del self._newest[life.path]

    def _join(self, older: P | None, younger: P | None) -> None:
        if older and younger:
            self._older[younger], self._younger[older] = older, younger

    def _note(self, life: P) -> None:
        for path in _paths(life):
            lives = self._of.setdefault(path, {})
            lives.pop(life, None)
            lives[life] = None


def _paths(life: Placed) -> set[str]:
    return {life.path, life.place}
