"""Every secret and certificate is rotated while lines are written and shipped: nothing is lost, nothing is repeated.

LOGBUS_ROTATIONS sets the number of rounds (2), LOGBUS_RATE the lines per second (2,000).
"""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.authority import Authority, Issued
from support.programs import Program, Start, Until
from support.secret_files import put
from support.tls_node import TlsNode

pytestmark = [pytest.mark.broker, pytest.mark.system]

ROUNDS = int(os.environ.get("LOGBUS_ROTATIONS", "2"))
RATE = int(os.environ.get("LOGBUS_RATE", "2000"))
TICK_S = 0.05
ROUND_WITHIN_S = 120
DAEMONS = ("shipper", "sink")


class Writer:
    """Appends numbered lines to a file at a steady rate, from a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        number, began = 0, time.monotonic()
        with self._path.open("a") as file:
            while not self._stop.wait(TICK_S):
                due = int((time.monotonic() - began) * RATE)
                file.writelines(f"line {each} of the rotation\n" for each in range(number, due))
                file.flush()
                number = due

    def end(self) -> None:
        """Write nothing more."""
        self._stop.set()
        self._thread.join()


@dataclass
class Plant:
    """A shipper and a sink, with a folder of secrets each, and the node that they use."""

    node: TlsNode
    root: Path
    vhost: str
    authority: Authority
    users: dict[str, str] = field(default_factory=dict)
    made: int = 0

    @classmethod
    def build(cls, node: TlsNode, root: Path) -> "Plant":
        """Return a plant with its first certificates and passwords."""
        plant = cls(node, root, node.vhost(), node.authority)
        for daemon in DAEMONS:
            (root / daemon).mkdir()
            plant.users[daemon] = node.add_user(plant.vhost, "password-0")
            plant.trust(node.authority.certificate)
            plant.own(daemon)
            put(root / daemon / "password", b"password-0\n")
        return plant

    @property
    def source(self) -> Path:
        """The file that is shipped."""
        return self.root / "app.log"

    @property
    def output(self) -> Path:
        """The file that the sink writes."""
        return self.root / "out.log"

    def section(self, daemon: str) -> str:
        """Return the section `broker` of a daemon."""
        folder = self.root / daemon
        keys = {"url": f"amqps://{self.users[daemon]}@localhost:{self.node.port}/{self.vhost}"}
        files = {"password_file": "password", "ca_file": "ca.pem", "cert_file": "own.pem", "key_file": "own.key"}
        keys |= {key: f"{folder / name}" for key, name in files.items()}
        return "broker:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items())

    def begin(self, start: Start) -> list[Program]:
        """Start both."""
        sinks, shipper = self.root / "sinks.yml", self.root / "shipper.yml"
        archive = f"sinks: {{archive: {{type: file, path: {self.output}}}}}\n"
        sinks.write_text(f"{self.section('sink')}state: {self.root}/s\n{archive}")
        shipper.write_text(f"{self.section('shipper')}state: {self.root}/r\ninputs: [{{paths: [{self.source}]}}]\n")
        return [
            start("sinks", "-v", "--config", sinks, "archive"),
            start("shipper", "-v", "--config", shipper),
        ]

    def trust(self, *certificates: bytes) -> None:
        """Have both daemons trust these CAs."""
        for daemon in DAEMONS:
            if (self.root / daemon).exists():
                put(self.root / daemon / "ca.pem", b"".join(certificates))

    def own(self, daemon: str) -> Issued:
        """Give a daemon a new certificate; return it."""
        issued = self.authority.issue(self.users[daemon])
        put(self.root / daemon / "own.pem", issued.certificate)
        put(self.root / daemon / "own.key", issued.key)
        return issued

    def steps(self, number: int) -> Iterator[str]:
        """Do a round of changes, yielding after each, when all connections are to be made anew."""
        old, new = self.authority, Authority(self.root, f"authority-{number}")
        both = old.certificate + new.certificate
        self.trust(old.certificate, new.certificate)
        self.node.present(old.issue("localhost"), both)
        yield "both CAs are trusted"
        self.authority = new
        self.node.present(new.issue("localhost"), both)
        yield "the server has a certificate by the new CA"
        for daemon in DAEMONS:
            self.own(daemon)
        yield "the clients have certificates by the new CA"
        self.trust(new.certificate)
        self.node.present(new.issue("localhost"), new.certificate)
        yield "only the new CA is trusted"
        for daemon in DAEMONS:
            self.node.broker.ctl("change_password", self.users[daemon], f"password-{number}")
        self.node.drop(self.vhost)  # both are refused with the old password
        for daemon in DAEMONS:
            put(self.root / daemon / "password", f"password-{number}\n".encode())
        yield "the passwords are new"


@pytest.fixture
def plant(tls_node: TlsNode, tmp_path: Path) -> Plant:
    """Give the plant."""
    return Plant.build(tls_node, tmp_path)


@pytest.fixture
def writer(plant: Plant) -> Iterator[Writer]:
    """Give the writer of the source."""
    writing = Writer(plant.source)
    yield writing
    writing.end()


@pytest.mark.timeout(60 + ROUND_WITHIN_S * ROUNDS)
def test_rotations_lose_and_repeat_nothing(start: Start, eventually: Until, plant: Plant, writer: Writer) -> None:
    """CA, server's and clients' certificates, and passwords: the output is the source, byte for byte."""
    daemons = plant.begin(start)
    eventually(lambda: plant.output.exists() and plant.output.stat().st_size)
    for number in range(1, ROUNDS + 1):
        for _ in plant.steps(number):
            plant.node.drop(plant.vhost)
            written = plant.source.stat().st_size
            eventually(lambda written=written: plant.output.stat().st_size > written)  # type: ignore[misc]
    writer.end()
    eventually(lambda: plant.output.stat().st_size >= plant.source.stat().st_size)
    assert plant.output.read_bytes() == plant.source.read_bytes()
    for daemon in daemons:
        assert "password-" not in daemon.said()
        assert daemon.terminate() == 0
