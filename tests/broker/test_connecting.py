"""Connecting where the system refuses what it takes, or the other side says nothing: waited out, ended at once."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import pytest

from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.connecting.loop import CLOSE_WITHIN_S
from logbus.broker.consuming.consumer import Consumer
from logbus.config.settings import Broker
from support import wait_until
from support.no_descriptors import no_descriptors
from support.no_threads import REASON, no_threads


@pytest.mark.broker
@pytest.mark.parametrize(("refusing", "why"), [(no_descriptors, "too many open files"), (no_threads, REASON)])
def test_what_the_system_refuses_is_reported_and_waited_out(
    broker_url: str,
    caplog: pytest.LogCaptureFixture,
    refusing: Callable[[], AbstractContextManager[None]],
    why: str,
) -> None:
    """It ends no process: its reason is said as for any other failure, and the connection is there once it may."""
    link = Connection(Broker(url=broker_url), role="test")
    consumer = Consumer(link, topology.sink_queue("test"))
    step = partial(link.poll, 0.02)
    with refusing():
        wait_until(lambda: f"{why}; retrying" in caplog.text, meanwhile=step)
    wait_until(lambda: consumer.is_open, meanwhile=step)
    link.close()


def test_a_connection_that_is_not_open_yet_is_dropped_at_once() -> None:
    """A process that is asked to end does not wait for the answer of a port that never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = Connection(Broker(url=f"amqp://127.0.0.1:{silent.getsockname()[1]}/"), role="test")
        Consumer(link, topology.sink_queue("test"))
        wait_until(lambda: select.select([silent], [], [], 0)[0], meanwhile=partial(link.poll, 0.02))
        link.poll(0.02)
        began = time.monotonic()
        link.close()
        assert time.monotonic() - began < CLOSE_WITHIN_S
