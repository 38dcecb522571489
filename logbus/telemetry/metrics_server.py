"""A small HTTP server that idle and slow clients cannot block: one thread, and bounds on time and memory.

A request is answered once its whole head has arrived; until then, its connection waits with the others. A connection
that takes too long is closed, and so is the oldest when there are too many. An answer fits in the socket's buffer.
"""

import selectors
import socket
import time
from contextlib import suppress
from io import BytesIO
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from msgspec import Struct, field

HEAD_WITHIN_S: Final = 10.0
HEAD_MAX_BYTES: Final = 16 * 1024
ANSWER_WITHIN_S: Final = 0.5
CONNECTIONS_MAX: Final = 24
"""A shipper keeps 48 descriptors for everything but log files."""
QUEUED_MAX: Final = 256
LOOK_EVERY_S: Final = 1.0
NO_ROOM_S: Final = 0.1
"""How long to wait if no connection can be accepted, and none is there to be closed."""
HEAD_ENDS: Final = (b"\r\n\r\n", b"\n\n")


class _Client(Struct):
    address: object
    deadline: float
    head: bytearray = field(default_factory=bytearray)


class _Handler(WSGIRequestHandler):
    """Answers a request whose head has arrived."""

    def setup(self) -> None:
        self.connection, head = self.request
        self.rfile = BytesIO(head)
        self.wfile = self.connection.makefile("wb")

    def log_message(self, *_args: object) -> None:
        """Keep requests out of our log."""


class MetricServer(WSGIServer):
    """A server that listens on `host`, `port`. Raises OSError, OverflowError."""

    request_queue_size = QUEUED_MAX

    def __init__(self, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)
        self.socket.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._clients: dict[socket.socket, _Client] = {}
        self._selector = selectors.DefaultSelector()

    def work(self) -> None:
        """Serve for ever."""
        self._selector.register(self.socket, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select(LOOK_EVERY_S):
                if key.fileobj is self.socket:
                    self._accept()
                elif key.fileobj in self._clients:
                    self._read(key.fileobj)
            now = time.monotonic()
            for sock in [sock for sock, client in self._clients.items() if now > client.deadline]:
                self._drop(sock)

    def _accept(self) -> None:
        try:
            sock, address = self.socket.accept()
        except OSError:  # gone already, or no descriptor is left: close a connection to make room
            if self._clients:
                self._drop_oldest()
            else:
                time.sleep(NO_ROOM_S)
            return
        if len(self._clients) >= CONNECTIONS_MAX:
            self._drop_oldest()
        sock.setblocking(False)  # noqa: FBT003 - as above
        self._clients[sock] = _Client(address, time.monotonic() + HEAD_WITHIN_S)
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, sock: socket.socket) -> None:
        client = self._clients[sock]
        try:
            received = sock.recv(HEAD_MAX_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        client.head += received
        complete = any(end in client.head for end in HEAD_ENDS)
        if complete:
            self._answer(sock, client)
        if complete or not received or len(client.head) > HEAD_MAX_BYTES:
            self._drop(sock)

    def _answer(self, sock: socket.socket, client: _Client) -> None:
        sock.settimeout(ANSWER_WITHIN_S)
        with suppress(OSError, ValueError):  # the client is gone, or is not reading
            _Handler((sock, bytes(client.head)), client.address, self)  # type: ignore[arg-type] # both are ours
            sock.shutdown(socket.SHUT_WR)

    def _drop_oldest(self) -> None:
        self._drop(next(iter(self._clients)))

    def _drop(self, sock: socket.socket) -> None:
        del self._clients[sock]
        self._selector.unregister(sock)
        sock.close()
