"""What one browser may cost the others: its filter, its slowness, its connections."""

import json
import socket
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from sinks.web.http.connections import PER_ADDRESS
from support.pages import Page, page_of
from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]


@pytest.fixture
def page(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> Page:
    """Give a page that everybody on this host may see."""
    return page_of(start, broker_url, tmp_path, eventually)


def test_a_costly_filter_costs_the_others_nothing(page: Page) -> None:
    """Beside a filter of a large alternation and twenty fields, another browser sees all that it wants."""
    words = "|".join(f"(a{number}|b+c{{1,9}}){{0,3}}x{number}y" for number in range(60))
    fields = "".join(f"&field=key{number}=*never{number}*" for number in range(20))
    costly = page.events(f"/api/live?text={quote(words + '|key')}{fields}")
    assert next(costly)[0] == "hello"
    cheap = page.events("/api/live?label=app&text=the+end")
    assert next(cheap)[0] == "hello"
    record = json.dumps({f"key{number}": "v" * 40 for number in range(20)}).encode()
    page.ship((record + b"\n") * 20_000 + b"the end\n")
    found = next(data for name, data, _ in cheap if name == "records")
    assert isinstance(found, list)
    assert [each["message"] for each in found] == ["the end"]
    assert "records" not in [name for name, _, _ in islice(costly, 3)]


def test_slow_requests_are_cut_off(page: Page) -> None:
    """Who sends a head or a body byte by byte is cut off after ten seconds; others are served, and look on."""
    events = page.events("/api/live")
    assert next(events)[0] == "hello"
    with ExitStack() as opened:
        heads = [opened.enter_context(connected(page)) for _ in range(20)]
        bodies = [opened.enter_context(connected(page)) for _ in range(20)]
        for sock in bodies:
            sock.sendall(f"POST /login HTTP/1.1\r\nHost: {netloc(page)}\r\nContent-Length: 4000\r\n".encode())
            sock.sendall(f"Origin: {page.url}\r\n\r\n".encode())
        slow = [*heads, *bodies]
        page.until(lambda: not list(filter(goes_on, slow)), 30)
        assert page.ask("/healthz").text == "ok\n"
    page.ship(b"one\n")
    assert "records" in (name for name, _, _ in islice(events, 30))


def goes_on(sock: socket.socket) -> bool:
    """Send another byte of a request; return False if the server has cut the connection off."""
    try:
        sock.sendall(b"x")
        sock.settimeout(0.02)
        return sock.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def netloc(page: Page) -> str:
    """Return host and port of a page."""
    return page.url.removeprefix("http://")


def connected(page: Page) -> socket.socket:
    """Return a connection to a page."""
    host, port = netloc(page).split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def test_one_address_cannot_take_all_connections(page: Page) -> None:
    """Of too many connections from one address, the last are cut off; once others are closed, there is room again."""
    with ExitStack() as opened:
        many = [opened.enter_context(connected(page)) for _ in range(PER_ADDRESS)]
        with connected(page) as one_more:
            page.until(lambda: not goes_on(one_more))
        assert all(goes_on(sock) for sock in many[:3])
    page.until(lambda: answers(page))


def answers(page: Page) -> bool:
    """Return True if the server answers."""
    try:
        return page.ask("/healthz").status_code == 200
    except httpx.TransportError:
        return False
