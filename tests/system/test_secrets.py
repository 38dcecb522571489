"""Passwords and certificates that change, or are unusable for a while, while a daemon runs."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from logbus.errors import UsageError
from support import wait_until
from support.programs import Start, Until
from support.secret_files import put

pytestmark = pytest.mark.system


def spoil(path: Path, how: str) -> None:
    """Make a file unusable."""
    if how == "gone":
        path.unlink()
    elif how == "directory":
        path.unlink()
        path.mkdir()
    elif how == "fifo":
        path.unlink()
        os.mkfifo(path, 0o600)
    else:
        content, mode = {"empty": (b"", 0o600), "readable": (b"p", 0o644), "half": (b"caf\xc3", 0o600)}[how]
        put(path, content, mode)


def mend(path: Path, secret: bytes) -> None:
    """Make a file usable again, whatever it is."""
    if path.is_dir():
        path.rmdir()
    put(path, secret)


class User:
    """A user of the test's own, the file with the password, and the means to drop the connections of the user."""

    def __init__(self, broker: DevBroker, url: str, path: Path) -> None:
        self._broker = broker
        self.vhost = url.rpartition("/")[2]
        self.name = f"user-{self.vhost}"
        self.url = url.replace("guest:guest@", "").replace("amqp://", f"amqp://{self.name}@")
        self.path = path
        put(path, b"first\n")
        broker.ctl("add_user", self.name, "first")
        broker.ctl("set_permissions", "-p", self.vhost, self.name, ".*", ".*", ".*")

    def drop(self) -> None:
        """Close the connections of this virtual host."""
        self._broker.ctl("close_all_connections", "-p", self.vhost, "test")

    def change(self, password: str) -> None:
        """Change the password."""
        self._broker.ctl("change_password", self.name, password)


@pytest.fixture
def user(broker: DevBroker, broker_url: str, tmp_path: Path) -> User:
    """Give a user of the test's own."""
    return User(broker, broker_url, tmp_path / "password")


def configure(user: User, root: Path, rules: str = "") -> Path:
    """Return a shipper.yml that takes the password from a file; `rules` are more keys of its input."""
    config = root / "shipper.yml"
    broker = f"broker: {{url: {user.url}, password_file: {user.path}}}"
    config.write_text(f"{broker}\nstate: {root}/r\ninputs: [{{paths: [{root}/app.log]{rules}}}]\n")
    return config


@pytest.mark.broker
@pytest.mark.parametrize("how", ["gone", "directory", "fifo", "empty", "readable", "half"])
def test_a_bad_secret_at_a_reconnect_is_waited_out(
    start: Start, user: User, tmp_path: Path, eventually: Until, how: str
) -> None:
    """An unusable password file at a reconnect is reported and retried; once it is usable again, work goes on."""
    shipper = start("shipper", "-v", "--config", configure(user, tmp_path))
    eventually(lambda: "connected" in shipper.said())
    spoil(user.path, how)
    user.drop()
    eventually(lambda: "cannot read a secret" in shipper.said())
    mend(user.path, b"first\n")
    eventually(lambda: shipper.said().count("connected") == 2)
    assert shipper.terminate() == 0


@pytest.mark.broker
def test_a_password_that_was_replaced_is_used_at_once(
    start: Start, user: User, tmp_path: Path, eventually: Until
) -> None:
    """Without a reload, and though RabbitMQ keeps the connections of the old one."""
    shipper = start("shipper", "-v", "--config", configure(user, tmp_path))
    eventually(lambda: "connected" in shipper.said())
    user.change("second")
    put(user.path, b"second\n")
    eventually(lambda: "was replaced: connecting anew" in shipper.said())
    eventually(lambda: shipper.said().count("connected") == 2)
    assert "refused" not in shipper.said()
    assert shipper.terminate() == 0


@pytest.mark.broker
@pytest.mark.parametrize("how", ["gone", "empty", "readable"])
def test_a_reload_with_a_bad_secret_is_refused(
    start: Start, user: User, tmp_path: Path, eventually: Until, how: str
) -> None:
    """`--check` and SIGHUP look at the secrets: a bad one is reported, and the old settings stay in force."""
    config = configure(user, tmp_path)
    shipper = start("shipper", "-v", "--config", config)
    eventually(lambda: "connected" in shipper.said())
    spoil(user.path, how)
    shipper.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the old settings stay in force" in shipper.said())
    assert "cannot read a secret" in shipper.said()
    checked = start("shipper", "--check", "--config", config)
    assert (checked.ends(), "cannot read a secret" in checked.said()) == (2, True)
    assert shipper.terminate() == 0
    assert start("shipper", "--config", config).ends() == 2


@pytest.mark.broker
def test_a_secret_that_breaks_during_a_reload_is_waited_out(
    start: Start, user: User, tmp_path: Path, eventually: Until
) -> None:
    """A secret that was good when the reload was accepted, and is not when it is used, does not end the daemon."""
    shipper = start("shipper", "-v", "--config", configure(user, tmp_path))
    eventually(lambda: "connected" in shipper.said())
    shipper.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the configuration is valid" in shipper.said())
    spoil(user.path, "empty")
    eventually(lambda: "cannot read a secret" in shipper.said())
    mend(user.path, b"first\n")
    eventually(lambda: shipper.said().count("connected") == 2)
    assert shipper.terminate() == 0


@pytest.mark.broker
def test_a_redaction_key_that_breaks_during_a_reload_is_waited_out(
    start: Start, user: User, tmp_path: Path, eventually: Until
) -> None:
    """The key of a redaction is read again by the program that takes the daemon's place, and waited for, too."""
    key = tmp_path / "redaction.key"
    put(key, b"key\n")
    rules = f", redact: {{presets: [email], key_file: {key}}}"
    shipper = start("shipper", "-v", "--config", configure(user, tmp_path, rules))
    eventually(lambda: "connected" in shipper.said())
    shipper.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the configuration is valid" in shipper.said())
    spoil(key, "gone")
    eventually(lambda: "redaction.key: No such file" in shipper.said())
    mend(key, b"key\n")
    eventually(lambda: shipper.said().count("connected") == 2)
    assert shipper.terminate() == 0


@pytest.mark.broker
def test_a_password_is_rotated_without_a_restart(start: Start, user: User, tmp_path: Path, eventually: Until) -> None:
    """The next connection uses the password that is in the file by then."""
    shipper = start("shipper", "-v", "--config", configure(user, tmp_path))
    eventually(lambda: "connected" in shipper.said())
    user.change("second")
    put(user.path, b"second\n")
    user.drop()
    eventually(lambda: shipper.said().count("connected") == 2)
    assert shipper.terminate() == 0


class Nobody:
    """A client that never gets a channel."""

    def plan(self) -> topology.Plan:
        """Return nothing to declare."""
        return ()

    def writes_to(self) -> str:
        """Return that it publishes nowhere."""
        return ""

    def opened(self, channel: object) -> None:
        """Do nothing."""

    def closed(self, error: BaseException) -> None:
        """Do nothing."""

    def blocked(self, reason: str | None) -> None:
        """Do nothing."""


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """Give a certificate and its key, in one file."""
    path = tmp_path / "all.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 1 -keyout key.pem -out cert.pem"
    subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
    path.write_bytes((tmp_path / "key.pem").read_bytes() + (tmp_path / "cert.pem").read_bytes())
    return path


@pytest.fixture
def link(pem: Path) -> Iterator[Connection]:
    """Give a connection with TLS to where nobody listens."""
    file = str(pem)
    connection = Connection(Broker(url="amqps://127.0.0.1:1/", ca_file=file, cert_file=file, key_file=file), "test")
    connection.attach(Nobody())
    yield connection
    connection.close()


@pytest.mark.parametrize("how", ["gone", "directory", "fifo", "empty", "half"])
def test_a_bad_certificate_at_a_reconnect_is_waited_out(
    link: Connection, pem: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """An unusable PEM file at a reconnect is reported and retried; at a start it is an error, and never a question."""
    spoil(pem, how)
    with pytest.raises(UsageError, match=r"all\.pem"):
        Broker(url="amqps://h", ca_file=str(pem)).check()

    def reported() -> bool:
        link.poll(0.05)
        return any("all.pem for TLS" in record.getMessage() for record in caplog.records)

    wait_until(reported)


def test_an_encrypted_key_is_an_error(pem: Path, tmp_path: Path) -> None:
    """OpenSSL does not ask for a passphrase on the terminal of a daemon."""
    key = tmp_path / "locked.pem"
    lock = f"openssl rsa -in key.pem -aes128 -passout pass:secret -out {key.name}"
    subprocess.run(lock.split(), cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(UsageError, match="without a passphrase"):
        Broker(url="amqps://h", cert_file=str(pem), key_file=str(key)).check()
