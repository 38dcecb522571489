"""Servers that are not the AMQP port that somebody meant: an HTTP server, a TLS port, and a plain one for TLS."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 10.0
AMQP = b"AMQP\0\0\x09\x01"
"""What RabbitMQ answers to anything but AMQP."""
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Listeners:
    """The ports of the servers on localhost, by the usual port of such a server."""

    ports: dict[int, int]


@contextmanager
def listening(certificates: Path) -> Iterator[Listeners]:
    """Serve until the end of the block. The TLS port accepts only clients with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "ca.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    answers: dict[int, Callable[[socket.socket], None]] = {
        5672: lambda client: _answer(client, AMQP),
        15672: lambda client: _answer(client, BAD_REQUEST),
        5671: lambda client: _shake_hands(client, context),
    }
    servers = {usual: socket.create_server(("localhost", 0)) for usual in answers}
    for usual, server in servers.items():
        threading.Thread(target=_serve, args=(server, answers[usual]), daemon=True).start()
    yield Listeners({usual: server.getsockname()[1] for usual, server in servers.items()})
    for server in servers.values():
        server.shutdown(socket.SHUT_RDWR)  # which ends a waiting accept
        server.close()


def _serve(server: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):  # closed
        while True:
            client, _ = server.accept()
            client.settimeout(PATIENCE_S)
            with client, suppress(OSError):
                answer(client)


def _answer(client: socket.socket, text: bytes) -> None:
    client.recv(4096)
    client.sendall(text)


def _shake_hands(client: socket.socket, context: ssl.SSLContext) -> None:
    with context.wrap_socket(client, server_side=True) as secured:
        secured.recv(4096)
