"""Server-Sent Events: how they are written, and an answer that ends with its browser."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from starlette.types import Receive, Scope, Send

STUCK_S: Final = 30.0
"""A browser that reads nothing for so long has left."""
_HEADERS: Final = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


def event(name: str, data: bytes, key: str = "") -> bytes:
    """Return an event; `data` is JSON on one line, `key` its id."""
    begin = f"id: {key}\nevent: {name}\ndata: " if key else f"event: {name}\ndata: "
    return begin.encode() + data + b"\n\n"


class EventStream:
    """An answer of events; `events` is closed as soon as its browser is gone, or does not read."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self._events = events

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        sending = asyncio.ensure_future(self._send(send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (sending, gone):
                each.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)
            await self._events.aclose()

    async def _send(self, send: Send) -> None:
        with suppress(TimeoutError, OSError):
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            async for data in self._events:
                async with asyncio.timeout(STUCK_S):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
