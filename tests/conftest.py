"""Fixtures of the whole suite: a private RabbitMQ node, a virtual host for each test, a node to maltreat.

broker          the DevBroker that all tests of a run share: started by the first that asks, ended with the run
broker_url      amqp:// URL of a virtual host on it that no other test sees (the exchange names are fixed)
faulty_broker   another DevBroker with nothing declared, to kill, freeze, alarm or misconfigure for the time of a test
"""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from logbus.devbroker import DevBroker
from logbus.signals import HANDLED
from support import SOAK, forget_everything
from support.virtual_hosts import VirtualHosts

# `make test` tries the same examples each time, so that it fails for what changed only; `make soak` tries new ones.
settings.register_profile("default", deadline=None, print_blob=True, derandomize=not SOAK)
settings.load_profile("default")

os.environ.pop("LOGBUS_BROKER", None)  # tests choose their broker
os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian keeps logrotate, and an ordinary user does not look


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Put the handlers of signals back: what a daemon that ended in this process ignores, its children would, too."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevBroker]:
    """Give the node that all tests share; what disturbs other tests belongs to `faulty_broker`."""
    node = DevBroker(tmp_path_factory.mktemp("broker"))
    try:
        node.start()
        yield node
    finally:
        node.kill()


@pytest.fixture(scope="session")
def virtual_hosts(broker: DevBroker) -> VirtualHosts:
    """Give the run's supply of virtual hosts."""
    return VirtualHosts(broker)


@pytest.fixture
def broker_url(broker: DevBroker, virtual_hosts: VirtualHosts) -> str:
    """Give the URL of a virtual host of the test's own."""
    return broker.url + virtual_hosts.take()


@pytest.fixture(scope="session")
def second_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevBroker]:
    """Give the node that tests maltreat in turn; it takes about 6 s to start."""
    node = DevBroker(tmp_path_factory.mktemp("faulty"))
    try:
        node.start()
        yield node
    finally:
        node.kill()


@pytest.fixture
def faulty_broker(second_broker: DevBroker) -> Iterator[DevBroker]:
    """Give the node, running; what a test sets in it, it sets back."""
    yield second_broker
    second_broker.resume()
    second_broker.start()
    forget_everything(second_broker)
