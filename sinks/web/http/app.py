"""The addresses of the page, and what each answers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct, field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from logbus import VERSION
from logbus.errors import LogbusError, UsageError
from logbus.eventtime import host_zone
from sinks.fleet.seen import Row
from sinks.fleet.table import objects
from sinks.web.http.connections import network_of
from sinks.web.http.door import COOKIE, Door
from sinks.web.http.events import EventStream
from sinks.web.http.live import live
from sinks.web.http.pages import Pages
from sinks.web.http.sessions import LASTS_S
from sinks.web.live.hub import Hub

LOGIN_MAX_BYTES: Final = 4096
FINDING_MAX: Final = 2
"""Records that are looked for in the archive at a time: logins and the fleet need threads, too."""


class _Login(msgspec.Struct):
    name: str = ""
    password: str = ""


class Site(Struct):
    """What the page needs: records, the fleet, the archive, and the door.

    `begin` begins a search, `find` finds one record by the time, host and checksum of its link; both raise UsageError.
    """

    hub: Hub
    rows: Callable[[], list[Row]]
    begin: Callable[[Request], EventStream]
    find: Callable[[str, str, str], bytes | None] | None
    door: Door
    secure: bool
    _finding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FINDING_MAX))

    async def live(self, request: Request) -> EventStream:
        """Return records as they come. Raises UsageError."""
        return live(request, self.hub, lambda: self.door.user(request) is not None)

    async def search(self, request: Request) -> EventStream:
        """Return what is found in the archive. Raises UsageError."""
        return self.begin(request)

    async def record(self, request: Request) -> Response:
        """Return one record: from memory, or else from the archive. Raises UsageError."""
        asked = request.query_params
        stream, _, offset = asked.get("id", "").partition(":")
        found = self.hub.find(stream, int(offset)) if offset.isascii() and offset.isdecimal() else None
        if found is None and self.find:
            async with self._finding:
                found = await asyncio.to_thread(self.find, *(asked.get(each, "") for each in ("time", "host", "crc")))
        if found is None:
            return JSONResponse({"error": "neither memory nor an archive holds this record any more"}, 404)
        return Response(found, media_type="application/json")

    async def fleet(self, _request: Request) -> Response:
        """Return the processes of the fleet."""
        rows = await asyncio.to_thread(lambda: ",".join(objects(self.rows())))
        return Response(f"[{rows}]", media_type="application/json")

    async def me(self, request: Request) -> Response:
        """Return who is logged in, and what there is."""
        name = self.door.user(request)
        known = {"user": name, "open": self.door.is_open, "version": VERSION, "archive": self.find is not None}
        return JSONResponse({**known, "zone": f"{datetime.now(host_zone()):%Z}"})

    async def how(self, _request: Request) -> Response:
        """Return how somebody may log in."""
        return JSONResponse({"token": self.door.token is not None, "users": self.door.users is not None})

    async def login(self, request: Request) -> Response:
        """Log in, if name and password are right, and not too many tries were made."""
        address = network_of(request.client.host) if request.client else ""
        if not self.door.may_try(address):
            return JSONResponse({"error": "too many tries: wait a few seconds"}, 429, {"retry-after": "5"})
        try:
            given = msgspec.json.decode(await _body(request), type=_Login)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return JSONResponse({"error": "this is no login"}, 400)
        key = await self.door.session_for(given.name, given.password, address)
        if key is None:
            return JSONResponse({"error": "name or password, or the token, is wrong"}, 403)
        answer = JSONResponse({})
        answer.set_cookie(COOKIE, key, max_age=int(LASTS_S), httponly=True, samesite="strict", secure=self.secure)
        return answer

    async def logout(self, request: Request) -> Response:
        """End the session."""
        self.door.sessions.end(request.cookies.get(COOKIE, ""))
        answer = JSONResponse({})
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self.secure)
        return answer


async def _body(request: Request) -> bytes:
    """Return a short body; of a longer one nothing."""
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > LOGIN_MAX_BYTES:
            return b""
    return data


async def healthz(_request: Request) -> Response:
    """Say that the server answers."""
    return PlainTextResponse("ok\n")


async def _explained(_request: Request, error: Exception) -> Response:
    """Return what is wrong with what was asked for."""
    return JSONResponse({"error": str(error)}, 400 if isinstance(error, UsageError) else 500)


def app_of(site: Site) -> Starlette:
    """Return the application."""
    pages = Pages()
    routes = [
        Route("/", pages.index),
        *(Route(f"/{each}", pages.index) for each in ("search", "fleet", "record")),
        Route("/static/{name}", pages.file),
        Route("/api/live", _asgi(site.live)),
        Route("/api/search", _asgi(site.search)),
        Route("/api/record", site.record),
        Route("/api/fleet", site.fleet),
        Route("/api/me", site.me),
        Route("/login", site.how, methods=["GET"]),
        Route("/login", site.login, methods=["POST"]),
        Route("/logout", site.logout, methods=["POST"]),
        Route("/healthz", healthz),
    ]
    return Starlette(routes=routes, exception_handlers={LogbusError: _explained})


def _asgi(answer: Callable[[Request], Awaitable[ASGIApp]]) -> Callable[[Request], Awaitable[Response]]:
    """Return an answer of events as what Starlette takes: it calls whatever it is given."""
    return answer  # type: ignore[return-value]
