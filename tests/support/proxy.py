"""A TCP proxy whose wire can be cut, frozen, cut after so many bytes, or long: the network as a fault.

with Proxy(broker.port) as proxy:
    url = broker.url.replace(str(broker.port), str(proxy.port))
    proxy.limit(10_000)     # the client's next 10,000 bytes pass, then both ends see the connection close
"""

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 65_536


class Proxy:
    """Listens on a loopback port of its own and carries each connection to `target_port`, each way in `delay_s`."""

    def __init__(self, target_port: int, delay_s: float = 0.0) -> None:
        self._target_port = target_port
        self._delay_s = delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: set[socket.socket] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._up = True
        self._left: int | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cut(self) -> None:
        """Close every connection at both ends; new ones are taken."""
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._flowing.set()

    def down(self) -> None:
        """Close every connection, and each new one at once, until `up`."""
        self._up = False
        self.cut()

    def up(self) -> None:
        """Take connections again."""
        self._up = True

    def lengthen(self, delay_s: float) -> None:
        """Carry what comes through new connections in that time, and cut the old ones."""
        self._delay_s = delay_s
        self.cut()

    def pause(self) -> None:
        """Carry nothing; connections stay open."""
        self._flowing.clear()

    def resume(self) -> None:
        """Carry on, with what came meanwhile first."""
        self._flowing.set()

    def limit(self, size_bytes: int) -> None:
        """Let that many more bytes pass from clients to the target, then cut, once."""
        self._left = size_bytes

    def close(self) -> None:
        """Close everything."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.down()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            if not self._up:
                raise ConnectionRefusedError
            target = socket.create_connection(("127.0.0.1", self._target_port))
        except OSError:
            client.close()
            return
        with self._lock:
            self._sockets |= {client, target}
        threading.Thread(target=self._carry, args=(client, target, True), daemon=True).start()
        threading.Thread(target=self._carry, args=(target, client, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            for data in self._delayed(source) if self._delay_s else _chunks(source):
                self._flowing.wait()
                if not counted or self._left is None:
                    sink.sendall(data)
                else:
                    self._last_bytes(sink, data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._sockets.discard(source)
        source.close()

    def _delayed(self, source: socket.socket) -> Iterator[bytes]:
        """Yield what comes, each piece so long after it came; none holds the next one up."""
        under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

        def gather() -> None:
            with suppress(OSError):
                for data in _chunks(source):
                    under_way.put((time.monotonic() + self._delay_s, data))
            under_way.put((0.0, b""))

        threading.Thread(target=gather, daemon=True).start()
        while (item := under_way.get())[1]:
            time.sleep(max(0.0, item[0] - time.monotonic()))
            yield item[1]

    def _last_bytes(self, sink: socket.socket, data: bytes) -> None:
        assert self._left is not None
        sink.sendall(data[: self._left])
        self._left -= len(data)
        if self._left <= 0:
            self._left = None
            self.cut()


def _chunks(source: socket.socket) -> Iterator[bytes]:
    while data := source.recv(CHUNK_BYTES):
        yield data
