"""When certificates expire: as a metric, and as a warning once a day near the end."""

import ssl
import time
from pathlib import Path

import pytest

from logbus import telemetry
from logbus.broker.connecting.renewal import Expiries, Replaced
from logbus.config.settings import Broker
from support.authority import Authority

DAY_S = 86_400.0


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a CA."""
    return Authority(tmp_path, "authority")


def test_each_certificate_has_a_date_and_a_warning(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From 30 days on, once a day for each certificate: the file or the node, and the days that are left."""
    ca, own, clock = tmp_path / "ca.pem", tmp_path / "own.pem", Clock()
    ca.write_bytes(authority.certificate)
    own.write_bytes(authority.issue("web1", 40).certificate)
    expiries = Expiries(Broker(url="amqps://h", ca_file=str(ca), cert_file=str(own)), clock)
    server = ssl.PEM_cert_to_DER_cert(authority.issue("localhost", 50).certificate.decode())
    expiries.connected(server, "h:5671")
    for _ in range(24 * 52):
        expiries.look()
        clock.now += 3600
    for name, days in (("ca", 60), ("client", 40), ("server", 50)):
        at_s = telemetry.value("logbus_certificate_expires_seconds", certificate=name)
        assert abs(at_s - time.time() - days * DAY_S) < DAY_S / 2
    said = [each.getMessage() for each in caplog.records]
    for what, days in (("ca_file", 60), ("cert_file", 40), ("RabbitMQ", 50)):
        assert sum(what in each for each in said) == 52 - (days - 30)
    assert f"a certificate in cert_file {own} expires in 29 days" in said[0]
    assert any(each.startswith("the certificate of RabbitMQ at h:5671 expires in 1 day,") for each in said)
    assert any(f"cert_file {own} expired on" in each for each in said)


def test_our_files_are_looked_at_each_hour(authority: Authority, tmp_path: Path) -> None:
    """A certificate that was replaced has its new date within an hour, without a connection."""
    own = tmp_path / "own.pem"
    own.write_bytes(authority.issue("web1", 40).certificate)
    later = []
    expiries = Expiries(Broker(url="amqps://h", cert_file=str(own)))
    expiries.watch(lambda delay_s, again: later.append((delay_s, again)))
    before = telemetry.value("logbus_certificate_expires_seconds", certificate="client")
    own.write_bytes(authority.issue("web1", 50).certificate)
    ((delay_s, again),) = later
    again()
    after = telemetry.value("logbus_certificate_expires_seconds", certificate="client")
    assert (delay_s, round((after - before) / DAY_S)) == (3600, 10)


def test_a_replaced_file_renews_the_connection_once_it_is_usable(tmp_path: Path) -> None:
    """Not at the first look at it, which may see half of a change, nor while it is unusable, and not twice."""
    password, renewed = tmp_path / "password", []
    password.write_text("first")
    password.chmod(0o600)
    replaced = Replaced(Broker(url="amqp://me@h", password_file=str(password)), lambda: renewed.append(1))
    replaced.used()
    replaced.look()
    password.write_text("")
    replaced.look()
    replaced.look()
    assert not renewed
    password.write_text("second, longer")
    replaced.look()
    assert not renewed
    replaced.look()
    assert renewed
    replaced.used()
    replaced.look()
    replaced.look()
    assert len(renewed) == 1


def test_without_files_nobody_looks() -> None:
    """A password in the URL cannot be replaced."""
    calls: list[object] = []
    Replaced(Broker(url="amqp://h"), lambda: calls.append("renewed")).watch(lambda *each: calls.append(each))
    assert not calls
