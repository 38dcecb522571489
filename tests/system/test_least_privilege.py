"""The permissions that `topology permissions` prints: each role works with its own under load, and may do no more."""

import json
import re
import shlex
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from logbus.broker.topology import ANSWERS, CONTROL, DEAD, LOGS, STATUS, TOPIC
from logbus.devbroker import DevBroker
from support.channels import properties
from support.programs import Program, Start, Until

pytestmark = pytest.mark.system

SINKS = """
broker: {{url: "{url}"}}
state: {root}/state
sinks:
  archive: {{type: file, path: "{root}/out/copy.log"}}
  page: {{type: web, listen: "127.0.0.1:0"}}
  errors: {{type: severity, min: err, write: {{type: file, path: "{root}/out/errors.log"}}}}
"""
LINES = b"".join(b"%s line %d\n" % (b"ERROR" if number % 10 == 0 else b"INFO", number) for number in range(60_000))
ERRORS = b"".join(line for line in LINES.splitlines(keepends=True) if line.startswith(b"ERROR"))
PASSWORD = "secret"  # noqa: S105 - of a private node
ROLES = ("shipper", "sink-archive", "sink-page", "sink-errors", "console", "fleet", "web", "control")
USERS = [f"logbus-{role}" for role in (*ROLES, "dead-letters", "operator")]


@dataclass(frozen=True, slots=True)
class Site:
    """A configuration of two sinks, and a virtual host in which every role has its user."""

    root: Path
    config: Path
    url: str
    broker: DevBroker
    start: Start

    def as_user(self, user: str) -> str:
        """Return the URL with which a user logs in."""
        return self.url.replace("guest:guest@", f"{user}:{PASSWORD}@")

    def run(self, user: str, name: str, *words: object) -> Program:
        """Start a program as a user of RabbitMQ."""
        return self.start(name, *words, url=self.as_user(user))

    def done(self, user: str, name: str, *words: object) -> Program:
        """Run a program as a user of RabbitMQ until it ends well."""
        program = self.run(user, name, *words)
        assert program.ends() == 0, program.said()
        return program


@pytest.fixture
def site(broker: DevBroker, broker_url: str, tmp_path: Path, start: Start) -> Iterator[Site]:
    """Give a configuration, and no users yet."""
    config = tmp_path / "sinks.yml"
    config.write_text(SINKS.format(url="${LOGBUS_BROKER}", root=tmp_path))
    yield Site(tmp_path, config, broker_url, broker, start)
    names = ", ".join(f'<<"{user}">>' for user in USERS)  # all at once: each start of rabbitmqctl takes a second
    broker.ctl("eval", f'[catch rabbit_auth_backend_internal:delete_user(U, <<"tests">>) || U <- [{names}]].')


def printed(site: Site, *flags: str) -> str:
    """Return what `topology permissions` prints."""
    return site.done("guest", "sinks", "topology", "permissions", "--config", site.config, *flags).printed().decode()


def by_commands(site: Site, *flags: str) -> None:
    """Run the printed commands, with a password for each new user."""
    for line in printed(site, *flags).splitlines():
        words = shlex.split(line, comments=True)
        if words:
            assert words[0] == "rabbitmqctl"
            site.broker.ctl(*words[1:], *([PASSWORD] if words[1] == "add_user" else []))


def by_definitions(site: Site, *flags: str) -> None:
    """Import the printed definitions, then give each user a password: three starts of rabbitmqctl, not thirty."""
    path = site.root / "definitions.json"
    path.write_text(printed(site, "--format", "definitions", *flags))
    site.broker.ctl("import_definitions", str(path))
    names = ", ".join(f'<<"{user["name"]}">>' for user in json.loads(path.read_text())["users"])
    change = f'rabbit_auth_backend_internal:change_password(U, <<"{PASSWORD}">>, <<"tests">>)'
    site.broker.ctl("eval", f"[ok = {change} || U <- [{names}]].")


def ship(site: Site, eventually: Until) -> None:
    """Have both sinks and a console receive all lines from a shipper, each as its own user."""
    archive = site.run("logbus-sink-archive", "sinks", "--config", site.config, "archive", "-v")
    errors = site.run("logbus-sink-errors", "sinks", "--config", site.config, "errors", "-v")
    console = site.run("logbus-console", "sinks", "console", "-v")
    worst = site.run("logbus-console", "sinks", "console", "--min", "err", "-v")
    programs = (archive, errors, console, worst)
    eventually(lambda: all(each.says("listening on") for each in programs))
    (site.root / "app.log").write_bytes(LINES)
    site.done("logbus-shipper", "shipper", "--once", site.root / "app.log")
    eventually(lambda: [content(site.root / "out" / name) for name in ("copy.log", "errors.log")] == [LINES, ERRORS])
    eventually(lambda: all(b"ERROR line 59990" in each.printed() for each in (console, worst)))
    for each in programs:
        assert each.terminate() == 0, each.said()


def content(path: Path) -> bytes:
    """Return what an output holds so far."""
    return path.read_bytes() if path.exists() else b""


def refused(site: Site, user: str, act: Callable[[BlockingChannel], object]) -> bool:
    """Return True if RabbitMQ refuses an act of a user for want of a permission."""
    with closing(pika.BlockingConnection(pika.URLParameters(site.as_user(user)))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            act(channel)
        except pika.exceptions.ChannelClosedByBroker as error:
            return bool(error.reply_code == 403)
    return False


def publishes(exchange: str) -> Callable[[BlockingChannel], object]:
    """Return the act of publishing to an exchange."""
    return lambda channel: channel.basic_publish(exchange, "a.b.info", b"forged\n")


def reads(queue: str) -> Callable[[BlockingChannel], object]:
    """Return the act of consuming from a queue."""
    return lambda channel: channel.basic_consume(queue, lambda *_: None)


def deletes(queue: str) -> Callable[[BlockingChannel], object]:
    """Return the act of deleting a queue."""
    return lambda channel: channel.queue_delete(queue)


def binds(queue: str, exchange: str) -> Callable[[BlockingChannel], object]:
    """Return the act of binding a queue to an exchange."""
    return lambda channel: channel.queue_bind(queue, exchange, "#")


FORBIDDEN = [
    ("logbus-shipper", "reads a queue", reads("logs.archive")),
    ("logbus-shipper", "deletes a queue", deletes("logs.archive")),
    ("logbus-shipper", "writes dead letters", publishes(DEAD)),
    ("logbus-shipper", "deletes the exchange", lambda channel: channel.exchange_delete(LOGS)),
    ("logbus-shipper", "makes a queue", lambda channel: channel.queue_declare("logs.mine")),
    ("logbus-shipper", "writes past the exchange", lambda channel: channel.basic_publish("", "logs.archive", b"x")),
    ("logbus-sink-archive", "publishes", publishes(LOGS)),
    ("logbus-sink-archive", "reads another sink's queue", reads("logs.errors")),
    ("logbus-sink-archive", "deletes another sink's queue", deletes("logs.errors")),
    ("logbus-sink-errors", "publishes", publishes(LOGS)),
    ("logbus-sink-errors", "publishes by topic", publishes(TOPIC)),
    ("logbus-sink-errors", "reads everything", binds("logs.errors", LOGS)),
    ("logbus-console", "publishes", publishes(LOGS)),
    ("logbus-console", "deletes a queue", deletes("logs.archive")),
    ("logbus-console", "empties a queue", lambda channel: channel.queue_purge("logs.archive")),
    ("logbus-console", "reads a sink's queue", reads("logs.archive")),
    ("logbus-console", "makes a queue that lasts", lambda channel: channel.queue_declare("logs.mine", durable=True)),
    ("logbus-fleet", "publishes", publishes(LOGS)),
    ("logbus-fleet", "makes up a status", publishes(STATUS)),
    ("logbus-fleet", "reads a sink's queue", reads("logs.archive")),
    ("logbus-fleet", "makes a queue for lines", lambda channel: channel.queue_declare("logs.console.ab")),
    *(
        forbidden
        for user in ("logbus-web", "logbus-sink-page")
        for forbidden in (
            (user, "publishes", publishes(LOGS)),
            (user, "makes up a status", publishes(STATUS)),
            (user, "writes dead letters", publishes(DEAD)),
            (user, "reads a sink's queue", reads("logs.archive")),
            (user, "deletes a queue", deletes("logs.archive")),
            (user, "makes a console's queue", lambda channel: channel.queue_declare("logs.console.ab")),
        )
    ),
    ("logbus-dead-letters", "publishes", publishes(LOGS)),
    ("logbus-dead-letters", "reads a sink's queue", reads("logs.archive")),
    ("logbus-dead-letters", "deletes a queue", deletes(DEAD)),
    ("logbus-operator", "reads what is not ours", reads("payments")),
    ("logbus-operator", "deletes what is not ours", deletes("payments")),
]


def test_sinks_that_declare_what_they_need_work_with_the_printed_permissions(site: Site, eventually: Until) -> None:
    """Shipper, both sinks and both consoles pass 60,000 lines where only what all share was declared."""
    by_commands(site)
    consoles = site.root / "consoles.yml"
    consoles.write_text('broker: {url: "${LOGBUS_BROKER}"}\nsinks: {screen: {type: console}}\n')
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", consoles)
    ship(site, eventually)


def test_sinks_whose_queues_the_operator_made_need_less(site: Site, eventually: Until) -> None:
    """After `topology apply` a sink may only read its queue and write dead letters, and everything works."""
    by_definitions(site, "--applied")
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", site.config)
    ship(site, eventually)
    assert refused(site, "logbus-sink-archive", deletes("logs.archive"))
    assert refused(site, "logbus-sink-archive", binds("logs.archive", LOGS))
    assert site.done("logbus-operator", "sinks", "topology", "check", "--config", site.config).printed()


def test_the_fleet_is_shown_with_the_printed_permissions(site: Site, eventually: Until) -> None:
    """Shippers and sinks may tell of themselves, and who watches may hear them."""
    by_definitions(site)
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", site.config)
    sink = site.run("logbus-sink-archive", "sinks", "--config", site.config, "archive", "-v")
    eventually(lambda: sink.says("ready: listening"))
    (site.root / "app.log").write_bytes(b"one\n")
    site.run("logbus-shipper", "shipper", "--host", "web-1", "--state", site.root / "s", site.root / "app.log")
    fleet = site.done("logbus-fleet", "sinks", "fleet")
    assert b"web-1\tshipper\t" in fleet.printed()
    assert b"\tsink archive\t" in fleet.printed()


FORBIDDEN_WITH_CONTROL = [
    *((user, what, act) for user, what, act in FORBIDDEN if user in {"logbus-shipper", "logbus-sink-archive"}),
    ("logbus-shipper", "asks", publishes(CONTROL)),
    ("logbus-shipper", "reads answers", lambda channel: channel.queue_bind("logs.control.x", ANSWERS, "x")),
    ("logbus-sink-archive", "asks", publishes(CONTROL)),
    ("logbus-control", "publishes", publishes(LOGS)),
    ("logbus-control", "answers", publishes(ANSWERS)),
    ("logbus-control", "reads a sink's queue", reads("logs.archive")),
    ("logbus-control", "hears requests", lambda channel: channel.queue_declare("logs.control.web-1.shipper.ab")),
    ("logbus-fleet", "asks", publishes(CONTROL)),
]


@pytest.mark.parametrize("flags", [(), ("--applied",)])
def test_requests_are_answered_with_the_printed_permissions(
    site: Site, eventually: Until, flags: tuple[str, ...]
) -> None:
    """With --control, a shipper and a sink answer whoever may ask, and each may do no more than that."""
    by_definitions(site, "--control", *flags)
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", site.config)
    archive = site.run("logbus-sink-archive", "sinks", "--config", site.config, "archive", "-v")
    (site.root / "app.log").write_bytes(b"one\n")
    words = ("-v", "--host", "web-1", "--state", site.root / "s", site.root / "app.log")
    shipper = site.run("logbus-shipper", "shipper", *words)
    eventually(lambda: shipper.says("answering requests") and archive.says("answering requests"))
    eventually(lambda: content(site.root / "out" / "copy.log") == b"one\n")
    assert b"records: 1\n" in site.done("logbus-control", "sinks", "ask", "web-1", "status").printed()
    of_sink = ("ask", "--json", "--sink", "archive", socket.gethostname(), "status")
    assert json.loads(site.done("logbus-control", "sinks", *of_sink).printed())["user"] == "logbus-sink-archive"
    assert site.run("logbus-fleet", "sinks", "ask", "web-1", "status").ends() == 3
    with closing(pika.BlockingConnection(pika.URLParameters(site.as_user("logbus-shipper")))) as connection:
        connection.channel().queue_declare("logs.control.x", exclusive=True)
        allowed = [f"{user} {what}" for user, what, act in FORBIDDEN_WITH_CONTROL if not refused(site, user, act)]
    assert not allowed


def shows_host(url: str, host: str) -> bool:
    """Return True if a page's fleet has a host."""
    return host in httpx.get(f"{url}/api/fleet").text


def test_pages_are_served_with_the_printed_permissions(site: Site, eventually: Until) -> None:
    """A page without a sinks.yml, and a sink of type web, show records and the fleet, and nothing is refused."""
    by_definitions(site)
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", site.config, "archive")
    pages = [
        site.run("logbus-web", "sinks", "web", "--listen", "127.0.0.1:0", "-v"),
        site.run("logbus-sink-page", "sinks", "--config", site.config, "page", "-v"),
    ]
    eventually(lambda: all(each.says("ready: listening") for each in pages))
    (site.root / "app.log").write_bytes(b"ERROR one\n")
    site.run("logbus-shipper", "shipper", "--host", "web-1", "--state", site.root / "s", site.root / "app.log")
    for page in pages:
        found = re.search(r"the page is at (http://\S+[0-9])/", page.said())
        assert found, page.said()
        url = found[1]
        eventually(partial(shows_host, url, "web-1"))
        with httpx.stream("GET", f"{url}/api/live", timeout=30) as answer:
            assert next(line for line in answer.iter_lines() if "ERROR one" in line)
        assert "refused" not in page.said()
        assert page.terminate() == 0, page.said()


def test_a_console_of_some_severities_works_alone(site: Site, eventually: Until) -> None:
    """Where no sink has made `logs.unmatched`, a console that may not make it shows what it wants, and listens."""
    by_definitions(site)
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", site.config, "archive")
    console = site.run("logbus-console", "sinks", "console", "--min", "err", "-v")
    eventually(lambda: console.says("listening on"))
    (site.root / "app.log").write_bytes(b"ERROR one\n")
    site.done("logbus-shipper", "shipper", "--once", site.root / "app.log")
    eventually(lambda: b"ERROR one" in console.printed())


def test_what_a_role_does_not_need_is_refused(site: Site) -> None:
    """A shipper cannot read, a sink cannot publish, a console can delete nothing, and so on."""
    by_definitions(site)
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", site.config)
    with closing(pika.BlockingConnection(pika.URLParameters(site.url))) as owner:
        owner.channel().queue_declare("payments")
    allowed = [f"{user} {what}" for user, what, act in FORBIDDEN if not refused(site, user, act)]
    assert not allowed


def test_a_dead_letter_goes_back_to_its_queue(site: Site, eventually: Until) -> None:
    """Whoever may handle dead letters lists one, and requeues it; the sink gets it again, and refuses it again."""
    by_definitions(site)
    site.done("logbus-operator", "sinks", "topology", "apply", "--config", site.config)
    archive = site.run("logbus-sink-archive", "sinks", "--config", site.config, "archive", "-v")
    eventually(lambda: archive.says("listening on") or archive.process.poll() is not None)
    with closing(pika.BlockingConnection(pika.URLParameters(site.url))) as owner:
        owner.channel().basic_publish(LOGS, "", b"x", properties(type="logbus.batch.v1"))
    eventually(lambda: archive.says("goes to logs.dead"))
    eventually(lambda: b"logs.archive" in site.done("logbus-dead-letters", "sinks", "dead", "list").printed())
    assert b"requeue done" in site.done("logbus-dead-letters", "sinks", "dead", "requeue", "--all").printed()
    eventually(lambda: b"logs.archive" in site.done("logbus-dead-letters", "sinks", "dead", "list").printed())
    assert archive.terminate() == 0, archive.said()


def test_the_virtual_host_is_the_configurations(site: Site) -> None:
    """Permissions are for the URL's virtual host and the given shippers' user; its password need not be here."""
    site.config.write_text(SINKS.format(url="amqp://somebody@127.0.0.1/my%20logs", root=site.root))
    commands = [shlex.split(line, comments=True) for line in printed(site, "--shipper", "edge", "archive").splitlines()]
    assert ["rabbitmqctl", "set_permissions", "-p", "my logs", "edge", "^$", r"^(logs|logs\.status)$", "^$"] in commands
    assert not any("errors" in word for words in commands for word in words)
