"""Rate limit for warnings that outsiders can trigger: one a minute of each kind, with the number left out."""

import re
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

EVERY_S: Final = 60.0
KINDS_MAX: Final = 100
OTHERS: Final = "others"

_NUMBER: Final = re.compile(r"[0-9]+")


class _Kind(Struct):
    next_s: float = float("-inf")
    left_out: int = 0


class Seldom:
    """Decides which warnings to log. Texts that differ only in numbers are of one kind."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def left_out(self, text: str) -> int | None:
        """Return how many of this kind were left out since the last one logged; None: leave this one out too."""
        kind = self._kind(_NUMBER.sub("#", text))
        if self._clock() < kind.next_s:
            kind.left_out += 1
            return None
        kind.next_s = self._clock() + EVERY_S
        count, kind.left_out = kind.left_out, 0
        return count

    def _kind(self, name: str) -> _Kind:
        if name not in self._kinds and len(self._kinds) >= KINDS_MAX:
            name = OTHERS
        return self._kinds.setdefault(name, _Kind())


def and_others(count: int) -> str:
    """Return the suffix of a warning when `count` like it were left out."""
    return f" (and {count} more like this since the last such warning)" if count else ""
