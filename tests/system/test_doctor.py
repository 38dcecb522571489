"""The doctors of both programs, on real nodes: healthy, unreachable, refusing, frozen; and that they change nothing."""

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest

from logbus.devbroker import DevBroker
from support.programs import Program, Start
from support.secret_files import put
from support.tls_node import TlsNode

pytestmark = pytest.mark.system
SECRET = "5ecr3t"  # noqa: S105 - the one that must not show
USER = "doctor-tested"
SHIPPER = 'broker: {{{broker}}}\nstate: {root}/state\ninputs: [{{paths: ["{root}/logs/*.log"]}}]\n'
SINKS = (
    "broker: {{{broker}}}\nstate: {root}/sinks\nsinks:\n"
    '  archive: {{type: file, path: "{root}/out/archive/{{name}}"}}\n'
    '  errors: {{type: severity, min: err, write: {{type: file, path: "{root}/out/errors.log"}}}}\n'
)
FROM_ENVIRONMENT = 'url: "${LOGBUS_BROKER}"'

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A configuration of each program, and the means to run them."""

    root: Path
    start: Start

    def configure(self, broker: str) -> None:
        """Write both configurations with this section `broker`, and a file to ship."""
        for name, text in (("shipper", SHIPPER), ("sinks", SINKS)):
            (self.root / f"{name}.yml").write_text(text.format(broker=broker, root=self.root))
        (self.root / "logs").mkdir(exist_ok=True)
        (self.root / "logs/app.log").write_bytes(b"one\n")

    def run(self, program: str, *words: object, url: str = "") -> Program:
        """Run a program with its configuration until it ends."""
        ran = self.start(program, *words, "--config", self.root / f"{program}.yml", url=url)
        ran.ends()
        return ran

    def examine(self, program: str, url: str = "", *names: str) -> tuple[int, list[Found]]:
        """Return the exit code of a doctor, and its checks."""
        ran = self.run(program, "doctor", "--json", *names, url=url)
        assert not ran.said(), ran.said()
        assert SECRET.encode() not in ran.printed()
        return ran.process.returncode, [json.loads(line) for line in ran.printed().splitlines()]


@pytest.fixture
def site(tmp_path: Path, start: Start) -> Site:
    """Give a site whose broker is in the environment."""
    made = Site(tmp_path, start)
    made.configure(FROM_ENVIRONMENT)
    return made


@pytest.fixture
def limited(broker: DevBroker) -> Iterator[str]:
    """Give a user who may log in and do nothing."""
    broker.ctl("add_user", USER, SECRET)
    yield USER
    with suppress(Exception):
        broker.ctl("delete_user", USER)


def as_limited(broker: DevBroker, url: str, configure: str, write: str, read: str) -> str:
    """Return the URL of the limited user, who is allowed this much in the URL's virtual host."""
    broker.ctl("set_permissions", "-p", url.rpartition("/")[2], USER, configure, write, read)
    return url.replace("guest:guest@", f"{USER}:{SECRET}@")


def problems(checks: list[Found]) -> list[str]:
    """Return the names of the checks that found a problem."""
    return [each["name"] for each in checks if each["verdict"] == "problem"]


def verdict(checks: list[Found], name: str) -> str:
    """Return the verdict of the check with this name."""
    (found,) = [each["verdict"] for each in checks if each["name"] == name]
    return str(found)


def standing(broker: DevBroker, url: str) -> list[str]:
    """Return all that a virtual host holds."""
    vhost = url.rpartition("/")[2]
    kinds = (
        ("list_queues", "name", "messages", "consumers", "arguments"),
        ("list_exchanges", "name"),
        ("list_bindings",),
    )
    return [broker.ctl(*kind, "-p", vhost) for kind in kinds]


def test_all_is_well(site: Site, broker: DevBroker, broker_url: str) -> None:
    """With queues, files and permissions in place both doctors find no problem, and change nothing, here or there."""
    assert site.run("sinks", "topology", "apply", url=broker_url).process.returncode == 0
    before = standing(broker, broker_url)
    there = sorted(site.root.rglob("*"))
    code, checks = site.examine("sinks", broker_url)
    assert (code, problems(checks)) == (0, [])
    names = ("login", "queue logs.archive", "read logs.errors", "bind logs.errors to logs.topic", "write logs.dead")
    assert {verdict(checks, name) for name in (*names, "write logs.status")} == {"ok"}
    code, checks = site.examine("shipper", broker_url)
    assert (code, problems(checks)) == (0, [])
    assert {
        verdict(checks, name) for name in ("login", "exchange logs", "write logs", "write logs.status", "state")
    } == {"ok"}
    assert standing(broker, broker_url) == before
    assert [each for each in sorted(site.root.rglob("*")) if each.suffix not in {".out", ".err"}] == [
        each for each in there if each.suffix not in {".out", ".err"}
    ]


def test_a_page_is_plain_in_a_pipe(site: Site, broker_url: str) -> None:
    """Without --json there are headings, verdicts and a last line that adds up, and no colour in a pipe."""
    page = site.run("shipper", "doctor", url=broker_url).printed().decode()
    assert "\x1b" not in page
    assert page.startswith("configuration\n  ok       ")
    assert "guest:***@" in page


def test_a_missing_queue(site: Site, broker_url: str) -> None:
    """A sink that never ran has no queue: a problem, with exit code 1, and none is made."""
    code, checks = site.examine("sinks", broker_url, "archive")
    assert code == 1
    assert "queue logs.archive" in problems(checks)
    assert "queue logs.errors" not in problems(checks)
    with (
        closing(pika.BlockingConnection(pika.URLParameters(broker_url))) as owner,
        pytest.raises(Exception, match="404"),
    ):
        owner.channel().queue_declare("logs.archive", passive=True)


def test_nobody_listens(site: Site) -> None:
    """A port at which nothing listens is a problem of that URL, with exit code 1."""
    code, checks = site.examine("shipper", f"amqp://user:{SECRET}@127.0.0.1:1/")
    assert (code, problems(checks)) == (1, ["port"])


def test_each_url_by_itself(site: Site, broker_url: str) -> None:
    """Of two URLs, the one that leads nowhere is a problem, and the other is asked everything."""
    site.configure(f'url: ["amqp://nowhere.invalid/", "{broker_url}"]')
    code, checks = site.examine("shipper")
    assert (code, problems(checks)) == (1, ["name"])
    assert verdict(checks, "write logs") == "ok"


def test_a_wrong_password(site: Site, broker_url: str) -> None:
    """RabbitMQ refuses the login: exit code 3."""
    code, checks = site.examine("sinks", broker_url.replace("guest:guest@", f"guest:{SECRET}@"))
    assert (code, problems(checks)) == (3, ["login"])


@pytest.mark.usefixtures("limited")
def test_a_missing_permission(site: Site, broker: DevBroker, broker_url: str) -> None:
    """A shipper that may not publish, and a sink that may not consume, are refused: exit code 3."""
    site.run("sinks", "topology", "apply", url=broker_url)
    url = as_limited(broker, broker_url, "^$", r"^logs\.dead$", "^$")
    code, checks = site.examine("shipper", url)
    assert (code, problems(checks)) == (3, ["write logs"])
    code, checks = site.examine("sinks", url, "archive")
    assert (code, problems(checks)) == (3, ["read logs.archive"])
    assert verdict(checks, "write logs.status") == "warning"
    # RabbitMQ 4.3 does not tell this user whether the queue is there, so that it need not be made
    assert verdict(checks, "configure logs.archive") in {"ok", "unknown"}


@pytest.mark.usefixtures("limited")
def test_the_least_permissions_are_enough(site: Site, broker: DevBroker, broker_url: str) -> None:
    """With what `topology permissions --applied` prints for a sink, and for shippers, there is no problem."""
    site.run("sinks", "topology", "apply", url=broker_url)
    url = as_limited(broker, broker_url, "^$", r"^logs(\.dead)?$", r"^logs\.archive$")
    assert [problems(site.examine(*words)[1]) for words in (("shipper", url), ("sinks", url, "archive"))] == [[], []]


def test_an_expired_certificate(site: Site, tls_node: TlsNode) -> None:
    """RabbitMQ's expired certificate is a problem of TLS, and our own expired one a problem of its file."""
    good = tls_node.authority.issue("localhost")
    old = tls_node.authority.issue("localhost", days=-1)
    put(site.root / "ca.pem", tls_node.authority.certificate)
    put(site.root / "cert.pem", good.certificate)
    put(site.root / "key.pem", good.key)
    files = "".join(f'{key}_file: "{site.root}/{key}.pem", ' for key in ("ca", "cert", "key"))
    site.configure(f'url: "amqps://guest:guest@localhost:{tls_node.port}/", {files}')
    code, checks = site.examine("shipper")
    assert (code, verdict(checks, "TLS"), verdict(checks, f"of RabbitMQ at localhost:{tls_node.port}")) == (
        0,
        "ok",
        "ok",
    )
    tls_node.present(old)
    code, checks = site.examine("shipper")
    assert (code, problems(checks)) == (1, ["TLS"])
    assert "certificate has expired" in next(each["found"] for each in checks if each["name"] == "TLS")
    tls_node.present(good)
    put(site.root / "cert.pem", old.certificate)
    put(site.root / "key.pem", old.key)
    code, checks = site.examine("shipper")
    assert f"cert_file {site.root}/cert.pem" in problems(checks)


def test_a_frozen_node(site: Site, faulty_broker: DevBroker) -> None:
    """A node that accepts connections and answers nothing is a problem within a bounded time."""
    faulty_broker.pause()
    code, checks = site.examine("sinks", faulty_broker.url)
    assert (code, problems(checks)) == (1, ["login"])


@pytest.mark.parametrize("program", ["shipper", "sinks"])
def test_an_invalid_configuration(site: Site, program: str) -> None:
    """An invalid configuration is all that is reported, with its line, and exit code 2."""
    (site.root / f"{program}.yml").write_text("inputz: []\nsinks: {}\n")
    code, checks = site.examine(program)
    assert (code, len(checks), checks[0]["verdict"]) == (2, 1, "problem")
    assert f"{program}.yml:1: " in checks[0]["found"]
