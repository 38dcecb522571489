"""The server, in a thread of its own: what it listens on is checked before anything runs."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn

from logbus.errors import UsageError
from sinks.fleet.seen import Row
from sinks.web.archive.archive import Archive
from sinks.web.archive.one import find_linked
from sinks.web.http.app import Site, app_of
from sinks.web.http.connections import PER_ADDRESS, Limits, protocol_of
from sinks.web.http.door import door_of
from sinks.web.http.guard import Guard
from sinks.web.http.searching import Searches
from sinks.web.live.hub import Hub
from sinks.web.settings import CANNOT, Settings

ready = logging.getLogger("logbus.ready")

STOP_WITHIN_S: Final = 3.0
OWN_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class Server:
    """A server that runs."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        self._server = uvicorn.Server(config)
        self._listening = listening
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True, name="web")
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.should_exit = True
        self._thread.join(STOP_WITHIN_S)
        self._listening.close()


def serve(settings: Settings, hub: Hub, rows: Callable[[], list[Row]]) -> Server:
    """Return a server for the page. Raises UsageError for whatever cannot be used."""
    door = door_of(settings)
    archive = Archive(Path(settings.config), tuple(settings.archives)) if settings.config else None
    if archive:
        archive.check()
    if settings.tls_cert and settings.tls_key:
        _check_tls(settings.tls_cert, settings.tls_key)
    finding = partial(find_linked, archive) if archive else None
    site = Site(hub, rows, Searches(archive).begin, finding, door, settings.is_secure)
    names = {each.lower() for each in (*settings.names, *(OWN_NAMES if settings.is_local else ()))}
    app = Guard(app_of(site), door, names, settings.is_secure)
    listening = _listen(settings)
    server = Server(_config(app, settings), listening)
    ready.info("the page is at %s", _url(settings, listening))
    return server


def _config(app: Guard, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=protocol_of(Limits(per_address=0 if settings.behind_proxy else PER_ADDRESS)),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.address
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        hint = "see `ss -ltn`, and give another address in listen"
        raise UsageError(CANNOT, f"{settings.listen}: {error.strerror or error}", hint) from error


def _check_tls(cert: str, key: str) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        cause = f"tls_cert {cert} and tls_key {key}: {error}"
        raise UsageError(CANNOT, cause, "give PEM files that belong together, and that this user can read") from error


def _url(settings: Settings, listening: socket.socket) -> str:
    name = settings.names[0] if settings.names else settings.address[0]
    port = "" if settings.behind_proxy else f":{listening.getsockname()[1]}"
    return f"{'https' if settings.is_secure else 'http'}://{name}{port}/"
