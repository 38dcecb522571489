"""Stands before every request: hosts and origins that are not ours are refused, and each answer has safe headers."""

from collections.abc import Collection
from typing import Final

from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinks.web.http.door import Door

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
HSTS: Final = {"strict-transport-security": "max-age=31536000"}
PRIVATE: Final = "/api/"


class Guard(Struct, frozen=True):
    """Passes to `app` what may pass: to one of `hosts`, from our own page, and where it matters with a session."""

    app: ASGIApp
    door: Door
    hosts: Collection[str]
    secure: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            return
        extra = HEADERS | (HSTS if self.secure else {})

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(extra)
            await send(message)

        refused = self._refused(scope)
        await (refused or self.app)(scope, receive, send_safely)

    def _refused(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if _name_of(headers.get("host", "")) not in self.hosts:
            return _no(421, "this page is not called by that name: see names in its settings")
        if not self._is_our_page(scope["method"], headers):
            return _no(403, "another page asks")
        if scope["path"].startswith(PRIVATE) and self.door.user(Request(scope)) is None:
            return _no(401, "log in first")
        return None

    def _is_our_page(self, method: str, headers: Headers) -> bool:
        """Return False if a browser says that a page of another origin asks."""
        origin = headers.get("origin")
        if origin is not None:
            return origin == f"{'https' if self.secure else 'http'}://{headers.get('host', '')}"
        site = headers.get("sec-fetch-site", "same-origin" if method == "GET" else "")
        return site == "same-origin" or (site == "none" and method == "GET") or _is_navigation(method, headers)


def _is_navigation(method: str, headers: Headers) -> bool:
    """Return True for a link on another page that leads here: it shows nothing to that page."""
    return method == "GET" and headers.get("sec-fetch-mode") == "navigate"


def _name_of(host: str) -> str:
    """Return the name in a Host header, without its port."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).strip("[]").lower()


def _no(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status)
