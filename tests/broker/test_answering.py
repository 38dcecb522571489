"""A process that answers requests on a real node: garbage, floods, forgeries and refusals never touch its work."""

import logging
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pika
import pika.exceptions
import pytest

from logbus.broker.connecting.connection import Connection
from logbus.broker.messages import message_of
from logbus.broker.topology import (
    ANSWERS,
    ASKED,
    CONTROL,
    CONTROL_MAX_REQUESTS,
    CONTROL_TTL_S,
    Exchange,
    Plan,
    control_queue,
)
from logbus.config.settings import Broker
from logbus.control.answering import Answering
from logbus.control.messages import REQUEST, Answer, Request, decode_answer
from logbus.control.verbs import READ, Permission, Said, Verbs
from logbus.devbroker import DevBroker
from logbus.errors import BrokerUnavailable
from logbus.fleet.status import Status
from sinks.fleet.asking import ask_all
from support import wait_until
from support.channels import Channel, properties

pytestmark = pytest.mark.broker

KEY = "web-1.shipper"
STATUS = Status("web-1", "shipper", "a1", 1, 2)


class Idle:
    """A client of the connection with nothing to do; it knows whether its channel works."""

    def __init__(self) -> None:
        self.works = False

    def plan(self) -> Plan:
        """Return nothing."""
        return ()

    def writes_to(self) -> str:
        """Return nothing."""
        return ""

    def opened(self, _channel: object) -> None:
        """Work."""
        self.works = True

    def closed(self, _error: BaseException) -> None:
        """Stop."""
        self.works = False

    def blocked(self, _reason: str | None) -> None:
        """Do nothing."""


class Lagging:
    """The connection, which is behind by as much as a test wants."""

    def __init__(self, link: Connection) -> None:
        self._link = link
        self.unsent = self.looks = 0

    @property
    def user_id(self) -> str | None:
        """The AMQP user."""
        return self._link.user_id

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call once from a later poll."""
        self._link.call_later(delay_s, callback)

    def unsent_bytes(self) -> int:
        """Return how much waits to be sent."""
        self.looks += 1
        return self.unsent


class Process:
    """A process that answers, and what it was asked; it runs while it is polled."""

    def __init__(self, url: str, permission: Permission = READ) -> None:
        self.asked: list[str] = []
        self.late_s = 0.0
        self.client = Idle()
        self.link = Connection(Broker(url=url), "test")
        self.lag = Lagging(self.link)
        verbs = Verbs(lambda: STATUS, permission, {"echo": self._echo}, {"obey": self._echo})
        self.link.guests.invite(Answering(self.lag, verbs, lambda: time.monotonic() + self.late_s))
        self.link.attach(self.client)

    def _echo(self, arguments: list[str]) -> Said:
        self.asked += arguments
        return Said(" ".join(arguments))

    def poll(self) -> None:
        """Run for a moment."""
        self.link.poll(0.05)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Give a list of processes to end."""
    started: list[Process] = []
    yield started
    for each in started:
        each.link.close()


@pytest.fixture
def process(broker_url: str, processes: list[Process], caplog: pytest.LogCaptureFixture) -> Process:
    """Give a process that answers by now, and obeys guest."""
    caplog.set_level(logging.INFO)
    processes.append(Process(broker_url, Permission("write", ("guest",))))
    wait_until(lambda: "answering requests" in caplog.text, meanwhile=processes[0].poll)
    return processes[0]


@pytest.fixture
def asker(process: Process, broker_url: str) -> Iterator[tuple[Channel, Callable[[], list[Answer]]]]:
    """Give a plain channel, and a function that returns the answers that came so far; `process` is there before."""
    assert process.client.works
    with closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("mine", exclusive=True)
        channel.queue_bind("mine", ANSWERS, "mine")
        found: list[Answer] = []

        def heard() -> list[Answer]:
            process.poll()
            while (got := channel.basic_get("mine", auto_ack=True))[1]:
                found.append(decode_answer(message_of("", got[1], got[2] or b"")))
            return found

        yield channel, heard


Asker = tuple[Channel, Callable[[], list[Answer]]]


def ask(channel: Channel, body: bytes, reply_to: str | None = "mine", user_id: str | None = None) -> bool:
    """Publish a request as it is; return False if RabbitMQ refuses it."""
    known = properties(type=REQUEST, reply_to=reply_to, user_id=user_id)
    try:
        channel.basic_publish(CONTROL, KEY, body, known, mandatory=True)
    except pika.exceptions.NackError:
        return False
    return True


def test_garbage_is_answered(asker: Asker) -> None:
    """Bodies that are no request get the cause, and one without a way back does not stop the next."""
    channel, heard = asker
    for body in (b"", b"\xff", b"[" * 4000, b'{"verb": 7}', b" " * 5000):
        assert ask(channel, body)
    assert ask(channel, b"{}", reply_to=None)
    assert ask(channel, b'{"verb": "echo", "arguments": ["x"]}')
    answers = wait_until(lambda: found if len(found := heard()) == 6 else None)
    assert [each.ok for each in answers] == [False] * 5 + [True]
    assert all(each.cause for each in answers[:5])


def test_properties_that_are_no_text(asker: Asker) -> None:
    """Where answers go, and who asks, may be any bytes: the next request is answered."""
    channel, heard = asker
    known = properties(type=b"\xff", reply_to=b"\xff\xfe", correlation_id=b"\xff")
    channel.basic_publish(CONTROL, KEY, b"{}", known)
    assert ask(channel, b'{"verb": "\\ud800", "arguments": ["\\u0000\\u202e"]}')
    assert ask(channel, b'{"verb": "echo", "arguments": ["x"]}')
    answers = wait_until(lambda: found if len(found := heard()) == 2 else None)
    assert answers[-1].text == "x"


def test_a_request_waits_while_the_connection_is_behind(asker: Asker, process: Process) -> None:
    """Nothing is added to what waits to be sent; whatever waited for too long is not obeyed any more."""
    channel, heard = asker
    process.lag.unsent = 2 << 20
    assert ask(channel, b'{"verb": "obey", "arguments": ["late"]}', user_id="guest")
    wait_until(lambda: process.lag.looks > 1, meanwhile=process.poll)
    assert not process.asked
    process.late_s = CONTROL_TTL_S + 1
    process.lag.unsent = 0
    assert ask(channel, b'{"verb": "obey", "arguments": ["in time"]}', user_id="guest")
    assert wait_until(lambda: heard() or None)[0].text == "in time"
    assert process.asked == ["in time"]


def test_a_flood_stays_with_rabbitmq(asker: Asker, process: Process) -> None:
    """Of many requests at once, the queue holds a few, and RabbitMQ refuses the others; no other is seen."""
    channel, heard = asker
    taken = [ask(channel, b'{"verb": "echo", "arguments": ["%d"]}' % number) for number in range(200)]
    assert sum(taken) <= CONTROL_MAX_REQUESTS + 2
    wait_until(lambda: len(heard()) == sum(taken))
    assert process.asked == [str(number) for number, each in enumerate(taken) if each]


def test_one_that_is_too_large_is_refused(asker: Asker) -> None:
    """RabbitMQ refuses what the queue may not hold."""
    channel, _ = asker
    assert not ask(channel, b" " * (100 << 10))


def test_a_forged_user_is_refused(asker: Asker, process: Process) -> None:
    """RabbitMQ closes the channel of one who states to be another, and nothing is obeyed."""
    channel, _ = asker
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="user_id"):
        ask(channel, b'{"verb": "obey", "arguments": ["x"]}', user_id="root")
    process.poll()
    assert not process.asked


def test_an_order_needs_a_user(asker: Asker, process: Process) -> None:
    """The named user is obeyed if the message states it, and refused otherwise."""
    channel, heard = asker
    assert ask(channel, b'{"verb": "obey", "arguments": ["a"]}')
    assert ask(channel, b'{"verb": "obey", "arguments": ["b"]}', user_id="guest")
    answers = wait_until(lambda: found if len(found := heard()) == 2 else None)
    assert [each.ok for each in answers] == [False, True]
    assert process.asked == ["b"]


def test_another_user_is_refused(broker: DevBroker, broker_url: str, process: Process, asker: Asker) -> None:
    """One who may ask, and is not named, gives no orders."""
    _, heard = asker
    with closing(user(broker, broker_url, ".*", ".*", ".*")) as given:
        with closing(pika.BlockingConnection(pika.URLParameters(next(given)))) as connection:
            name = urlsplit(next(given)).username
            ask(connection.channel(), b'{"verb": "obey", "arguments": ["x"]}', user_id=name)
        answers = wait_until(lambda: heard() or None)
        assert answers[0].cause.startswith(f"{name} may not give orders here")
    assert not process.asked


def user(broker: DevBroker, url: str, configure: str, write: str, read: str) -> Generator[str, None, None]:
    """Give the URL of a new user with these permissions, again and again, until it is closed."""
    name, vhost = f"user{secrets.token_hex(4)}", urlsplit(url).path[1:]
    broker.ctl("add_user", name, "secret")
    try:
        broker.ctl("set_permissions", "-p", vhost, name, configure, write, read)
        while True:
            yield url.replace("guest:guest@", f"{name}:secret@")
    finally:
        broker.ctl("delete_user", name)


def made(url: str, *, asked: bool) -> None:
    """Make the exchanges, if they are to be there."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        for each in ASKED if asked else ():
            assert isinstance(each, Exchange)
            connection.channel().exchange_declare(each.name, each.type, durable=True)


@pytest.mark.parametrize("asked", [True, False])
def test_without_permissions_it_is_said_once(
    broker: DevBroker, broker_url: str, processes: list[Process], caplog: pytest.LogCaptureFixture, *, asked: bool
) -> None:
    """Whether the exchanges are there or not, the work goes on; the next connection may do what is allowed by then."""
    caplog.set_level(logging.INFO)
    made(broker_url, asked=asked)
    with closing(user(broker, broker_url, "^$", "^logs$", "^$")) as given:
        url = next(given)
        mute = Process(url)
        processes.append(mute)
        wait_until(lambda: mute.client.works and "answers no requests" in caplog.text, meanwhile=mute.poll)
        broker.ctl("set_permissions", "-p", urlsplit(url).path[1:], str(urlsplit(url).username), ".*", ".*", ".*")
        mute.link.give_up(BrokerUnavailable("test", "a lost connection"))
        wait_until(lambda: "answering requests" in caplog.text, meanwhile=mute.poll)
        assert caplog.text.count("answers no requests") == 1


def test_one_that_may_not_answer_goes_on(
    broker: DevBroker, broker_url: str, processes: list[Process], caplog: pytest.LogCaptureFixture
) -> None:
    """Where writing to `logs.answers` is refused, its channel is closed, and the rest works."""
    caplog.set_level(logging.INFO)
    made(broker_url, asked=True)
    queues = r"^logs\.control\..+$"
    readable = r"^logs\.(control.*|answers)$"  # RabbitMQ 4.3 does not show an exchange without any permission for it
    with closing(user(broker, broker_url, queues, queues, readable)) as given:
        mute = Process(next(given))
        processes.append(mute)
        wait_until(lambda: "answering requests" in caplog.text, meanwhile=mute.poll)
        with closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as connection:
            assert ask(connection.channel(), b'{"verb": "echo"}')
        wait_until(lambda: "answers no requests" in caplog.text, meanwhile=mute.poll)
        assert mute.client.works


def test_one_whose_queue_is_full_is_busy(broker_url: str) -> None:
    """Who asks is told at once that others wait, too."""
    with closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as connection:
        channel = connection.channel()
        made(broker_url, asked=True)
        queue = control_queue("logs.control.hung")
        channel.queue_declare(queue.name, exclusive=True, arguments=dict(queue.arguments))
        channel.queue_bind(queue.name, CONTROL, KEY)
        for _ in range(CONTROL_MAX_REQUESTS):
            channel.basic_publish(CONTROL, KEY, b"x")
        wait_until(lambda: channel.queue_declare(queue.name, passive=True).method.message_count == CONTROL_MAX_REQUESTS)
        with pytest.raises(BrokerUnavailable, match="too many requests"):
            ask_all(Broker(url=broker_url), KEY, Request("status"), 30.0)


def test_direct_reply_to_needs_the_default_exchange(broker: DevBroker, broker_url: str) -> None:
    """Why answers go through `logs.answers`: RabbitMQ checks its own way back against the default exchange."""
    with (
        closing(user(broker, broker_url, ".*", "^logs.*$", ".*")) as given,
        closing(pika.BlockingConnection(pika.URLParameters(next(given)))) as connection,
    ):
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="default"):
            channel.basic_publish("", "amq.rabbitmq.reply-to.g1h2AA", b"x")
