"""Metrics and health over HTTP."""

import http.client
import socket
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from logbus import telemetry
from logbus.errors import UsageError


@pytest.fixture
def http_port() -> int:
    """Serve, and give the port."""
    telemetry.beat()
    return telemetry.serve("127.0.0.1:0")


def ask(port: int, method: str, path: str) -> tuple[int, str]:
    """Return status and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_every_metric_is_shown(http_port: int) -> None:
    """GET /metrics gives every metric with its meaning, those at zero too, and what was counted."""
    telemetry.count("logbus_lost_bytes", 7)
    counted = telemetry.value("logbus_lost_bytes")
    status, body = ask(http_port, "GET", "/metrics")
    assert status == 200
    for name, (kind, meaning) in telemetry.METRICS.items():
        shown = f"{name}_total" if kind == "counter" else name
        assert f"# HELP {shown} {meaning}" in body
    assert f"logbus_lost_bytes_total {counted}" in body


def test_health_is_the_loop_going_round(http_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """GET /healthz is 200 while the loop goes round, and 503 when it has not for half a minute."""
    assert ask(http_port, "GET", "/healthz") == (200, "ok\n")
    monkeypatch.setattr(telemetry, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 31))
    assert ask(http_port, "GET", "/healthz")[0] == 503


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(http_port: int, method: str) -> None:
    """S21: only GET is answered."""
    assert ask(http_port, method, "/metrics")[0] == 405
    assert ask(http_port, "GET", "/../etc/passwd")[0] == 404


@pytest.mark.parametrize("listen", ["9600", ":9600", "127.0.0.1:http", "127.0.0.1:99999", "192.0.2.1:9600"])
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    """A wrong or foreign address is the user's to mend."""
    with pytest.raises(UsageError, match="serve metrics"):
        telemetry.serve(listen)


def test_who_opens_it_to_the_network_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    """S21: other addresses than loopback are served, and said."""
    telemetry.serve("0.0.0.0:0")
    assert "to anyone who reaches it" in caplog.text


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET /metrics HTTP/1.1\r\nX: ", b"\x16\x03\x01"], ids=repr)
def test_idle_and_slow_connections_block_nobody(http_port: int, sent: bytes) -> None:
    """Two hundred connections that never finish a request: a good one is answered within a second, by few threads."""
    with ExitStack() as stack:
        for _ in range(200):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", http_port), timeout=5))
            sock.sendall(sent)
        threads = threading.active_count()
        began = time.monotonic()
        assert ask(http_port, "GET", "/healthz")[0] == 200
        assert ask(http_port, "GET", "/metrics")[0] == 200
        assert time.monotonic() - began < 1.0
        assert threading.active_count() <= threads


def flood(sock: socket.socket) -> None:
    """Send headers for ever."""
    while True:
        sock.sendall(b"X: y\r\n" * 1000)


def test_an_endless_header_is_cut_off(http_port: int) -> None:
    """A request whose head has no end costs bounded memory: its connection is closed."""
    with socket.create_connection(("127.0.0.1", http_port), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"(?i)pipe|reset"):
            flood(sock)
