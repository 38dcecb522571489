"""Questions and orders to real shippers and sinks over RabbitMQ: answered, refused, or nobody is there."""

import json
import socket
from pathlib import Path

import pytest

from logbus.devbroker import DevBroker
from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

HOST = "web-1.example"


def shipper(start: Start, url: str, tmp_path: Path, more: str = "") -> Program:
    """Start a shipper of two lines with a configuration, to which `more` is added."""
    (tmp_path / "app.log").write_bytes(b"one\ntwo\n")
    config = tmp_path / "shipper.yml"
    config.write_text(
        f'host: {HOST}\nstate: "{tmp_path}/state"\nbroker: {{url: "{url}"}}\n'
        f'inputs:\n  - paths: ["{tmp_path}/app.log"]\n{more}'
    )
    return start("shipper", "-v", "--config", config)


def sink(start: Start, url: str, tmp_path: Path, more: str = "") -> Program:
    """Start the sink `archive` of a configuration, to which `more` is added."""
    config = tmp_path / "sinks.yml"
    config.write_text(
        f'state: "{tmp_path}/sinks"\nbroker: {{url: "{url}"}}\n'
        f'sinks:\n  archive: {{type: file, path: "{tmp_path}/out.log"}}\n{more}'
    )
    return start("sinks", "-v", "--config", config, "archive")


def asked(start: Start, url: str, *words: object) -> Program:
    """Ask, and return the ended command."""
    program = start("sinks", "ask", *words, url=url)
    program.ends()
    return program


def test_a_shipper_tells_its_status(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """Its answer holds what it has published by now, for people and as JSON."""
    archive = sink(start, broker_url, tmp_path)
    eventually(lambda: archive.says("ready: listening"))
    one = shipper(start, broker_url, tmp_path)
    eventually(lambda: one.says("answering requests"))
    eventually(lambda: (tmp_path / "out.log").exists() and (tmp_path / "out.log").stat().st_size == 8)
    people = asked(start, broker_url, HOST, "status")
    assert people.ends() == 0, people.said()
    assert b"\nrecords: 2\n" in people.printed()
    found = json.loads(asked(start, broker_url, "--json", HOST, "status").printed())
    assert (found["host"], found["role"], found["status"]["bytes"]) == (HOST, "shipper", 8)
    assert found["user"] == "guest"


def test_where_nobody_listens(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """Who asks is told at once, whether or not anybody has ever answered on this RabbitMQ."""
    early = asked(start, broker_url, "--timeout", "50", "web-9", "status")
    assert early.ends() == 1
    assert early.says("no process listens as web-9.shipper")
    one = shipper(start, broker_url, tmp_path)
    eventually(lambda: one.says("answering requests"))
    late = asked(start, broker_url, "--timeout", "50", "web-9", "status")
    assert late.ends() == 1
    assert late.says("no process listens as web-9.shipper")


def test_without_the_permission_a_shipper_goes_on(
    start: Start, broker: DevBroker, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """One that may only write to `logs` ships as ever, and says once that it answers nothing."""
    broker.ctl("add_user", "mute-shipper", "secret")
    broker.ctl("set_permissions", "-p", broker_url.rpartition("/")[2], "mute-shipper", "^$", "^logs$", "^$")
    try:
        archive = sink(start, broker_url, tmp_path)
        eventually(lambda: archive.says("ready: listening"))
        one = shipper(start, broker_url.replace("guest:guest@", "mute-shipper:secret@"), tmp_path)
        eventually(lambda: one.says("this process answers no requests: RabbitMQ refuses logs.control"))
        eventually(lambda: (tmp_path / "out.log").exists() and (tmp_path / "out.log").stat().st_size == 8)
        assert one.terminate() == 0
        assert one.said().count("answers no requests") == 1
    finally:
        broker.ctl("delete_user", "mute-shipper")


def test_a_shipper_explains_a_path(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """It says what `logbus-shipper explain` says; of a path that no input names, not even whether there is a file."""
    archive = sink(start, broker_url, tmp_path)
    eventually(lambda: archive.says("ready: listening"))
    one = shipper(start, broker_url, tmp_path)
    eventually(lambda: one.says("answering requests"))
    path = tmp_path / "app.log"
    words = (HOST, "explain", path)
    eventually(lambda: b"8 of 8 bytes confirmed" in asked(start, broker_url, *words).printed())
    local = start("shipper", "explain", path, "--config", tmp_path / "shipper.yml")
    local.ends()
    assert asked(start, broker_url, *words).printed() == local.printed()
    for other in (tmp_path / "shipper.yml", tmp_path / "none"):
        assert asked(start, broker_url, HOST, "explain", other).printed().endswith(b"not shipped: no input names it\n")


def test_the_end_of_a_followed_file(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """The last lines are shown with escapes made inert; no other file is, and none that is redacted."""
    (tmp_path / "secret.log").write_bytes(b"password=hunter2\n")
    more = f'  - paths: ["{tmp_path}/secret.log"]\n    redact: {{presets: [credentials]}}\n'
    archive = sink(start, broker_url, tmp_path)
    eventually(lambda: archive.says("ready: listening"))
    one = shipper(start, broker_url, tmp_path, more)
    eventually(lambda: one.says("answering requests"))
    with (tmp_path / "app.log").open("ab") as file:
        file.write(b"\x1b[31mred\xff\n")
    path = tmp_path / "app.log"
    words = (HOST, "tail", path, 2)
    eventually(lambda: asked(start, broker_url, *words).printed() == b"two\n\\x1b[31mred\\xff\n")
    for other, why in (
        (tmp_path / "secret.log", "not all of it may be seen"),
        (tmp_path / "shipper.yml", "this shipper does not follow it"),
        ("app.log", "it is no absolute path"),
    ):
        refused = asked(start, broker_url, HOST, "tail", other)
        assert refused.ends() == 1
        assert refused.says(why)
        assert not refused.printed()


def test_orders_are_refused_by_default(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """Neither a shipper nor a sink obeys unless its configuration allows that."""
    archive = sink(start, broker_url, tmp_path)
    one = shipper(start, broker_url, tmp_path)
    eventually(lambda: archive.says("answering requests") and one.says("answering requests"))
    for words in ((HOST, "reload"), (socket.gethostname(), "--sink", "archive", "log-level", "debug")):
        refused = asked(start, broker_url, *words)
        assert refused.ends() == 1
        assert refused.says("orders are not allowed here")


def test_orders_are_obeyed(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """A named user has a shipper and a sink read their configurations again, if these are valid, and log more."""
    more = "control: write\ncontrol_users: [guest]\n"
    archive, one = sink(start, broker_url, tmp_path, more), shipper(start, broker_url, tmp_path, more)
    eventually(lambda: archive.says("answering requests") and one.says("answering requests"))
    level = asked(start, broker_url, "--role", "sink", socket.gethostname(), "log-level", "debug", 60)
    assert level.printed() == b"logging debug and worse for 60 s\n"
    assert archive.says("order by guest: log-level debug 60")
    config = tmp_path / "shipper.yml"
    valid = config.read_text()
    config.write_text(valid + "nonsense: 1\n")
    refused = asked(start, broker_url, HOST, "reload")
    assert refused.ends() == 1
    assert refused.says("nonsense")
    config.write_text(valid + "scan_interval_s: 2\n")
    assert asked(start, broker_url, HOST, "reload").printed() == b"the configuration is valid: restarting with it\n"
    eventually(lambda: one.says("reloaded") and one.said().count("answering requests") == 2)


def test_a_process_that_is_off(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """With `control: off`, nobody listens."""
    archive = sink(start, broker_url, tmp_path, "control: off\n")
    eventually(lambda: archive.says("ready: listening"))
    off = asked(start, broker_url, socket.gethostname(), "--role", "sink", "status")
    assert off.ends() == 1
    assert off.says("no process listens")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--role", "shipper", "--sink", "archive", "status"), "--sink names a sink"),
        (("tail", "x" * 5000), "a request has at most 4096 bytes"),
        (("reboot",), "'reboot' is not one of"),
    ],
)
def test_mistakes_are_told(start: Start, broker_url: str, words: tuple[str, ...], text: str) -> None:
    """What cannot be asked is a sentence, with exit code 2."""
    program = asked(start, broker_url, HOST, *words)
    assert program.ends() == 2
    assert program.says(text)
