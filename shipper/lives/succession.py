"""Which life comes after which: those found at the same path are read one after the other, each to its present end."""

from collections.abc import Iterator

from shipper.lives.tail import Tail


class Succession:
    """The lives of each path: which one has to be read before another."""

    def __init__(self) -> None:
        self._newest: dict[str, Tail] = {}
        self._of: dict[str, dict[Tail, None]] = {}
        self._older: dict[Tail, Tail] = {}
        self._younger: dict[Tail, Tail] = {}

    def of(self, path: str) -> list[Tail]:
        """Return the lives found at a path, or by a link to it, that have not ended, the newest first."""
        return [*self._of.get(path, {})][::-1]

    def older(self, tail: Tail) -> Tail | None:
        """Return the life of the same path that has to be read to its end first."""
        return self._older.get(tail)

    def after(self, tail: Tail) -> Iterator[Tail]:
        """Yield the lives that wait for one, in order."""
        younger = self._younger.get(tail)
        while younger:
            yield younger
            younger = self._younger.get(younger)

    def line_up(self, tail: Tail) -> Tail | None:
        """Let a life wait for the one before it at the same path; return that one.

        A life comes last, too, when it has its path again: unless others still wait for it, then it stays before them.
        """
        older = self._newest.get(tail.path)
        if older is tail or tail in self._younger:
            return None
        self._note(tail)
        self._newest[tail.path] = tail
        self._join(older, tail)
        return older

    def replace(self, tail: Tail, fresh: Tail) -> Tail | None:
        """Let a life take the place of the one whose file it has; return what it has to wait for in another place.

        A deleted file's inode may come back as a newer file than others of the path: that one comes last.
        """
        newest = self._newest.get(fresh.path)
        if fresh.path != tail.path or not (tail in self._younger or newest is tail):
            return self.line_up(fresh)
        self._note(fresh)
        older, younger = self._older.pop(tail, None), self._younger.pop(tail, None)
        self._join(older, fresh)
        self._join(fresh, younger)
        if newest is tail:
            self._newest[fresh.path] = fresh
        return None

    def insert(self, tail: Tail, fresh: Tail) -> None:
        """Let a life come right before another of the same path."""
        if fresh.path == tail.path:
            self._join(self._older.get(fresh), tail)
            self._join(tail, fresh)

    def release(self, tail: Tail) -> Tail | None:
        """Let the next life of the path begin, unless an older one has to be read before both; return it."""
        older, younger = self._older.pop(tail, None), self._younger.pop(tail, None)
        if younger:
            self._older.pop(younger, None)
        if older:
            self._younger.pop(older, None)
        self._join(older, younger)
        return younger

    def leave(self, tail: Tail) -> None:
        """Take out a life that has ended."""
        for path in _paths(tail):
            self._of.get(path, {}).pop(tail, None)
            if not self._of.get(path, True):
                del self._of[path]
        if self._newest.get(tail.path) is tail:
            del self._newest[tail.path]

    def _join(self, older: Tail | None, younger: Tail | None) -> None:
        if older and younger:
            self._older[younger], self._younger[older] = older, younger

    def _note(self, tail: Tail) -> None:
        for path in _paths(tail):
            lives = self._of.setdefault(path, {})
            lives.pop(tail, None)
            lives[tail] = None


def _paths(tail: Tail) -> set[str]:
    return {tail.path, tail.place}
