"""The web page's sink: batches to the hub, statuses to the fleet; the server runs in a thread of its own."""

import time
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from logbus.batch import Batch, Head
from logbus.command_line.later import later
from logbus.errors import UsageError
from logbus.fleet.status import EVERY_S, Status
from sinks.fleet.remembered import Remembered
from sinks.fleet.seen import SILENT_INTERVALS, Fleet, Row, unheard
from sinks.sink import Context
from sinks.web.live.hub import Hub
from sinks.web.live.looking import look_on
from sinks.web.settings import CANNOT, Settings

SILENT_S: Final = SILENT_INTERVALS * EVERY_S
serve = later("sinks.web.http.server", "serve")
"""Needs starlette and uvicorn, which nothing else does."""


class Server(Protocol):
    """What serves the page: `sinks.web.http.server.Server`."""

    def stop(self) -> None:
        """End, within a second or two."""


class Watched:
    """The fleet, as two threads see it: one hears, the other shows. `remembered` hosts are shown if they are silent."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        self._fleet = Fleet()
        self._remembered = remembered
        self._since_s = time.monotonic()
        self._lock = Lock()

    def hear(self, status: Status) -> None:
        """Take in a status."""
        with self._lock:
            self._fleet.hear(status, time.time_ns() // 1000)
            if self._remembered:
                self._remembered.see(status)

    def rows(self) -> list[Row]:
        """Return the processes as they are now, those that were never heard at the end."""
        since_s = time.monotonic() - self._since_s
        with self._lock:
            rows = list(self._fleet.rows(time.time_ns() // 1000))
            if self._remembered and since_s > SILENT_S:
                rows += unheard(self._remembered.hosts(), rows, since_s)
        return rows

    def close(self) -> None:
        """Close the file of hosts."""
        with self._lock:
            if self._remembered:
                self._remembered.close()
                self._remembered = None


class Web:
    """Gives batches to a hub, and never waits for a browser."""

    def __init__(self, hub: Hub, fleet: Watched, server: Server) -> None:
        self._hub = hub
        self._fleet = fleet
        self._server = server

    def write(self, batch: Batch) -> None:
        """Offer a batch to all who look."""
        self._hub.publish(batch)

    def skims(self, head: Head) -> bool:
        """Return True while more comes than anyone could see."""
        return self._hub.skims(head, time.monotonic())

    def pass_over(self, head: Head) -> None:
        """Count the records of a batch as skipped for all who look."""
        self._hub.publish(head)

    def hear(self, status: Status) -> None:
        """Take in the status of a process of the fleet."""
        self._fleet.hear(status)

    def commit(self) -> None:
        """Do nothing: a page keeps nothing."""

    def close(self) -> None:
        """Tell the browsers, and stop the server."""
        self._hub.close()
        self._server.stop()
        self._fleet.close()


def open_sink(settings: Settings, _context: Context) -> Web:
    """Return a sink whose page is served from now on. Raises UsageError."""
    hub, fleet = Hub(), Watched(Remembered(Path(settings.hosts)) if settings.hosts else None)
    try:
        server = serve(settings, hub, fleet.rows)
    except ImportError as error:
        raise UsageError(CANNOT, f"a package is missing: {error}", "pip install 'logbus[web]'") from error
    look_on(hub)
    return Web(hub, fleet, server)


def durable(_settings: Settings) -> bool:
    """Return False: a page keeps no state."""
    return False


def hears(_settings: Settings) -> bool:
    """Return True: a page shows the fleet."""
    return True


def gives_way(_settings: Settings) -> bool:
    """Return True: what keeps logs comes first."""
    return True
