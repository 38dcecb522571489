"""`/api/search`: hits as they are found, how far the search is, and its end; it ends with whoever asked."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final

import msgspec
from starlette.requests import Request

from logbus.errors import LogbusError, UsageError
from sinks.search.results.showing import as_json
from sinks.web.archive.archive import Archive, Search
from sinks.web.archive.asked import Asked, asked_in
from sinks.web.http.events import EventStream, event

AT_A_TIME: Final = 4
HITS_AT_ONCE: Final = 50
PROGRESS_S: Final = 0.25
FLAWS_SHOWN: Final = 20


@dataclass(slots=True)
class Searches:
    """The searches that run in an archive: a few at a time."""

    archive: Archive | None
    _places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_A_TIME))

    def begin(self, request: Request) -> EventStream:
        """Return the answer to a request. Raises UsageError."""
        if self.archive is None:
            raise UsageError("search", "no archive is configured", "give the sinks.yml of file sinks as config")
        asked = asked_in(request.query_params, request.query_params.getlist("field"))
        if not self._places.acquire(blocking=False):
            raise UsageError("search", f"{AT_A_TIME} searches run already", "try again later")
        return EventStream(_events(Run(self.archive, asked, asyncio.get_running_loop()), self._places))


class Run:
    """A search in a thread of its own, whose events arrive in `events`; None is the last."""

    def __init__(self, archive: Archive, asked: Asked, loop: asyncio.AbstractEventLoop) -> None:
        self._archive = archive
        self._asked = asked
        self._loop = loop
        self._search: Search | None = None
        self._stopped = False
        self._hits: list[bytes] = []
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Let it end: nobody waits any more."""
        self._stopped = True
        if self._search:
            self._search.stop()

    def progress(self) -> bytes | None:
        """Return how far it is, as an event."""
        search = self._search
        if search is None:
            return None
        done, size = sum(search.progress.read_bytes), sum(search.progress.sizes)
        return event("progress", msgspec.json.encode({"read_bytes": min(done, size), "size_bytes": size}))

    def _run(self) -> None:
        try:
            with self._archive.search(self._asked.query) as search:
                self._search = search
                self._look(search)
        except LogbusError as error:
            self._tell(event("failed", msgspec.json.encode({"error": str(error)})))
        finally:
            self._tell(None)

    def _look(self, search: Search) -> None:
        show = as_json([source for source, _ in search.files])
        if self._stopped:
            return
        for hit in search.hits(self._asked.limit, self._flush):
            self._hits.append(show(hit).rstrip(b"\n"))
            if len(self._hits) >= HITS_AT_ONCE:
                self._flush()
        self._flush()
        self._tell(event("done", _end_of(search, self._asked.limit)))

    def _flush(self) -> None:
        if self._hits:
            hits, self._hits = self._hits, []
            self._tell(event("hits", b"[" + b",".join(hits) + b"]"))

    def _tell(self, data: bytes | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self.events.put_nowait, data)
        except RuntimeError:  # the server has stopped
            self.stop()


def _end_of(search: Search, limit: int) -> bytes:
    progress = search.progress
    return msgspec.json.encode(
        {
            "hits": progress.hits,
            "limited": progress.hits >= limit,
            "files": len(search.files),
            "looked_into": progress.looked_into,
            "flaws": progress.flaws[:FLAWS_SHOWN],
        }
    )


async def _events(run: Run, places: threading.BoundedSemaphore) -> AsyncGenerator[bytes, None]:
    try:
        run.start()
        yield event("begun", b"{}")
        while True:
            try:
                data = await asyncio.wait_for(run.events.get(), PROGRESS_S)
            except TimeoutError:
                data = run.progress() or event("progress", b'{"read_bytes":0,"size_bytes":0}')
            if data is None:
                return
            yield data
    finally:
        run.stop()
        places.release()
