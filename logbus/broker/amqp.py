"""How pika is set up: connection parameters, and how bytes go through the socket.

All of our subclasses of pika's classes are here.
"""

import array
import fcntl
import logging
import os
import socket
import ssl
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pika
import pika.amqp_object
import pika.channel
import pika.connection
import pika.credentials
import pika.exceptions
import pika.frame
import pika.heartbeat
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.adapters.utils.io_services_utils import _AsyncPlaintextTransport, _AsyncTransportBase
from pika.channel import Channel
from pika.exceptions import NackError, UnroutableError

from logbus.broker import refusals
from logbus.broker.framing import Arriving, Buffer, behind, body_frames
from logbus.errors import BrokerError, BrokerUnavailable
from logbus.wire.bounds import DECODE_MAX_BYTES, EXCERPT_BYTES, Excerpt

if TYPE_CHECKING:
    from logbus.config.settings import Broker, Endpoint

__all__ = [
    "AtOnce",
    "BlockingChannel",
    "BlockingConnection",
    "Channel",
    "NackError",
    "UnroutableError",
    "answering_within",
    "open_blocking",
    "parameters",
]

SOCKET_TIMEOUT_S = 10.0
LOOKS = 5
"""How often to look for a sign of life in the time of a heartbeat."""
SHORTEST_SILENCE_S = 5
PARTS_MAX = 1024
"""Linux sends no more at once (IOV_MAX)."""
HEARD_BYTES = 16
"""Enough to recognise another protocol."""

logging.getLogger("pika").setLevel(logging.CRITICAL)  # it reports each failure up to four times; we report it once
_AsyncTransportBase._MAX_RECV_BYTES = 512 * 1024  # noqa: SLF001 - pika 1.4 reads 4 KiB at a time: 32 calls a frame


Content = tuple[pika.frame.Method[pika.amqp_object.Method], pika.frame.Header, bytes]


class BoundedAssembler(pika.channel.ContentFrameAssembler):
    """Keeps only the beginning of a body that is too large to decode: RabbitMQ 3 delivers up to 128 MiB."""

    def _handle_body_frame(self, body_frame: pika.frame.Body) -> Content | None:
        header = self._header_frame
        if header is None or header.body_size <= DECODE_MAX_BYTES:
            return super()._handle_body_frame(body_frame)
        if self._seen_so_far < EXCERPT_BYTES:
            self._body_fragments.append(body_frame.fragment)
        self._seen_so_far += len(body_frame.fragment)
        if self._seen_so_far < header.body_size:
            return None
        method, header, beginning = self._finish()
        return method, header, Excerpt(beginning, header.body_size)


class Attentive(pika.SelectConnection):
    """Remembers what the other side sent, if it ends a new connection before any AMQP: pika keeps only a text.

    Divides what arrives into frames by `logbus.broker.framing`.
    """

    _alert: ssl.SSLError | None = None

    def _init_connection_state(self) -> None:
        super()._init_connection_state()
        self._arriving = Arriving()

    def _on_data_available(self, data_in: bytes) -> None:
        self.bytes_received += len(data_in)
        for frame in self._arriving.frames(data_in):
            self._process_frame(frame)

    def _on_connection_workflow_done(self, conn_or_exc: object) -> None:
        """Take an object: of an attempt that was to end amid the handshake, pika 1.4 hands over the error's class."""
        done = conn_or_exc() if isinstance(conn_or_exc, type) else conn_or_exc
        super()._on_connection_workflow_done(done)  # type: ignore[arg-type] # what pika gives

    def _proto_connection_lost(self, error: BaseException | None) -> None:
        if isinstance(error, ssl.SSLError):  # with TLS 1.3, our certificate is refused after the handshake
            self._alert = error
        super()._proto_connection_lost(error)

    def _on_stream_terminated(self, error: Exception | None) -> None:
        if self.connection_state == self.CONNECTION_PROTOCOL and isinstance(error, pika.exceptions.StreamLostError):
            heard = self._arriving.rest[:HEARD_BYTES]
            error = self._alert or refusals.NotAmqp(heard, tls=self.params.ssl_options is not None)
        super()._on_stream_terminated(error)


class Impatient(pika.heartbeat.HeartbeatChecker):
    """Drops a connection on which nothing arrived for the time of a heartbeat; RabbitMQ sends something twice in it.

    pika looks once in that time plus 5 s, and so notices a frozen node after up to twice that. A look that comes late
    counts once: if this process stood still, there is something to read by now.
    """

    def __init__(self, connection: pika.connection.Connection, timeout: int) -> None:
        super().__init__(connection, timeout)  # type: ignore[no-untyped-call] # pika leaves this module bare
        self.stop()  # type: ignore[no-untyped-call]
        self._check_interval = max(timeout, SHORTEST_SILENCE_S) / LOOKS
        self._start_send_timer()  # type: ignore[no-untyped-call]
        self._start_check_timer()  # type: ignore[no-untyped-call]

    @property
    def connection_is_idle(self) -> bool:
        """True after so many looks without a byte."""
        return self._idle_byte_intervals >= LOOKS


class AtOnce(Attentive):
    """Sends the frames of a message at once, in one write; receives bodies of bounded size.

    pika makes one system call per frame, and the broker then one read per frame; and it sends from the next turn of
    its loop, for which it changes epoll's interest set twice. What the socket does not take now is left to pika.
    """

    def _create_channel(
        self, channel_number: int, on_open_callback: Callable[[pika.channel.Channel], object] | None
    ) -> pika.channel.Channel:
        channel = super()._create_channel(channel_number, on_open_callback)
        channel._content_assembler = BoundedAssembler()  # noqa: SLF001 - pika offers no other way
        return channel

    def _create_heartbeat_checker(self) -> pika.heartbeat.HeartbeatChecker | None:
        timeout_s = self.params.heartbeat
        return Impatient(self, timeout_s) if isinstance(timeout_s, int) and timeout_s > 0 else None

    def unsent_bytes(self) -> int:
        """Return the number of undelivered bytes: those buffered here, and those in the socket's send queue."""
        transport = self._transport
        if transport is None:
            return 0
        queued = array.array("i", [0])
        with suppress(OSError):
            fcntl.ioctl(transport._sock.fileno(), termios.TIOCOUTQ, queued)  # noqa: SLF001 - pika offers no other way
        return int(transport.get_write_buffer_size()) + queued[0]

    def peer_certificate(self) -> bytes | None:
        """Return the broker's certificate (DER) of a connection with TLS."""
        sock = self._transport._sock if self._transport else None  # noqa: SLF001 - pika offers no other way to it
        return sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None

    def abort(self, error: Exception) -> None:
        """Drop the connection at once: an orderly close would wait for a channel that no longer answers."""
        self._terminate_stream(error)

    def _send_message(
        self,
        channel_number: int,
        method_frame: pika.amqp_object.Method,
        content: tuple[pika.BasicProperties, bytes],
    ) -> None:
        properties, body = content
        method = pika.frame.Method(channel_number, method_frame)
        header = pika.frame.Header(channel_number, len(body), properties)
        parts = body_frames(channel_number, body, self._body_max_length)
        self._output_marshaled_frames([method.marshal(), header.marshal(), *parts])

    def _output_marshaled_frames(self, marshaled_frames: Sequence[Buffer]) -> None:
        self.bytes_sent += sum(map(len, marshaled_frames))
        self.frames_sent += 1
        if unsent := behind(marshaled_frames, self._sent(marshaled_frames)):
            self._adapter_emit_data(unsent)

    def _sent(self, parts: Sequence[Buffer]) -> int:
        """Send what the socket takes now; return how many bytes."""
        transport = self._transport
        if isinstance(transport, _AsyncPlaintextTransport) and not transport.get_write_buffer_size():
            sock: socket.socket = transport._sock  # noqa: SLF001 - pika offers no other way to it
            with suppress(OSError):  # full, or broken: pika notices by itself
                return sock.sendmsg(parts[:PARTS_MAX])
        return 0


def parameters(endpoint: "Endpoint", broker: "Broker", role: str) -> pika.ConnectionParameters:
    """Return the parameters of a connection. `role` names it in RabbitMQ's management pages."""
    plain = pika.PlainCredentials(endpoint.username, endpoint.password)
    return pika.ConnectionParameters(
        host=endpoint.host,
        port=endpoint.port,
        virtual_host=endpoint.vhost,
        credentials=pika.credentials.ExternalCredentials() if endpoint.external else plain,
        heartbeat=broker.heartbeat_s,
        socket_timeout=SOCKET_TIMEOUT_S,
        stack_timeout=SOCKET_TIMEOUT_S * 1.5,
        ssl_options=pika.SSLOptions(broker.tls_context(), endpoint.host) if endpoint.tls else None,
        client_properties={"connection_name": f"logbus {role} at {socket.gethostname()}, pid {os.getpid()}"},
    )


def open_blocking(broker: "Broker", role: str) -> BlockingConnection:
    """Return a blocking connection, for commands. Raises BrokerUnavailable, BrokerRefused."""
    trouble: BrokerError | None = None
    for endpoint in broker.endpoints():
        try:
            return BlockingConnection(parameters(endpoint, broker, role), _impl_class=Attentive)  # type: ignore[arg-type] # a class
        except (pika.exceptions.AMQPError, AMQPConnectorException, OSError, refusals.NotAmqp) as error:
            trouble = refusals.read_open_error(error, f"{endpoint.host}:{endpoint.port}", external=endpoint.external)
    raise trouble or BrokerUnavailable("reach RabbitMQ", "no URL is given")


@contextmanager
def answering_within(connection: BlockingConnection, timeout_s: float) -> Iterator[None]:
    """Raise TimeoutError from any wait for RabbitMQ after `timeout_s`: pika itself waits for ever.

    The connection is unusable after that. While pika waits for an answer, it calls its own timers, not ours.
    """

    def expire() -> None:
        raise TimeoutError

    loop = connection._impl.ioloop  # noqa: SLF001 - pika offers no other way to it
    timer = loop.call_later(timeout_s, expire)
    try:
        yield
    finally:
        loop.remove_timeout(timer)


def server_of(connection: BlockingConnection) -> dict[str, str]:
    """Return what RabbitMQ tells of itself at the beginning of a connection, such as its `version`."""
    told = connection._impl.server_properties or {}  # noqa: SLF001 - pika offers no other way to it
    return {str(name): value for name, value in told.items() if isinstance(value, str)}
