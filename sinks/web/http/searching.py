"""`/api/search`: hits as they are found, how many there are by time, how far the search is, and its end.

It ends with whoever asked. The events, in their order: `hits` (records as JSON), `found` (no more hits), `bars`, and
`done`; or `failed`. Bars have `edges` in microseconds since 1970, between which the buckets are, and `rows` of counts
by severity, emerg first: of what is before the first edge, in each bucket, and behind the last edge.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from typing import Final, Protocol

import msgspec
from msgspec import Struct, field
from starlette.requests import Request

from logbus.errors import LogbusError, UsageError
from logbus.native.threads import begin
from sinks.search.looking import Progress
from sinks.search.results.bars import Bars
from sinks.search.results.showing import as_json
from sinks.web.archive.archive import Archive, Search
from sinks.web.archive.asked import Asked, asked_in
from sinks.web.http.events import EventStream, event

AT_A_TIME: Final = 4
HITS_AT_ONCE: Final = 50
PROGRESS_S: Final = 0.25
FLAWS_SHOWN: Final = 20


class Searches(Struct):
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


class Stage(Protocol):
    """A part of a search: the hits, or the count."""

    @property
    def progress(self) -> Progress:
        """How far it is."""

    def stop(self) -> None:
        """Let it end; from any thread."""


class Run:
    """A search in a thread of its own, whose events arrive in `events`; None is the last."""

    def __init__(self, archive: Archive, asked: Asked, loop: asyncio.AbstractEventLoop) -> None:
        self._archive = archive
        self._asked = asked
        self._loop = loop
        self._stages: list[Stage] = []
        self._stopped = False
        self._hits: list[bytes] = []
        self._told_s = 0.0
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def start(self) -> None:
        """Begin."""
        try:
            begin(self._run, "web search")
        except OSError as error:
            self._tell(event("failed", msgspec.json.encode({"error": f"cannot search: {error}"})))
            self._tell(None)

    def stop(self) -> None:
        """Let it end: nobody waits any more."""
        self._stopped = True
        for each in self._stages:
            each.stop()

    def progress(self) -> bytes:
        """Return how far it is, as JSON."""
        progress = self._stages[-1].progress if self._stages else Progress(())
        return msgspec.json.encode(_how_far(progress, counts=len(self._stages) > 1))

    def _run(self) -> None:
        try:
            with self._archive.search(self._asked.query) as search:
                self._stages.append(search)
                self._look(search)
        except LogbusError as error:
            self._tell(event("failed", msgspec.json.encode({"error": str(error)})))
        finally:
            self._tell(None)

    def _look(self, search: Search) -> None:
        times = self._show(search)
        if self._stopped:
            return
        self._tell(event("found", _end_of(search, self._asked.limit)))
        are_all = search.progress.hits < self._asked.limit
        bars = search.bars([time_us for time_us, _ in times], lambda: self._stopped, are_all=are_all)
        if are_all:
            bars.take_times(times)
        else:
            self._count(search, bars)
        self._tell_bars(bars)
        self._tell(event("done", msgspec.json.encode({"flaws": self._flaws()})))

    def _show(self, search: Search) -> list[tuple[int, int]]:
        """Tell the hits; return when each happened, and the digit of its severity."""
        show = as_json([source for source, _ in search.files])
        times: list[tuple[int, int]] = []
        if self._stopped:
            return times
        for hit in search.hits(self._asked.limit, self._flush):
            times.append((hit.time_us, hit.digit))
            self._hits.append(show(hit).rstrip(b"\n"))
            if len(self._hits) >= HITS_AT_ONCE:
                self._flush()
        self._flush()
        return times

    def _count(self, search: Search, bars: Bars) -> None:
        """Count all, since the hits that are shown are not all."""
        counting = search.counting(bars)
        self._stages.append(counting)
        if not self._stopped:
            counting.run(lambda: self._tick(bars))

    def _tick(self, bars: Bars) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= PROGRESS_S:
            self._told_s = now_s
            self._tell_bars(bars)
            self._tell(event("progress", self.progress()))

    def _flaws(self) -> list[str]:
        """Return why the answer is incomplete, each reason once."""
        flaws = (flaw for each in self._stages for flaw in each.progress.flaws)
        return list(dict.fromkeys(flaws))[:FLAWS_SHOWN]

    def _flush(self) -> None:
        if self._hits:
            hits, self._hits = self._hits, []
            self._tell(event("hits", b"[" + b",".join(hits) + b"]"))

    def _tell_bars(self, bars: Bars) -> None:
        self._tell(event("bars", msgspec.json.encode({"edges": bars.edges, "rows": bars.rows()})))

    def _tell(self, data: bytes | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self.events.put_nowait, data)
        except RuntimeError:  # the server has stopped
            self.stop()


async def _events(run: Run, places: threading.BoundedSemaphore) -> AsyncGenerator[bytes, None]:
    try:
        run.start()
        yield event("begun", b"{}")
        while True:
            try:
                data = await asyncio.wait_for(run.events.get(), PROGRESS_S)
            except TimeoutError:
                data = event("progress", run.progress())
            if data is None:
                return
            yield data
    finally:
        run.stop()
        places.release()


def _how_far(progress: Progress, *, counts: bool) -> dict[str, object]:
    done, size = sum(progress.read_bytes), sum(progress.sizes)
    files = {"files": len(progress.sizes), "looked_into": progress.looked_into}
    return {"read_bytes": min(done, size), "size_bytes": size, "counts": counts, **files}


def _end_of(search: Search, limit: int) -> bytes:
    hits = search.progress.hits
    return msgspec.json.encode(
        {
            "hits": hits,
            "limited": hits >= limit,
            "files": len(search.files),
            "looked_into": search.progress.looked_into,
        }
    )
