"""TLS and logins by certificate, against a node that demands client certificates: each flaw, and its end."""

import signal
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pika
import pytest

from support.authority import Authority, Issued
from support.programs import Program, Start, Until
from support.secret_files import put
from support.tls_node import TlsNode

GENERAL = "give cert_file and key_file that it trusts"

pytestmark = [pytest.mark.broker, pytest.mark.system]


@dataclass
class Client:
    """The files of a client of the node, and its configuration."""

    node: TlsNode
    root: Path
    vhost: str

    def __post_init__(self) -> None:
        self.user = self.node.add_user(self.vhost, "first")
        self.ca = put(self.root / "ca.pem", self.node.authority.certificate)
        self.own(self.node.authority.issue(self.user))
        put(self.root / "password", b"first\n")

    def own(self, issued: Issued) -> None:
        """Have another certificate and key."""
        put(self.root / "own.pem", issued.certificate)
        put(self.root / "own.key", issued.key)

    def configure(self, user: str | None = None, **keys: object) -> Path:
        """Return a shipper.yml; `keys` are of the broker's section, None to leave one out."""
        login = f"{self.user}@" if user is None else user
        usual = {
            "url": f"amqps://{login}localhost:{self.node.port}/{self.vhost}",
            "password_file": self.root / "password",
            "ca_file": self.ca,
            "cert_file": self.root / "own.pem",
            "key_file": self.root / "own.key",
        }
        section = "".join(f"  {key}: {value}\n" for key, value in (usual | keys).items() if value is not None)
        config = self.root / "shipper.yml"
        config.write_text(f"broker:\n{section}state: {self.root}/r\ninputs: [{{paths: [{self.root}/app.log]}}]\n")
        return config

    def write(self, line: str) -> None:
        """Append a line to the source."""
        with (self.root / "app.log").open("a") as file:
            file.write(f"{line}\n")

    def listen(self) -> None:
        """Have a queue for everything that is published."""
        connection = pika.BlockingConnection(pika.URLParameters(self.node.broker.url + self.vhost))
        channel = connection.channel()
        channel.exchange_declare("logs", "fanout", durable=True)
        channel.queue_declare("seen", durable=True)
        channel.queue_bind("seen", "logs")
        connection.close()

    def taken(self) -> tuple[bytes, str | None] | None:
        """Take a message out of the queue: its body, and the user that it states."""
        connection = pika.BlockingConnection(pika.URLParameters(self.node.broker.url + self.vhost))
        _, properties, body = connection.channel().basic_get("seen", auto_ack=True)
        connection.close()
        return None if properties is None or body is None else (body, properties.user_id)


@pytest.fixture
def client(tls_node: TlsNode, tmp_path: Path) -> Client:
    """Give a client of the node with a virtual host of its own."""
    return Client(tls_node, tmp_path, tls_node.vhost())


def connected(program: Program) -> int:
    """Return how often it said that it was connected."""
    return program.said().count("connected to RabbitMQ")


@pytest.mark.parametrize(
    ("flaw", "advice"),
    [
        ("expired", "certificate has expired (renew RabbitMQ's certificate"),
        ("other name", "not valid for 'localhost' (the URL must use a name in the certificate"),
        ("other CA", "unable to get local issuer certificate (ca_file must hold the CA that signed it"),
    ],
)
def test_a_server_that_cannot_be_verified_is_not_used(
    start: Start, client: Client, eventually: Until, flaw: str, advice: str
) -> None:
    """By CA, name and date: the message says what to do, and the shipper goes on by itself once it is done."""
    issuer = Authority(client.root, "stranger") if flaw == "other CA" else client.node.authority
    name = "elsewhere.example" if flaw == "other name" else "localhost"
    client.node.present(issuer.issue(name, -1 if flaw == "expired" else 60))
    shipper = start("shipper", "-v", "--config", client.configure())
    eventually(lambda: advice in shipper.said())
    assert not connected(shipper)
    client.node.reset()
    eventually(lambda: connected(shipper))


@pytest.mark.parametrize(
    ("flaw", "advice"),
    [
        ("none", GENERAL),
        ("expired", "replace cert_file and key_file: its certificate expired"),
        ("other CA", "cert_file must be signed by a CA that RabbitMQ trusts"),
    ],
)
def test_a_client_that_the_server_cannot_verify_is_advised(
    start: Start, client: Client, eventually: Until, flaw: str, advice: str
) -> None:
    """Where RabbitMQ demands a client certificate: none, an old one and a foreign one are told apart and waited out.

    Sometimes RabbitMQ closes the connection before its alert is out; then only the general advice is possible.
    """
    issuer = Authority(client.root, "stranger") if flaw == "other CA" else client.node.authority
    client.own(issuer.issue(client.user, -1 if flaw == "expired" else 60))
    config = client.configure(cert_file=None, key_file=None) if flaw == "none" else client.configure()
    shipper = start("shipper", "-v", "--config", config)
    eventually(lambda: advice in shipper.said() or GENERAL in shipper.said())
    client.own(client.node.authority.issue(client.user))
    if flaw != "none":
        eventually(lambda: connected(shipper))


def test_a_certificate_is_a_login(start: Start, client: Client, eventually: Until) -> None:
    """`auth: external` needs no password; batches state the user if the URL names it."""
    client.listen()
    for user, stated in (("", None), (f"{client.user}@", client.user)):
        client.write(f"for {stated}")
        shipper = start("shipper", "-v", "--config", client.configure(user, auth="external", password_file=None))
        found: list[tuple[bytes, str | None]] = []
        eventually(lambda found=found: found.extend(filter(None, [client.taken()])) or found)  # type: ignore[misc]
        assert found == [(f"for {stated}\n".encode(), stated)]
        assert shipper.terminate() == 0


def test_a_certificate_of_no_user_is_refused(start: Start, client: Client) -> None:
    """A name that RabbitMQ has no user for ends a start with exit code 3, and the advice to add the user."""
    client.own(client.node.authority.issue("nobody-knows"))
    shipper = start("shipper", "--config", client.configure("", auth="external", password_file=None))
    assert shipper.ends() == 3
    assert "it has no user of the client certificate's name" in shipper.said()
    assert "add_user" in shipper.said()


@pytest.mark.parametrize(
    ("offered", "keys", "advice"),
    [
        ("PLAIN", {"auth": "external", "password_file": None}, "it does not offer EXTERNAL (enable the plugin"),
        ("EXTERNAL", {}, "it does not offer logins with a password (use auth: external"),
    ],
)
def test_a_login_that_is_not_offered_is_refused(
    start: Start, client: Client, offered: str, keys: dict[str, object], advice: str
) -> None:
    """A start ends with exit code 3 where RabbitMQ offers only the other way to log in, and says what to enable."""
    client.node.offer(offered)
    shipper = start("shipper", "--config", client.configure(None, **keys))
    assert shipper.ends() == 3
    assert advice in shipper.said()


def test_a_certificate_that_expires_soon_is_reported(start: Start, client: Client, eventually: Until) -> None:
    """The daemon warns of its own certificate at its start, and of RabbitMQ's when it connects."""
    client.own(client.node.authority.issue(client.user, 20))
    client.node.present(client.node.authority.issue("localhost", 10))
    shipper = start("shipper", "-v", "--config", client.configure())
    eventually(lambda: connected(shipper))
    assert f"cert_file {client.root}/own.pem expires in 19 days" in shipper.said()
    assert f"RabbitMQ at localhost:{client.node.port} expires in 9 days" in shipper.said()


def test_half_a_rotation_is_waited_out(start: Start, client: Client, eventually: Until) -> None:
    """A new certificate beside the old key is reported and retried; with its key, the shipper reconnects."""
    shipper = start("shipper", "-v", "--config", client.configure())
    eventually(lambda: connected(shipper) == 1)
    new = client.node.authority.issue(client.user)
    put(client.root / "own.pem", new.certificate)
    client.node.drop(client.vhost)
    eventually(lambda: "key_file must hold the key of cert_file" in shipper.said())
    put(client.root / "own.key", new.key)
    eventually(lambda: connected(shipper) == 2)
    assert shipper.terminate() == 0


@pytest.mark.parametrize("reload", [False, True])
def test_a_refused_password_is_retried_with_the_new_one(
    start: Start, client: Client, eventually: Until, *, reload: bool
) -> None:
    """A running shipper whose password RabbitMQ refuses waits for the new one, also if it was just reloaded."""
    client.listen()
    shipper = start("shipper", "-v", "--config", client.configure())
    eventually(lambda: connected(shipper) == 1)
    client.node.broker.ctl("change_password", client.user, "second")
    if reload:
        shipper.process.send_signal(signal.SIGHUP)
    else:
        client.node.drop(client.vhost)
    eventually(lambda: "wrong user or password" in shipper.said())
    client.write("after")
    put(client.root / "password", b"second\n")
    eventually(lambda: client.taken() is not None)
    assert shipper.terminate() == 0
    assert "second" not in shipper.said()


def test_a_command_gives_a_new_password_for_each_connection(start: Start, client: Client, eventually: Until) -> None:
    """`password_command` is run again at each connection; the password is in no process list and no message."""
    store = put(client.root / "store", b"first\n")
    config = client.configure(password_file=None, password_command=f"[cat, {store}]")
    shipper = start("shipper", "-v", "--config", config)
    eventually(lambda: connected(shipper) == 1)
    client.node.broker.ctl("change_password", client.user, "open-sesame")
    put(store, b"open-sesame\n")
    client.node.drop(client.vhost)
    eventually(lambda: connected(shipper) == 2)
    assert "sesame" not in shipper.said()
    assert b"sesame" not in Path(f"/proc/{shipper.process.pid}/cmdline").read_bytes()
    assert shipper.terminate() == 0


@pytest.fixture
def old_server(client: Client) -> Iterator[int]:
    """Give the port of a server that speaks TLS 1.1 at most."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.load_cert_chain(client.node.root / "server.pem", client.node.root / "server.key")
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # closed
            while True:
                accepted, _ = server.accept()
                accepted.settimeout(10)
                with accepted, suppress(OSError):
                    context.wrap_socket(accepted, server_side=True).recv(1)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_a_server_without_tls_1_2_is_refused(start: Start, client: Client, eventually: Until, old_server: int) -> None:
    """TLS 1.1 is never spoken: the message says what the server must offer."""
    url = f"amqps://{client.user}@localhost:{old_server}/"
    shipper = start("shipper", "-v", "--config", client.configure(url=url))
    eventually(lambda: "RabbitMQ must offer TLS 1.2 or later" in shipper.said())
