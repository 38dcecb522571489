"""`/api/live`: records as they come, what was skipped, and how many there are a second."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from itertools import islice
from typing import Final

import msgspec
from starlette.requests import Request

from sinks.web.http.events import EventStream, event
from sinks.web.live.filters import filter_of
from sinks.web.live.hub import Hub, Place
from sinks.web.live.ring import OTHERS, Taken
from sinks.web.live.viewer import Viewer

TICK_S: Final = 0.1
AT_ONCE: Final = 300
"""Records of a tick: a browser shows no more."""
RATES_S: Final = 1.0
STREAMS_SHOWN: Final = 20
_PLACE: Final = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})-([0-9]{1,9})")


def live(request: Request, hub: Hub, may_look: Callable[[], bool]) -> EventStream:
    """Return the records that a request asks for, while whoever asked `may_look`. Raises UsageError."""
    chosen = filter_of(request.query_params, request.query_params.getlist("field"))
    since = request.headers.get("last-event-id") or request.query_params.get("since", "")
    loop, due = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        if not due.is_set():
            with suppress(RuntimeError):  # the server has stopped
                loop.call_soon_threadsafe(due.set)

    return EventStream(_events(hub, hub.look(chosen, wake, place_in(since)), due, may_look))


def place_in(text: str) -> Place | None:
    """Return the place that an event's id tells; None if there is none, one of no hub for what nobody wrote."""
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    return Place(found[1], int(found[2]), int(found[3])) if found else Place("", 0, 0)


async def _events(
    hub: Hub, viewer: Viewer, due: asyncio.Event, may_look: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    rates_s = loop.time() + RATES_S
    try:
        yield event("hello", msgspec.json.encode({"missed": viewer.missed}))
        while not hub.closed:
            if not len(viewer.ring):
                await _wait(due, rates_s)
            due.clear()
            for each in _written(hub.name, hub.take(viewer, AT_ONCE)):
                yield each
            if loop.time() >= rates_s:
                rates_s = loop.time() + RATES_S
                yield event("rates", msgspec.json.encode(hub.rates(viewer)))
                if not may_look():
                    break
            await asyncio.sleep(TICK_S)
        yield event("bye", b"{}")
    finally:
        hub.leave(viewer)


async def _wait(due: asyncio.Event, until_s: float) -> None:
    try:
        async with asyncio.timeout_at(until_s):
            await due.wait()
    except TimeoutError:
        pass


def _written(hub: str, taken: Taken) -> list[bytes]:
    """Return the events for what was taken: what was skipped, and then the records."""
    lines = [line for part in taken.parts for line in islice(part.entry.lines(), part.start, part.stop)]
    key = f"{hub}-{taken.place}-{taken.into}"
    found = [event("skipped", skipped_as_json(taken), "" if lines else key)] if taken.skipped else []
    if lines:
        found.append(event("records", b"[" + b",".join(lines) + b"]", key))
    return found


def skipped_as_json(taken: Taken) -> bytes:
    """Return how many records were skipped, and of which streams, the most first; then those of all others."""
    most = sorted(taken.skipped.items(), key=lambda each: (each[0] == OTHERS, -each[1]))
    streams = [{"host": host, "label": label, "path": path, "records": n} for (host, label, path), n in most]
    shown = [each for each in streams if each["host"]][:STREAMS_SHOWN]
    total = sum(taken.skipped.values())
    others = total - sum(n for _, n in most[: len(shown)])
    data = msgspec.json.encode({"total": total, "unseen": taken.unseen, "streams": shown, "others": others})
    return data.replace(b"\n", b"")
