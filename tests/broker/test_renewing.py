"""A connection that is closed by this side, for new secrets or for good: meanwhile nobody sends on it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from logbus.broker import topology
from logbus.broker.connecting import renewal
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer, Delivery
from logbus.config.settings import Broker
from sinks.delivery import depth
from support import wait_until
from support.channels import confirming
from support.secret_files import put

pytestmark = pytest.mark.broker

RENEWS = "connecting anew"
COUNT = 3


class Login:
    """A consumer whose password is in a file, and what was delivered to it."""

    def __init__(self, url: str, path: Path) -> None:
        self.path = path
        self.put()
        parts = urlsplit(url)
        self.broker = Broker(f"amqp://guest@{parts.hostname}:{parts.port}{parts.path}", password_file=str(path))
        self.link = Connection(self.broker, "test")
        self.consumer = Consumer(self.link, topology.sink_queue("test"))
        self.taken: list[Delivery] = []
        self.is_closed = False

    def put(self) -> None:
        """Replace the file by one that says the same."""
        put(self.path, b"guest\n")

    def step(self) -> None:
        """Do a little I/O and gather what was delivered."""
        self.link.poll(0.02)
        self.taken += self.consumer.take()

    def close(self) -> None:
        """Close the connection, once."""
        if not self.is_closed:
            self.is_closed = True
            self.link.close()


@pytest.fixture
def login(
    broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Login]:
    """Give a consumer that looks for a new password in each step; some messages were delivered to it."""
    monkeypatch.setattr(renewal, "REPLACED_EVERY_S", 0.0)
    caplog.set_level(logging.INFO)
    login = Login(broker_url, tmp_path / "password")
    wait_until(lambda: login.consumer.is_open, meanwhile=login.step)
    with confirming(broker_url) as channel:
        for number in range(COUNT):
            channel.basic_publish(topology.LOGS, "", b"%d" % number)
    wait_until(lambda: len(login.taken) == COUNT, meanwhile=login.step)
    yield login
    login.close()


def test_what_is_acknowledged_while_the_login_is_renewed_comes_again(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    """A sink commits whenever it is due: that RabbitMQ has not answered the close yet ends nothing."""
    login.put()
    wait_until(lambda: RENEWS in caplog.text, meanwhile=login.step)
    assert not login.consumer.is_open
    login.consumer.ack(login.taken)
    login.consumer.quarantine(login.taken[0], "it is a test")
    login.consumer.pause()
    login.consumer.resume()
    wait_until(lambda: len(login.taken) == 2 * COUNT, meanwhile=login.step)
    assert [each.message.body for each in login.taken] == 2 * [b"%d" % number for number in range(COUNT)]


@pytest.mark.parametrize("renews", [False, True], ids=["for-good", "for-new-secrets"])
def test_no_guest_opens_a_channel_while_the_connection_is_being_closed(
    login: Login, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, renews: bool
) -> None:
    """What asks now and then, as for the depth of the queue, may do so at any time."""
    monkeypatch.setattr(depth, "EVERY_S", 0.0)
    login.link.guests.invite(depth.Depth(login.link, "logs.test", {}))
    login.put()  # guests are connected with the next connection
    wait_until(lambda: RENEWS in caplog.text, meanwhile=login.step)
    wait_until(lambda: login.consumer.is_open, meanwhile=login.step)
    if renews:
        before = caplog.text.count(RENEWS)
        login.put()
        wait_until(lambda: caplog.text.count(RENEWS) > before, meanwhile=login.step)
        wait_until(lambda: login.consumer.is_open, meanwhile=login.step)
    login.close()
