"""Every console example of the README is run as it stands, or stands in a table that says why not."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pika
import pytest

from support.programs import Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

NOT_RUN = {
    "make demo": "it sets up an environment of its own and takes 20 seconds: `make -n` says that the target is there",
    "make test": "it is what runs this test: `make -n` again",
    **dict.fromkeys(
        (
            "logbus-shipper status --config /etc/logbus/shipper.yml",
            "logbus-shipper explain /srv/a/app.log --config /etc/logbus/shipper.yml",
            "logbus-shipper rewind /srv/a/app.log --config /etc/logbus/shipper.yml",
        ),
        "they need a shipper that has run: test_the_questions_about_a_shipper asks them in turn",
    ),
    "systemctl enable --now logbus-shipper logbus-sink@archive logbus-sink@errors": (
        "it needs root and systemd: the units are there under these names, and test_deployment.py verifies them"
    ),
}
ENDS = {
    "dmesg | python -m shipper -": "shipped",
    "python -m shipper --once 'logs/**/*.log'": "shipped",
    "logbus-shipper --config /etc/logbus/shipper.yml --check": "checked",
    "logbus-sinks --config /etc/logbus/sinks.yml archive --check": "checked",
}
"""What ends by itself, with exit code 0."""
RUNS = {
    "python -m sinks console",
    "python -m sinks console --min warning --field 'status=5*' --fields user,path",
    "python -m shipper /var/log/syslog",
    "python -m sinks file --path 'archive/{host}/{label}.log' --state state/archive",
    "python -m sinks severity --min warning --path 'errors/{host}.log' --state state/errors",
}
"""What runs until it is stopped."""
SYSTEM_FOLDERS = re.compile(r"(?<![\w.])/(?=(?:etc|var)/)")
KERNEL = "the kernel says something\n"


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Return what the README types after `$`, without the comments."""
    lines = [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+#\s.*", "", line[2:]) for line in lines]


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder that stands for the machine of somebody who tries the README out: their /etc and /var are in it."""

    folder: Path
    environment: dict[str, str]
    started: list["subprocess.Popen[bytes]"]

    def start(self, command: str) -> "subprocess.Popen[bytes]":
        """Start a command in a shell, as it stands."""
        name = f"{len(self.started)}.out"
        with (self.folder / name).open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", SYSTEM_FOLDERS.sub("", command)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def said(self, process: "subprocess.Popen[bytes]") -> str:
        """Return what a command printed so far."""
        return (self.folder / f"{self.started.index(process)}.out").read_text()

    def file(self, path: str, text: str, *, executable: bool = False) -> Path:
        """Write a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if executable else 0o644)
        return file

    def text(self, glob: str) -> str:
        """Return what is in the only file that matches."""
        found = list(self.folder.glob(glob))
        return found[0].read_text() if len(found) == 1 else ""


@pytest.fixture
def scratch(tmp_path: Path, broker_url: str) -> Iterator[Scratch]:
    """Give a folder with a `dmesg` that needs no privilege, and a path on which `python` is ours."""
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    place = Scratch(tmp_path, {**os.environ, "PATH": path, "LOGBUS_BROKER": broker_url}, [])
    place.file("bin/dmesg", f"#!/bin/sh\nprintf '{KERNEL}'\n", executable=True)
    yield place
    for process in place.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def consumed(url: str, queue: str) -> bool:
    """Return True if somebody consumes a queue."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        return bool(connection.channel().queue_declare(queue, passive=True).method.consumer_count)
    except pika.exceptions.ChannelClosedByBroker:
        return False
    finally:
        connection.close()


def test_every_example_is_known_here() -> None:
    """An example that nobody runs here, and an entry here that the README has no more, are both noticed."""
    assert set(commands()) == {*NOT_RUN, *ENDS, *RUNS}


def test_the_tour(scratch: Scratch, broker_url: str, eventually: Until) -> None:
    """The tour, in its order: what is shipped shows on the console, and then in the archive and among the errors."""
    syslog = scratch.file("var/log/syslog", "Nov 24 10:00:00 host app: started\n")
    scratch.file("logs/web/a.log", "a web line\n")
    running = []
    tour = [each for each in commands() if each in RUNS or ENDS.get(each) == "shipped"]
    for command in tour:
        process = scratch.start(command)
        if command in ENDS:
            assert process.wait(60) == 0, scratch.said(process)
        else:
            running.append(process)
    console = running[0]
    eventually(lambda: all(text in scratch.said(console) for text in ("app: started", KERNEL, "a web line")))

    for queue in ("logs.file", "logs.severity"):
        eventually(partial(consumed, broker_url, queue))
    fine, wrong = "Nov 24 10:00:01 host app: fine\n", "2026-11-24 10:00:02 WARNING disk full\n"
    with syslog.open("a") as file:
        file.write(fine + wrong)
    eventually(lambda: scratch.text("archive/*/syslog.log").endswith(fine + wrong))
    eventually(lambda: scratch.text("errors/*.log") == wrong)
    assert wrong in scratch.said(console)
    for process in running:
        assert process.poll() is None, scratch.said(process)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0, scratch.said(process)


def test_the_configuration_by_example_is_checked(scratch: Scratch) -> None:
    """The two files that the README shows are what `--check` takes, and it says what would run."""
    for text in blocks("yaml"):
        name = re.match(r"# (/etc/logbus/\w+\.yml)\n", text)
        assert name
        scratch.file(name[1].removeprefix("/"), text.replace("/etc/", f"{scratch.folder}/etc/"))
    scratch.file("etc/logbus/password", "secret\n").chmod(0o600)
    for command in [each for each, what in ENDS.items() if what == "checked"]:
        process = scratch.start(command)
        assert process.wait(60) == 0, scratch.said(process)
        assert re.search(r"^input |archive: a file sink, bound to everything", scratch.said(process))


def test_the_questions_about_a_shipper(scratch: Scratch, broker_url: str) -> None:
    """What the README asks about /srv/a/app.log gets an answer, each in its turn, once that is shipped."""
    source = scratch.file("srv/a/app.log", "a line\n")
    config = f"broker: {{url: {broker_url}}}\nstate: registry\ninputs: [{{paths: [{source}]}}]\n"
    scratch.file("etc/logbus/shipper.yml", config)
    scratch.start("python -m sinks file --path copy --state ledger")
    assert scratch.start("python -m shipper --once --config /etc/logbus/shipper.yml").wait(60) == 0
    answers = ("app.log", "0 behind", "app.log")
    for command, answer in zip([each for each in NOT_RUN if each.startswith("logbus-")], answers, strict=True):
        process = scratch.start(command.replace("/srv/", "srv/"))
        assert process.wait(60) == 0, scratch.said(process)
        assert answer in scratch.said(process), scratch.said(process)


@pytest.mark.parametrize("command", [each for each in NOT_RUN if each.startswith("make ")])
def test_make_has_the_target(command: str) -> None:
    """What `make` would run is there."""
    target = command.removeprefix("make ")
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"\.ci/setup( demo)?\n.*(python -m|\.ci/test)", done.stdout, re.DOTALL)


def test_systemd_has_the_units() -> None:
    """The units that the README enables exist, and the sinks among them are in its sinks.yml."""
    (command,) = [each for each in NOT_RUN if each.startswith("systemctl ")]
    for unit in re.findall(r"logbus-\S+", command):
        template, at, name = unit.partition("@")
        assert (ROOT / "config" / "systemd" / f"{template}{at}.service").is_file()
        assert not name or f"\n  {name}: {{" in "".join(blocks("yaml"))
