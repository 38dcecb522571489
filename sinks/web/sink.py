"""The web page's sink: batches to the hub, statuses to the fleet; the server runs in a thread of its own."""

import time
from threading import Lock
from typing import Protocol

from logbus.batch import Batch
from logbus.command_line.later import later
from logbus.errors import UsageError
from logbus.fleet.status import Status
from sinks.fleet.seen import Fleet, Row
from sinks.sink import Context
from sinks.web.live.hub import Hub
from sinks.web.live.looking import look_on
from sinks.web.settings import CANNOT, Settings

serve = later("sinks.web.http.server", "serve")
"""Needs starlette and uvicorn, which nothing else does."""


class Server(Protocol):
    """What serves the page: `sinks.web.http.server.Server`."""

    def stop(self) -> None:
        """End, within a second or two."""


class Watched:
    """The fleet, as two threads see it: one hears, the other shows."""

    def __init__(self) -> None:
        self._fleet = Fleet()
        self._lock = Lock()

    def hear(self, status: Status) -> None:
        """Take in a status."""
        with self._lock:
            self._fleet.hear(status, time.time_ns() // 1000)

    def rows(self) -> list[Row]:
        """Return the processes as they are now."""
        with self._lock:
            return list(self._fleet.rows(time.time_ns() // 1000))


class Web:
    """Gives batches to a hub, and never waits for a browser."""

    def __init__(self, hub: Hub, fleet: Watched, server: Server) -> None:
        self._hub = hub
        self._fleet = fleet
        self._server = server

    def write(self, batch: Batch) -> None:
        """Offer a batch to all who look."""
        self._hub.publish(batch)

    def hear(self, status: Status) -> None:
        """Take in the status of a process of the fleet."""
        self._fleet.hear(status)

    def commit(self) -> None:
        """Do nothing: a page keeps nothing."""

    def close(self) -> None:
        """Tell the browsers, and stop the server."""
        self._hub.close()
        self._server.stop()


def open_sink(settings: Settings, _context: Context) -> Web:
    """Return a sink whose page is served from now on. Raises UsageError."""
    hub, fleet = Hub(), Watched()
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
