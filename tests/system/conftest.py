"""Real processes for the system tests: started by name, their output gathered, never left behind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from support import wait_until
from support.programs import DEADLINE_S, Start, Until, starting
from support.tabs import browsers, faultless
from support.tls_node import TlsNode


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts `python -m NAME ARGUMENTS...` and sees to its end."""
    with starting(tmp_path) as begin:
        yield begin


@pytest.fixture
def eventually() -> Until:
    """Return a function that waits until a condition holds, and fails after a minute."""

    def wait(condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
        wait_until(condition, deadline_s)

    return wait


@pytest.fixture(scope="session")
def started_tls_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsNode]:
    """Give the node with TLS that all tests share."""
    node = TlsNode(tmp_path_factory.mktemp("tls"))
    try:
        node.broker.start()
        yield node
    finally:
        node.broker.kill()


@pytest.fixture
def tls_node(started_tls_node: TlsNode) -> Iterator[TlsNode]:
    """Give the node with TLS; it presents and trusts what it did at first when the test is over."""
    yield started_tls_node
    started_tls_node.reset()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser, whose profile is new."""
    with browsers() as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """Give a tab in which nothing may go wrong."""
    with faultless(browser) as tab:
        yield tab
