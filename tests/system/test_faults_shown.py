"""Each alert fires by a real fault and recovers, and each panel of the dashboard shows one; the rules are hasty."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pika
import pytest

from logbus.devbroker.processes import free_ports
from support import wait_until
from support.observed import DEADLINE_S, RULES, Observed, Prometheus, hasty
from support.programs import Start, starting
from support.secret_files import put
from support.tls_node import TlsNode

pytestmark = [pytest.mark.system, pytest.mark.faults, pytest.mark.timeout(300)]

PANELS: dict[str, list[str]] = {
    each["title"]: [re.sub(r"\[[15]m\]", "[4s]", target["expr"]).replace("[1h]", "[10s]") for target in each["targets"]]
    for each in json.loads((RULES.parent / "dashboard.json").read_text())["panels"]
}
ROOM_BYTES = 300 << 20
LATE_S = 0.5
THRESHOLDS = {"100e6": "1e3", "> 1000": "> 2", "> 60": f"> {LATE_S}", "1e9": "1e3"}
UNREAD = 300
LINE = b"2026-11-24 10:00:00,000 INFO order placed\n"
Values = list[list[float]]
"""Of each query of a panel, those of its series."""


def one_is_missing(found: Values) -> bool:
    """Return True if of three processes two are left, or have series."""
    return len(found[0]) == 2 or found[0] == [2.0]


def nothing_flows(found: Values) -> bool:
    """Return True if no rate is more than zero."""
    return not any(map(sum, found))


def some(number: int = 0, most: float = 0.0) -> Callable[[Values], bool]:
    """Return what tells that a series of the query with a number is more than `most`."""
    return lambda found: any(each > most for each in found[number])


@dataclass
class Fault:
    """What is done, which alerts fire by it, and which panels show it: by what function of their values."""

    done: Callable[[Observed, Prometheus], AbstractContextManager[object]]
    alerts: set[str] = field(default_factory=set)
    panels: Mapping[str, Callable[[Values], bool]] = field(default_factory=dict)


@contextmanager
def shipper_killed(world: Observed, _: Prometheus) -> Iterator[None]:
    """Kill the shipper."""
    world.shipper.kill()
    yield
    world.start_shipper()


@contextmanager
def wire_cut(world: Observed, prometheus: Prometheus) -> Iterator[None]:
    """Cut the shipper's wire; delete a file that it has not read, and truncate another."""
    deleted, truncated = (world.root / "logs" / name for name in ("deleted.log", "truncated.log"))
    for path in (deleted, truncated):
        path.write_bytes(LINE)
    wait_until(lambda: prometheus.values("sum(logbus_streams)") == [3.0], DEADLINE_S)
    world.proxy.down()
    wait_until(lambda: prometheus.values("logbus_connected{job='logbus'} == 0"), DEADLINE_S)
    for path in (deleted, truncated):
        with path.open("ab") as file:
            file.write(LINE * UNREAD)
    wait_until(lambda: prometheus.values("sum(logbus_behind_bytes)")[0] >= 2 * UNREAD * len(LINE), DEADLINE_S)
    deleted.unlink()
    truncated.write_bytes(b"another line\n")
    yield
    world.proxy.up()
    truncated.unlink()


@contextmanager
def wire_lengthened(world: Observed, _: Prometheus) -> Iterator[None]:
    """Let everything from and to the shipper take most of a second."""
    world.proxy.lengthen(2 * LATE_S)
    yield
    world.proxy.lengthen(0.0)


@contextmanager
def sink_stopped(world: Observed, prometheus: Prometheus) -> Iterator[None]:
    """Stop a sink whose queue has a limit; what waits is deleted, and poison comes when it runs again."""
    world.sinks["archive"].terminate()
    wait_until(lambda: "LogbusOrphanQueue" in prometheus.firing(), DEADLINE_S)
    policy = json.dumps({"max-length": 2, "overflow": "reject-publish"})
    world.broker.ctl("set_policy", "full", r"^logs\.archive$", policy, "--apply-to", "queues")
    wait_until(lambda: "LogbusQueueFull" in prometheus.firing(), DEADLINE_S)
    wait_until(lambda: some()(shown(prometheus, "Batches in flight")), DEADLINE_S)
    world.broker.ctl("clear_policy", "full")
    world.with_channel(lambda channel: channel.queue_purge("logs.archive"))
    world.sinks["archive"] = world.start_sink("archive")
    wait_until(lambda: prometheus.values("sum(up{job='logbus'})") == [3.0], DEADLINE_S)
    poison = pika.BasicProperties(type="logbus.batch.v1")  # type: ignore[no-untyped-call]
    world.with_channel(lambda channel: channel.basic_publish("logs", "", b"x", poison))
    yield


@contextmanager
def configuration_broken(world: Observed, _: Prometheus) -> Iterator[None]:
    """Reload a configuration that is none."""
    world.configure("no_such_key: 1\n")
    world.shipper.process.send_signal(signal.SIGHUP)
    yield
    world.configure()
    world.shipper.process.send_signal(signal.SIGHUP)


@contextmanager
def disk_filled(world: Observed, prometheus: Prometheus) -> Iterator[None]:
    """Fill the disk up to less than there may be."""
    path = world.root / "filler"
    little = min(shown(prometheus, "Free disk")[0]) - ROOM_BYTES
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 2 * ROOM_BYTES)
    wait_until(lambda: min(shown(prometheus, "Free disk")[0]) < little, DEADLINE_S)
    yield
    path.unlink()
    wait_until(lambda: min(shown(prometheus, "Free disk")[0]) > little, DEADLINE_S)


@contextmanager
def noise(world: Observed, _: Prometheus) -> Iterator[None]:
    """Write lines that are dropped or redacted."""
    world.noise = True
    yield
    world.noise = False


FAULTS = {
    "a shipper is killed": Fault(
        shipper_killed,
        {"LogbusDown"},
        {
            "Shippers and sinks that run": one_is_missing,
            "Versions": one_is_missing,
            "Memory": one_is_missing,
            "Processor time": one_is_missing,
        },
    ),
    "the wire is cut": Fault(
        wire_cut,
        {"LogbusDisconnected", "LogbusNotShipping", "LogbusBehind", "LogbusHolding", "LogbusLostBytes"},
        {
            "Connected to RabbitMQ": one_is_missing,
            "Behind, by host": some(most=1000),
            "Published, by host": nothing_flows,
            "Published, by input": nothing_flows,
            "Records per second": nothing_flows,
            "Written, by sink": nothing_flows,
            "Files held open": some(),
            "Lost, holes, dead letters": some(0),
        },
    ),
    "a sink is stopped": Fault(
        sink_stopped,
        {"LogbusDeadLetters", "LogbusHole"},
        {"Refused, returned, sent again": some()},
    ),
    "the wire is long": Fault(
        wire_lengthened,
        {"LogbusLate"},
        {"From reading to commit": some(1, LATE_S), "From the event to commit": some(0, LATE_S)},
    ),
    "a configuration is broken": Fault(
        configuration_broken, {"LogbusReloadFailed"}, {"Last reload failed": lambda found: found[0] == [0.0]}
    ),
    "the disk is filled": Fault(disk_filled, {"LogbusDisk"}),
    "much is dropped": Fault(noise, set(), {"Dropped and redacted": lambda found: all(map(sum, found))}),
}
FIRED_WITHIN = frozenset({"LogbusOrphanQueue", "LogbusQueueFull"})
"""Alerts that a fault itself waits for."""
BY_THE_STUCK = {"LogbusWritesFail", "LogbusQueueGrows"}
SHOWN_WITHIN = {"Batches in flight", "Free disk"}


def shown(prometheus: Prometheus, title: str) -> Values:
    """Return what a panel shows."""
    return [prometheus.values(query) for query in PANELS[title]]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Observed, Prometheus]]:
    """Give programs and the Prometheus that scrapes them."""
    root = tmp_path_factory.mktemp("observed")
    status = os.statvfs(root)
    free = str(status.f_bavail * status.f_frsize - ROOM_BYTES)
    with starting(root) as start:
        world = Observed(root, start)
        try:
            ports = (world.ship_port, world.archive_port, world.stuck_port)
            jobs = {"logbus": ("/metrics", ports), "rabbitmq": ("/metrics/per-object", [world.broker_port])}
            prometheus = Prometheus(root, hasty(RULES.read_text(), THRESHOLDS | {"2e9": free}), jobs)
            with prometheus.running():
                wait_until(lambda: prometheus.values("sum(up{job='logbus'})") == [3.0], DEADLINE_S)
                yield world, prometheus
        finally:
            world.close()


def await_calm(prometheus: Prometheus, fault: Fault, others: frozenset[str] = frozenset()) -> None:
    """Wait until no alert of a fault fires, nor one of the others, and no panel shows it."""

    def left() -> set[str]:
        shows = {title for title, tells in fault.panels.items() if tells(shown(prometheus, title))}
        return ((fault.alerts | others) & prometheus.firing()) | shows

    try:
        wait_until(lambda: not left(), DEADLINE_S)
    except AssertionError:
        raise AssertionError(f"still there: {left()}") from None


def await_signs(prometheus: Prometheus, fault: Fault) -> None:
    """Wait until all alerts of a fault have fired, and all panels have shown it."""
    fired: set[str] = set()
    unseen = dict(fault.panels)

    def all_shown() -> bool:
        fired.update(prometheus.firing())
        for title in [title for title, tells in unseen.items() if tells(shown(prometheus, title))]:
            del unseen[title]
        return fault.alerts <= fired and not unseen

    try:
        wait_until(all_shown, DEADLINE_S)
    except AssertionError:
        raise AssertionError(f"not fired: {fault.alerts - fired}; not shown: {set(unseen)}") from None


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_shown_until_it_is_mended(observed: tuple[Observed, Prometheus], name: str) -> None:
    """Its alerts fire, and its panels show it; neither before nor after."""
    world, prometheus = observed
    fault = FAULTS[name]
    await_calm(prometheus, fault)
    with fault.done(world, prometheus):
        await_signs(prometheus, fault)
    await_calm(prometheus, fault, FIRED_WITHIN)


def test_a_sink_that_cannot_write_is_told_of_until_it_can(observed: tuple[Observed, Prometheus]) -> None:
    """Its output is a directory: its queue grows, and nothing is written, until that is moved away."""
    world, prometheus = observed
    wait_until(lambda: prometheus.firing() >= BY_THE_STUCK, DEADLINE_S)
    wait_until(lambda: some()(shown(prometheus, "Queues")), DEADLINE_S)
    (world.root / "stuck" / "copy.log").rmdir()
    wait_until(lambda: not BY_THE_STUCK & prometheus.firing(), DEADLINE_S)
    wait_until(lambda: not some()(shown(prometheus, "Queues")), DEADLINE_S)
    assert (world.root / "stuck" / "copy.log").read_bytes()


def test_a_certificate_that_expires_is_told_of_until_it_is_renewed(
    tls_node: TlsNode, start: Start, tmp_path: Path
) -> None:
    """One that has ten days left; the shipper takes the new one when its configuration is reloaded."""
    vhost, [port] = tls_node.vhost(), free_ports(1)
    user = tls_node.add_user(vhost)

    def own(days: int) -> None:
        issued = tls_node.authority.issue(user, days)
        put(tmp_path / "own.pem", issued.certificate)
        put(tmp_path / "own.key", issued.key)

    own(10)
    put(tmp_path / "ca.pem", tls_node.authority.certificate)
    config = tmp_path / "shipper.yml"
    config.write_text(
        f"broker: {{url: 'amqps://{user}@localhost:{tls_node.port}/{vhost}', ca_file: '{tmp_path}/ca.pem', "
        f"cert_file: '{tmp_path}/own.pem', key_file: '{tmp_path}/own.key', auth: external}}\n"
        f"state: {tmp_path}/state\nmetrics: '127.0.0.1:{port}'\ninputs: [{{paths: ['{tmp_path}/*.log']}}]\n"
    )
    shipper = start("shipper", "--config", config)
    prometheus = Prometheus(tmp_path, RULES.read_text(), {"logbus": ("/metrics", [port])})

    def days_left() -> float:
        return min(shown(prometheus, "Certificates: days left")[0], default=-1.0)

    with prometheus.running():
        wait_until(lambda: "LogbusCertificate" in prometheus.firing(), DEADLINE_S)
        assert 9 < days_left() < 11
        own(40)
        shipper.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "LogbusCertificate" not in prometheus.firing(), DEADLINE_S)
        assert days_left() > 38


def test_nothing_is_left_out() -> None:
    """Each alert and each panel is shown by one of these faults; certificates by a test of their own."""
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    seen = set().union(*(each.alerts for each in FAULTS.values())) | FIRED_WITHIN | BY_THE_STUCK | {"LogbusCertificate"}
    assert seen == alerts
    panels = set().union(*(each.panels for each in FAULTS.values())) | SHOWN_WITHIN
    assert panels | {"Queues", "Certificates: days left"} == set(PANELS)
