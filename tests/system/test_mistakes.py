"""What operators get wrong: the tables of docs/field-notes.md, each row of which is done as it stands there.

Nothing is silent, nothing is a traceback. What needs no shell runs in this process.
"""

import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

import shipper.__main__
import sinks.__main__
from logbus.devbroker import DevBroker
from sinks.ledger.ledger import Ledger
from sinks.ledger.streams import Source
from support.certificates import make_certificates
from support.listeners import Listeners, listening

pytestmark = pytest.mark.system

PAGE = (Path(__file__).parents[2] / "docs" / "field-notes.md").read_text()
MAINS = {"shipper": shipper.__main__.main, "sinks": sinks.__main__.cli}
SHELL = re.compile(r"\d?>&-|\$'")
SECRET = "5ecr3t"  # noqa: S105 - the one that must not show
LEAST_ROWS = 70
BASES = {
    "shipper.yml": ("inputs:", "inputs: [{paths: [app.log]}]\nstate: state\n"),
    "sinks.yml": ("sinks:", "sinks: {archive: {type: file, path: out/log}}\n"),
}
SINKS = "sinks:\n  archive: {type: file, path: 'out/{name}'}\n  errors: {type: console}\nstate: state\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    text: str


def rows(heading: str) -> list[tuple[str, str, int]]:
    """Return the rows below a heading: a mistake, the telling part of the message, and the exit code."""
    section = re.split(r"^##+ ", PAGE.partition(f"### {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^\| `(.+)` \| (?:`(.*)` )?\| (\d) \|$", section, re.MULTILINE)
    assert len(found) == section.count("\n| ") - 1, "a row is not of the form that this test reads"
    return [(mistake, message, int(code)) for mistake, message, code in found]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with ca.pem and key.pem for localhost, and other-ca.pem and other.pem of somebody else."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def listeners(certificates: Path) -> Iterator[Listeners]:
    """Give servers that are not the RabbitMQ port that somebody meant."""
    with listening(certificates) as found:
        yield found


@pytest.fixture
def here(tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the directory in which mistakes are made; our logging is as before afterwards."""
    for each in certificates.iterdir():
        (tmp_path / each.name).symlink_to(each)
    for name, mode in (("open", 0o644), ("empty", 0o600)):
        (tmp_path / name).write_text("" if name == "empty" else SECRET)
        (tmp_path / name).chmod(mode)
    (tmp_path / "app.log").write_text("a line\n")
    (tmp_path / "app.log.gz").write_bytes(b"\x1f\x8b\x08\0")
    (tmp_path / "shipper.yml").write_text("inputs: [{paths: [app.log]}]\nstate: state\n")
    (tmp_path / "sinks.yml").write_text(SINKS)
    make_unreadable(tmp_path / "unreadable.log")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield tmp_path
    root.handlers[:], level = before
    root.setLevel(level)


def make_unreadable(path: Path) -> None:
    """Make a path that cannot be shipped, whoever we are: root may read everything, but follows no planted link."""
    if os.geteuid():
        path.touch(0)
        return
    closed = path.with_name("closed")
    closed.mkdir(0o700)
    (closed / "log").touch(0o600)
    path.symlink_to(closed / "log")
    os.lchown(path, 65534, 65534)


def said(command: str) -> Said:
    """Run `[NAME=VALUE]... logbus-PROGRAM ...`: in a shell if it needs one, or else here."""
    if SHELL.search(command):
        return run_shell(command)
    words = shlex.split(command)
    start = next(index for index, word in enumerate(words) if word.startswith("logbus-"))
    environment = dict(each.split("=", 1) for each in words[:start])
    result = CliRunner().invoke(MAINS[words[start].removeprefix("logbus-")], words[start + 1 :], env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.output)


def run_shell(command: str) -> Said:
    """Run a command in bash, with a password in the environment that nothing may show."""
    environment = os.environ | {"LOGBUS_BROKER": f"amqp://user:{SECRET}@127.0.0.1:1/"}
    command = re.sub(r"\blogbus-(shipper|sinks)", rf"exec {sys.executable} -m \1", command, count=1)
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, timeout=60, check=False)
    return Said(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))


def hold(answer: Said, message: str, code: int) -> None:
    """Check an answer against a row."""
    assert (answer.code, message in answer.text) == (code, True), answer.text
    assert "Traceback" not in answer.text
    assert SECRET not in answer.text


def configuration(name: str, row: str) -> str:
    """Return the content of a file from a row, with the usual rest if the row is only part of one."""
    key, rest = BASES[name]
    text = row.replace("\\n", "\n").replace("\\t", "\t") + "\n"
    return text if key in text else text + rest


def write_ledger(state: Path) -> None:
    """Give a sink one source that it has written."""
    ledger = Ledger(state)
    ledger.add(Source("guest", "web-1", "0123456789abcdef"), "/var/log/app.log", (0, 7))
    ledger.commit({})
    ledger.close()


def limited(broker: DevBroker, url: str) -> str:
    """Return the URL of a user who may only read."""
    parts = urlsplit(url)
    user = f"limited-{parts.path[1:]}"
    broker.ctl("add_user", user, SECRET)
    broker.ctl("set_permissions", "-p", parts.path[1:], user, "^$", "^$", ".*")
    return f"amqp://{user}:{SECRET}@{parts.hostname}:{parts.port}{parts.path}"


def test_there_are_enough_mistakes() -> None:
    """The page holds as many as were asked for, and this test runs each of its tables."""
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    assert sum(len(rows(heading)) for heading in headings) >= LEAST_ROWS


@pytest.mark.parametrize(("command", "message", "code"), rows("Mistyped commands"))
def test_a_mistyped_command_is_explained(command: str, message: str, code: int, here: Path) -> None:
    """What is wrong is named, and the exit code is 1 for what failed, 2 for what makes no sense."""
    write_ledger(here / "state" / "archive")
    hold(said(command), message, code)


@pytest.mark.parametrize(("row", "message", "code"), rows("Mistakes in shipper.yml"))
def test_a_mistake_in_a_shippers_configuration_is_explained(row: str, message: str, code: int, here: Path) -> None:
    """`--check` refuses what cannot work, and warns of what works otherwise than it looks."""
    (here / "shipper.yml").write_text(configuration("shipper.yml", row))
    hold(said("logbus-shipper --config shipper.yml --check"), message, code)


@pytest.mark.parametrize(("row", "message", "code"), rows("Mistakes in sinks.yml"))
def test_a_mistake_in_a_sinks_configuration_is_explained(row: str, message: str, code: int, here: Path) -> None:
    """`--check` of one sink finds the mistakes of the whole file."""
    (here / "sinks.yml").write_text(configuration("sinks.yml", row))
    hold(said("logbus-sinks --config sinks.yml archive --check"), message, code)


@pytest.mark.parametrize(("row", "message", "code"), rows("Connections that fail"))
def test_a_connection_that_fails_is_explained(
    row: str, message: str, code: int, here: Path, listeners: Listeners
) -> None:
    """What answers at the port is recognised; the ports of the page stand for those of our own servers."""
    text = configuration("sinks.yml", row)
    for usual, port in listeners.ports.items():
        text = text.replace(f":{usual}/", f":{port}/")
    (here / "sinks.yml").write_text(text)
    hold(said("logbus-sinks dead list --config sinks.yml"), message, code)


@pytest.mark.broker
@pytest.mark.parametrize(("command", "message", "code"), rows("What RabbitMQ refuses"))
def test_a_refusal_is_explained(  # noqa: PLR0913, PLR0917 - a row, and where it is tried
    command: str, message: str, code: int, here: Path, broker: DevBroker, broker_url: str
) -> None:
    """A refusal ends with exit code 3 and what to change; something missing with 1."""
    address, _, vhost = broker_url.rpartition("@")[2].partition("/")
    (here / "sinks.yml").write_text(f"broker: {{url: '{broker_url}'}}\n{SINKS}")
    if "limited.yml" in command:
        assert said("logbus-sinks topology apply --config sinks.yml").code == 0
        (here / "limited.yml").write_text(f"broker: {{url: '{limited(broker, broker_url)}'}}\n{SINKS}")
    command = re.sub(r"127\.0\.0\.1:5672/(\w*)", lambda found: f"{address}/{found[1] or vhost}", command)
    hold(said(command), message, code)
