"""Who has logged in, for how long, and how often somebody may try. Pure: the caller has the clock, in seconds."""

import secrets
from typing import Final

from msgspec import Struct

LASTS_S: Final = 12 * 3600.0
SESSIONS_MAX: Final = 1_000
TRIES: Final = 5
TRY_EVERY_S: Final = 5.0
"""So many tries at once, and then one after so many seconds, for each address."""
ADDRESSES_MAX: Final = 10_000


class _Session(Struct, frozen=True):
    user: str
    ends_s: float


class Sessions:
    """The sessions by their secret ids; with too many, the oldest ends."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def begin(self, user: str, now_s: float) -> str:
        """Return the id of a new session."""
        if len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        key = secrets.token_urlsafe(32)
        self._sessions[key] = _Session(user, now_s + LASTS_S)
        return key

    def user(self, key: str, now_s: float) -> str | None:
        """Return whose session it is; None if there is none, or it is over."""
        found = self._sessions.get(key)
        if found and now_s >= found.ends_s:
            self.end(key)
            return None
        return found.user if found else None

    def end(self, key: str) -> None:
        """End a session."""
        self._sessions.pop(key, None)


class Tries:
    """How many tries each address has left."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, address: str, now_s: float) -> bool:
        """Return True if an address may try once now."""
        left, at_s = self._left.pop(address, (float(TRIES), now_s))
        left = min(float(TRIES), left + (now_s - at_s) / TRY_EVERY_S)
        may = left >= 1
        if len(self._left) >= ADDRESSES_MAX:
            del self._left[next(iter(self._left))]
        self._left[address] = (left - may, now_s)
        return may

    def give_back(self, address: str) -> None:
        """Forget the last try of an address, which was right; the wrong ones count: they may be guesses at others."""
        if found := self._left.get(address):
            self._left[address] = (found[0] + 1, found[1])
