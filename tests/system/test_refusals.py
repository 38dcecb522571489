"""What a user does wrong gets one line that says what to do, and the promised exit code; never a traceback."""

import os
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest

from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]


def only_line(program: Program) -> str:
    """Return the one line that a program said."""
    lines = program.said().splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return str(lines[0])


@pytest.mark.parametrize("program", [("shipper", "--once", os.devnull + "x"), ("sinks", "console")])
def test_a_wrong_password_is_refused_at_once(start: Start, broker_url: str, program: tuple[str, ...]) -> None:
    """E19: wrong credentials end with exit code 3, one line, and without the password in it (S13)."""
    parts = urlsplit(broker_url)
    url = f"amqp://guest:sesame-open@{parts.hostname}:{parts.port}{parts.path}"
    (name, *arguments) = program
    running = start(name, *arguments, url=url)
    assert running.ends() in {1, 3}
    assert "sesame" not in running.said()


def test_the_shipper_refuses_a_wrong_password(start: Start, broker_url: str, tmp_path: Path) -> None:
    """E19: the shipper says who was refused where, and exits 3."""
    source = tmp_path / "a.log"
    source.write_bytes(b"x\n")
    parts = urlsplit(broker_url)
    shipper = start("shipper", "--once", source, url=f"amqp://guest:sesame@{parts.hostname}:{parts.port}{parts.path}")
    assert shipper.ends() == 3
    assert "wrong user or password" in only_line(shipper)


def test_a_missing_virtual_host_is_refused(start: Start, broker_url: str, tmp_path: Path) -> None:
    """E19: a virtual host that does not exist ends with exit code 3."""
    source = tmp_path / "a.log"
    source.write_bytes(b"x\n")
    parts = urlsplit(broker_url)
    shipper = start("shipper", "--once", source, url=f"amqp://guest:guest@{parts.hostname}:{parts.port}/nowhere")
    assert shipper.ends() == 3
    assert "nowhere" in only_line(shipper) or "virtual host" in only_line(shipper)


def test_an_exchange_of_another_type_is_refused(start: Start, broker_url: str, tmp_path: Path) -> None:
    """E19: `logs` declared as another type cannot fan out: exit code 3 and what to do, no loop."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    connection.channel().exchange_declare("logs", "direct", durable=True)
    connection.close()
    source = tmp_path / "a.log"
    source.write_bytes(b"x\n")
    shipper = start("shipper", "--once", source, url=broker_url)
    assert shipper.ends() == 3
    assert "delete the exchange" in only_line(shipper)


def test_a_tutorial_exchange_is_used_as_it_is(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """A `logs` that is not durable, as RabbitMQ's tutorials declare it, gets a clear warning and works."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    connection.channel().exchange_declare("logs", "fanout")
    connection.close()
    source = tmp_path / "a.log"
    source.write_bytes(b"hello\n")
    out = tmp_path / "out"
    sink = start("sinks", "file", "--path", out / "a.log", "--state", out / "s", url=broker_url)
    shipper = start("shipper", "--once", source, url=broker_url)
    assert shipper.ends() == 0
    eventually(lambda: (out / "a.log").exists() and (out / "a.log").read_bytes() == b"hello\n")
    assert "different durable" in shipper.said()
    assert "different durable" in sink.said()


def test_an_unknown_key_is_pointed_at(start: Start, tmp_path: Path) -> None:
    """H2: an unknown YAML key ends with exit code 2, naming file, line and the key that was meant."""
    config = tmp_path / "shipper.yml"
    config.write_text("inputs:\n  - pathes: [/var/log/*.log]\n")
    shipper = start("shipper", "--config", config, "--check")
    assert shipper.ends() == 2
    line = only_line(shipper)
    assert f"{config}:2" in line
    assert "did you mean" in line
    assert "paths" in line


def test_an_unknown_sink_is_pointed_at(start: Start, tmp_path: Path) -> None:
    """A sink name that the YAML does not have ends with exit code 2 and what there is."""
    config = tmp_path / "sinks.yml"
    config.write_text("sinks:\n  archive: {type: file, path: /tmp/x}\n")
    sink = start("sinks", "--config", config, "archiv")
    assert sink.ends() == 2
    assert "archive" in only_line(sink)


def test_a_missing_file_fails_once(start: Start, broker_url: str, tmp_path: Path) -> None:
    """`--once` of a file that is not there ends with exit code 1 and names it."""
    shipper = start("shipper", "--once", tmp_path / "no\x1b[31msuch.log", url=broker_url)
    assert shipper.ends() == 1
    assert "such.log" in only_line(shipper)
    assert "\x1b" not in shipper.said()


# Root may read everything, unless it gives that capability up.
MORTAL = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def test_an_unreadable_file_fails_once(start: Start, broker_url: str, tmp_path: Path) -> None:
    """`--once` of a file that may not be read ends with exit code 1 and says what to do."""
    source = tmp_path / "a.log"
    source.write_bytes(b"x\n")
    source.chmod(0)
    shipper = start("shipper", "--once", source, url=broker_url, under=MORTAL)
    assert shipper.ends() == 1
    assert "a.log" in only_line(shipper)


def test_no_secret_in_the_process_list(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """S13: a password given in `--broker` is neither in the process list nor in what is said."""
    parts = urlsplit(broker_url)
    url = f"amqp://nobody:open-sesame@{parts.hostname}:1{parts.path}"
    for name, arguments in (("shipper", (tmp_path / "a.log",)), ("sinks", ())):
        extra = ("console",) if name == "sinks" else ()
        program = start(name, *extra, "--broker", url, "-v", *arguments)
        eventually(partial(program.says, "retrying"))
        assert b"sesame" not in Path(f"/proc/{program.process.pid}/cmdline").read_bytes()
        assert "sesame" not in program.said()
        program.kill()
