"""Metrics and health over HTTP."""

import http.client
import socket
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace
from wsgiref.simple_server import demo_app

import pytest

from logbus import telemetry
from logbus.errors import UsageError
from logbus.telemetry import serving
from logbus.telemetry.metrics_server import NO_ROOM_S, MetricServer
from support import wait_until
from support.no_descriptors import no_descriptors


@pytest.fixture
def http_port() -> int:
    """Serve, and give the port."""
    telemetry.beat()
    return serving.serve("127.0.0.1:0", "shipper")


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
    for name, (kind, shore, meaning) in telemetry.METRICS.items():
        shown = f"{name}_total" if kind == "counter" else name
        assert (f"# HELP {shown} {meaning}\n" in body) is (shore != "sink")
    assert f"logbus_lost_bytes_total {counted}" in body


def test_a_sink_shows_its_own_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the other shore are left out, every one names the sink, and lags are histograms."""
    monkeypatch.setattr(telemetry, "_common", {})
    monkeypatch.setattr(telemetry, "_observed", {})
    telemetry.identify(sink="archive")
    for lag_s in (0.004, 0.3, 4000):
        telemetry.observe("logbus_read_to_commit_seconds", lag_s)
    _, body = ask(serving.serve("127.0.0.1:0", "sink"), "GET", "/metrics")
    own = [line for line in body.splitlines() if line.startswith("logbus_")]
    assert all('sink="archive"' in line for line in own)
    assert not [line for line in own if line.startswith("logbus_published")]
    assert 'logbus_read_to_commit_seconds_bucket{le="0.5",sink="archive"} 2.0' in own
    assert 'logbus_read_to_commit_seconds_count{sink="archive"} 3.0' in own
    assert any(line.startswith("process_resident_memory_bytes ") for line in body.splitlines())
    assert any(line.startswith("logbus_build_info{") and "version=" in line for line in own)


def test_ready_is_connected(http_port: int) -> None:
    """GET /readyz is 200 while the connection to RabbitMQ works, and 503 else."""
    before = telemetry.value("logbus_connected")
    try:
        for connected, status in ((1, 200), (0, 503)):
            telemetry.gauge("logbus_connected", connected)
            assert ask(http_port, "GET", "/readyz")[0] == status
    finally:
        telemetry.gauge("logbus_connected", before)


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
        serving.serve(listen, "sink")


def test_who_opens_it_to_the_network_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    """S21: other addresses than loopback are served, and said."""
    serving.serve("0.0.0.0:0", "sink")
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


class Counting(MetricServer):
    """Counts how often it tries to accept a connection."""

    tries = 0

    def _accept(self) -> None:
        self.tries += 1
        super()._accept()


def test_what_cannot_be_accepted_is_tried_again_now_and_then() -> None:
    """Without a descriptor for the only client there is, it does not try all the time; with one, it answers."""
    server = Counting("127.0.0.1", 0)
    server.set_app(demo_app)
    with socket.socket() as client:
        client.settimeout(10)
        with no_descriptors():
            client.connect(("127.0.0.1", server.server_port))
            threading.Thread(target=server.work, daemon=True).start()
            began = time.monotonic()
            wait_until(lambda: server.tries > 3)
            assert time.monotonic() - began > 2 * NO_ROOM_S
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 200 " in client.recv(1024)
