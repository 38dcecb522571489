"""Who may come in: by the token or as a user, and which session a request belongs to."""

import asyncio
import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from starlette.requests import Request

from sinks.web.http.passwords import PASSWORD_MAX, Users, decoy_in, token_in
from sinks.web.http.sessions import Sessions, Tries
from sinks.web.settings import Settings

COOKIE: Final = "logbus"
BY_TOKEN: Final = ""
"""The name of whoever came by the token."""
HASHING_MAX: Final = 2
"""Passwords that are hashed at a time: each takes memory and a processor."""


class Door(Struct):
    """Lets in whoever knows `token`, or is one of `users`. Without both, everybody who can connect."""

    token: str | None
    users: Users | None
    sessions: Sessions = field(default_factory=Sessions)
    tries: Tries = field(default_factory=Tries)
    clock: Callable[[], float] = time.monotonic
    _hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HASHING_MAX))

    @property
    def is_open(self) -> bool:
        """True if nobody has to log in."""
        return self.token is None and self.users is None

    def user(self, request: Request) -> str | None:
        """Return who sent a request; None if it has to log in first."""
        if self.is_open:
            return BY_TOKEN
        name = self.sessions.user(request.cookies.get(COOKIE, ""), self.clock())
        if name is None or name == BY_TOKEN:
            return name
        return name if self.users and name in self.users.now() else None

    def may_try(self, address: str) -> bool:
        """Return True if an address may try to log in now."""
        return self.tries.take(address, self.clock())

    async def session_for(self, name: str, password: str, address: str) -> str | None:
        """Return a new session of a user, or with "" for a name by the token; None if that is wrong."""
        if not await self._is_right(name, password):
            return None
        self.tries.give_back(address)
        return self.sessions.begin(name, self.clock())

    async def _is_right(self, name: str, password: str) -> bool:
        if len(password) > PASSWORD_MAX:
            return False
        if name == BY_TOKEN:
            given, token = (each.encode(errors="surrogatepass") for each in (password, self.token or ""))
            return self.token is not None and hmac.compare_digest(given, token)
        users = self.users.now() if self.users else {}
        known = users.get(name)
        async with self._hashing:
            fits = await asyncio.to_thread((known or decoy_in(users)).fits, password)
        return fits and known is not None


def door_of(settings: Settings) -> Door:
    """Return the door that settings ask for. Raises UsageError."""
    token = token_in(Path(settings.token_file)) if settings.token_file else None
    return Door(token, Users(Path(settings.users)) if settings.users else None)
