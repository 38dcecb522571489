"""The fleet from the centre, with real shippers and sinks: who runs, who was killed, who may not say so."""

import json
import signal
from pathlib import Path

import pytest

from logbus.broker.topology import STATUS
from logbus.devbroker import DevBroker
from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]


def shipper(start: Start, url: str, tmp_path: Path, host: str) -> Program:
    """Start a shipper of a host, with a file."""
    (tmp_path / f"{host}.log").write_bytes(b"one\ntwo\n")
    return start("shipper", "-v", "--host", host, "--state", tmp_path / f"s-{host}", tmp_path / f"{host}.log", url=url)


def seen(fleet: Program) -> dict[str, dict[str, object]]:
    """Return what a finished `fleet --json` printed, by host and role."""
    found = [json.loads(line) for line in fleet.printed().splitlines()]
    return {f"{each['host']} {each['role']}": each for each in found}


def test_the_fleet_at_a_glance(
    start: Start, broker: DevBroker, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """Shippers and sinks say what they do and what does not work; one that was told to stop says so."""
    copy = tmp_path / "copy.log"
    sink = start("sinks", "file", "--path", copy, "--state", tmp_path / "state", url=broker_url)
    eventually(lambda: sink.says("ready: listening"))
    first, second = (shipper(start, broker_url, tmp_path, host) for host in ("web-1", "web-2"))
    eventually(lambda: copy.exists() and copy.stat().st_size == 16)
    fleet = start("sinks", "fleet", "--json", url=broker_url)
    eventually(lambda: "logs.fleet." in broker.ctl("list_queues", "-p", broker_url.rpartition("/")[2], "name"))
    assert second.terminate() == 0
    assert fleet.ends() == 0
    found = seen(fleet)
    assert found["web-1 shipper"]["records"] == 2
    assert found["web-1 shipper"]["state"] in {"idle", "live"}
    assert found["web-1 shipper"]["inputs"] == [{"name": f"{tmp_path}/web-1.log", "files": 1, "records": 2, "bytes": 8}]
    assert found["web-2 shipper"]["state"] == "gone"
    [of_sink] = [each for name, each in found.items() if name.endswith(" sink")]
    assert (of_sink["name"], of_sink["queue"], of_sink["bytes"]) == ("file", "logs.file", 16)
    assert first.process.poll() is None


def test_a_killed_host_is_missed(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """A host of --expect that was killed is named, and the exit code is 1; with all of them, it ends early with 0."""
    sink = start("sinks", "console", url=broker_url)
    eventually(lambda: sink.says("ready: listening"))
    first, second = (shipper(start, broker_url, tmp_path, host) for host in ("web-1", "web-2"))
    eventually(lambda: b"web-1" in sink.printed() and b"web-2" in sink.printed())
    hosts = tmp_path / "hosts.txt"
    hosts.write_text("# of the shop\nweb-1\n\nweb-2 # the new one\n")
    everybody = start("sinks", "fleet", "--expect", hosts, url=broker_url)
    assert everybody.ends() == 0, everybody.said()
    second.process.send_signal(signal.SIGKILL)
    second.ends()
    some = start("sinks", "fleet", "--expect", hosts, url=broker_url)
    assert some.ends() == 1
    assert some.said().splitlines()[-1].endswith("expected, and not running: web-2")
    assert first.process.poll() is None


def test_without_the_permission_a_shipper_goes_on(
    start: Start, broker: DevBroker, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """One that may only write to `logs` ships as ever, and says once that it is not shown."""
    vhost = broker_url.rpartition("/")[2]
    broker.ctl("add_user", "fleet-shipper", "secret")
    broker.ctl("set_permissions", "-p", vhost, "fleet-shipper", "^$", "^logs$", "^$")
    try:
        sink = start("sinks", "console", url=broker_url)
        eventually(lambda: sink.says("ready: listening"))
        url = broker_url.replace("guest:guest@", "fleet-shipper:secret@")
        limited = shipper(start, url, tmp_path, "web-1")
        eventually(lambda: limited.says(f"RabbitMQ refuses {STATUS}"))
        with (tmp_path / "web-1.log").open("ab") as file:
            file.write(b"three\n")
        eventually(lambda: b"three" in sink.printed())
        assert limited.said().count("not shown in the fleet") == 1
        assert limited.terminate() == 0
    finally:
        broker.ctl("delete_user", "fleet-shipper")


def test_mistakes_are_told(start: Start, broker_url: str, tmp_path: Path) -> None:
    """A span, a file or a terminal that is none is a sentence, with exit code 2."""
    for words, text in (
        (("--silent", "soon"), "it is no time span"),
        (("--expect", tmp_path / "none"), "no such file"),
        (("--watch",), "standard output is no terminal"),
    ):
        program = start("sinks", "fleet", *words, url=broker_url)
        assert program.ends() == 2
        assert text in program.said()


def test_top_shows_what_is_loud(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """Lines that are written all the time have a rate, by host and by severity."""
    sink = start("sinks", "console", url=broker_url)
    eventually(lambda: sink.says("ready: listening"))
    shipper(start, broker_url, tmp_path, "web-1")
    top = start("sinks", "top", "--by", "host", "--by", "severity", url=broker_url)
    with (tmp_path / "web-1.log").open("ab", buffering=0) as file:
        eventually(lambda: file.write(b"ERROR one\nINFO two\n") and top.process.poll() is not None)
    assert top.ends() == 0
    rows = [line.split("\t") for line in top.printed().decode().splitlines()]
    rates = {(group, name): float(rate) for group, name, rate, _ in rows[1:]}
    assert rates["host", "web-1"] > 0
    assert rates["severity", "err"] == pytest.approx(rates["severity", "info"], rel=0.1)
    assert top.says("measured: 1 shipper")
