"""One connection to RabbitMQ and one channel on it, kept open: open, declare, reconnect with back-off.

A daemon's single thread calls `poll()`, which runs pika's I/O loop for at most the given time; everything else happens
in callbacks from there. The user of the channel is a `Client` (publisher or consumer): it says what to declare, and is
told when a channel is ready and when it is lost. pika's exceptions do not leave this module.

Starting while the broker is down is normal: it is reported once, then once a minute, and work begins once the broker
is up. A refusal (credentials, permissions, properties) at the first attempt is raised from `poll()`; after a success,
also one before a reload, it is waited out like an outage, because whoever changed something may change it back. So is
an unusable password or PEM file: each connection reads them anew, so that they can be replaced while we run.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pika

from logbus import telemetry
from logbus.broker import refusals
from logbus.broker.amqp import AtOnce
from logbus.broker.connecting.client import Client, Guests
from logbus.broker.connecting.hosts import Hosts
from logbus.broker.connecting.loop import Loop, end
from logbus.broker.connecting.renewal import Expiries, Replaced
from logbus.broker.connecting.retries import FIRST_RETRY_S, Retries
from logbus.broker.declaring.declarer import Declarer
from logbus.errors import BrokerError, BrokerRefused, BrokerUnavailable, UsageError
from logbus.handover import was_reloaded

if TYPE_CHECKING:
    from pika.channel import Channel

    from logbus.config.settings import Broker


class Connection:
    """A connection that reconnects. `role` names it in RabbitMQ's management pages.

    Raises UsageError for a password or PEM file that is unusable at the start.
    """

    def __init__(self, broker: "Broker", role: str) -> None:
        if not was_reloaded():  # else it was checked at the reload, and later failures are waited out
            broker.check()
        self._broker = broker
        self._hosts = Hosts(broker)
        self._retries = Retries()
        self._role = role
        self._client: Client | None = None
        self.guests = Guests()
        self._loop = Loop()
        self._connection: AtOnce | None = None
        self._channel: Channel | None = None
        self._declarer = Declarer(self)
        self._fatal: BrokerError | None = None
        self._was_open = was_reloaded()
        self._expiries = Expiries(broker)
        self._replaced = Replaced(broker, self._log_in_again)
        self._closing = False

    @property
    def is_open(self) -> bool:
        """True while the channel is open and everything on it is declared."""
        return self._channel is not None

    @property
    def broker(self) -> "Broker":
        """The settings that it connects with."""
        return self._broker

    @property
    def user_id(self) -> str | None:
        """The AMQP user of the current endpoint, for messages to state; None if unknown, or if they shall not."""
        return self._hosts.user_id

    def attach(self, client: Client) -> None:
        """Serve `client`, and start to connect at the next `poll`."""
        self._client = client
        self._expiries.watch(self._loop.call_later)
        self._replaced.watch(self._loop.call_later)
        self._connect()

    def poll(self, timeout_s: float) -> None:
        """Do pending I/O, waiting at most `timeout_s` for some. Raises BrokerRefused when waiting does not help."""
        if self._fatal:
            raise self._fatal
        try:
            self._loop.poll(timeout_s)
        except (OSError, RuntimeError) as error:  # no descriptor for a socket, no thread to look up a host
            if self._connection is None or self._connection.is_open:
                raise
            self._connection.abort(error)  # pika lets it through, and would leave the attempt as it is
        if self._fatal:
            raise self._fatal

    def wake(self) -> None:
        """End a `poll` that waits. May be called from any thread and from a signal handler."""
        self._loop.wake()

    def wake_on(self, fd: int) -> None:
        """End a waiting `poll` whenever `fd` is readable, until `ignore(fd)`. Regular files cannot be waited for."""
        self._loop.wake_on(fd)

    def ignore(self, fd: int) -> None:
        """Stop waking on `fd`."""
        self._loop.ignore(fd)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` once from a later `poll`."""
        self._loop.call_later(delay_s, callback)

    def close(self) -> None:
        """Close gracefully, waiting at most two seconds for the broker's answer."""
        self._closing, self._fatal = True, None
        self.guests.leaving()
        self.guests.disconnected()
        if self._connection:
            end(self._connection, self._loop)
        self._loop.close()

    def reopen_channel(self) -> None:
        """Give up the channel and declare everything again: something it relied on is gone."""
        channel = self._channel
        if channel and channel.is_open:
            self._lost(pika.exceptions.ChannelClosedByClient(0, "reopening"))  # nothing may be sent on it any more
            channel.close()

    def give_up(self, error: BrokerUnavailable) -> None:
        """Drop the connection because of `error`, and open another: a channel on it no longer answers."""
        if self._connection:
            self._connection.abort(error)

    def works(self) -> None:
        """Record that the client can work: only now is it connected, and an outage over."""
        self._was_open = True
        self._retries.works(self._hosts.where)

    def unsent_bytes(self) -> int:
        """Return the number of undelivered bytes."""
        return self._connection.unsent_bytes() if self._connection and self._connection.is_open else 0

    def made(self, queue: str) -> bool:
        """Return True if a queue did not exist when the current channel was opened, and had to be declared."""
        return queue in self._declarer.made

    def was_consumed(self, queue: str) -> bool:
        """Return True if somebody else consumed from a queue when the current channel was opened."""
        return queue in self._declarer.consumed

    def _connect(self) -> None:
        self._replaced.used()
        try:
            wanted = self._hosts.parameters(self._role)
        except UsageError as error:
            self._wait_for_login(BrokerUnavailable(error.cannot, error.cause, error.hint))
            return
        self._connection = AtOnce(
            wanted,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_open_error,
            on_close_callback=self._on_close,
            custom_ioloop=self._loop.pikas,
        )

    def _log_in_again(self) -> None:
        """Connect anew: with the secrets that are there by now, more may be allowed (a token may have expired)."""
        if self._connection and self._connection.is_open:
            self._left(pika.exceptions.ConnectionClosedByClient(0, "logging in again"))  # nothing may be sent meanwhile
            self._connection.close()

    def _connect_to_next(self) -> None:
        """Connect to the next of the hosts, in turn."""
        self._hosts.next()
        self._connect()

    def _wait_for_login(self, error: BrokerError) -> None:
        """Connect again with the secrets that are there by then."""
        self._retries.login_failed()
        self._retry(error, self._connect_to_next)

    def _on_open(self, connection: pika.SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        if self._connection and (certificate := self._connection.peer_certificate()):
            self._expiries.connected(certificate, self._hosts.where)
        self._open_channel()
        self.guests.connected(lambda opened: connection.channel(on_open_callback=opened))

    def _open_channel(self) -> None:
        if self._connection and self._connection.is_open:
            self._connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: "Channel") -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        if self._client:
            client = self._client
            self._declarer.declare(channel, client.plan(), client.writes_to(), lambda: self._on_declared(channel))

    def _on_declared(self, channel: "Channel") -> None:
        self._channel = channel
        telemetry.count("logbus_connections")
        telemetry.gauge("logbus_connected", 1)
        if self._client:
            self._client.opened(channel)

    def _on_channel_closed(self, _channel: "Channel", error: BaseException) -> None:
        working = self._channel is not None
        self._lost(error)
        if self._closing or not (self._connection and self._connection.is_open):
            return
        if not working and self._declarer.learn(error):
            self._open_channel()
        elif refusals.size_limit(error) or refusals.is_ours(error):
            self._loop.call_later(FIRST_RETRY_S, self._open_channel)
        else:
            self._declarer.forget()
            self._retry(
                self._read_close(error), self._log_in_again if refusals.is_access(error) else self._open_channel
            )

    def _on_open_error(self, _connection: pika.SelectConnection, error: BaseException) -> None:
        if self._closing:
            return
        self._connection = None
        trouble = refusals.read_open_error(error, self._hosts.where, external=self._hosts.current.external)
        if isinstance(trouble, BrokerRefused):
            self._wait_for_login(trouble)
        else:
            self._retry(trouble, self._connect_to_next)

    def _on_close(self, _connection: pika.SelectConnection, error: BaseException) -> None:
        self._left(error)
        if self._closing:
            return
        self._connection = None
        self._declarer.disconnected()
        if isinstance(error, pika.exceptions.ConnectionClosedByClient):
            self._connect()
        else:
            self._retry(self._read_close(error), self._connect_to_next)

    def _read_close(self, error: BaseException) -> BrokerError:
        """Return what a channel or the connection was closed for, and count it if it is a refusal."""
        trouble = refusals.read_close(error, self._hosts.where)
        if isinstance(trouble, BrokerRefused):
            self._retries.refused()
        return trouble

    def _left(self, error: BaseException) -> None:
        """Tell all who use the connection that it is gone, which they may know."""
        self._lost(error)
        self.guests.disconnected()

    def _lost(self, error: BaseException) -> None:
        if self._channel and self._client:
            self._channel = None
            telemetry.gauge("logbus_connected", 0)
            self._client.closed(error)

    def _on_blocked(self, _connection: object, frame: "pika.frame.Method[pika.spec.Connection.Blocked]") -> None:
        if self._client:
            self._client.blocked(str(frame.method.reason))

    def _on_unblocked(self, _connection: object, _frame: object) -> None:
        if self._client:
            self._client.blocked(None)

    def _retry(self, error: BrokerError, again: Callable[[], None]) -> None:
        if isinstance(error, BrokerRefused) and not (self._was_open or self._closing):
            self._fatal = error
            return
        self._loop.call_later(self._retries.pause_s(error), again)
