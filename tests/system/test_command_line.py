"""What the process list, the journal and the log see of a daemon."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
SECRET = "5ecr3t"  # noqa: S105 - the one that must not show
URL = f"amqp://user:{SECRET}@127.0.0.1:1/"
VISIBLE_AT_MOST_S = 0.2
"""The interpreter's own start, on a busy machine; all of our imports take half a second."""


@pytest.mark.parametrize(
    "arguments",
    [
        ("shipper", "--broker", URL, "x.log"),
        ("shipper", f"--broker={URL}", "x.log"),
        ("sinks", "console", "--broker", URL),
        ("sinks", "dead", "list", "--broker", URL),
    ],
    ids=" ".join,
)
@pytest.mark.alone
def test_a_password_hardly_shows_in_the_process_list(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The command line is overwritten before anything large is imported."""
    command = [sys.executable, "-m", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109 - where the programs are
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        shown = Path(f"/proc/{process.pid}/cmdline")
        began = last = time.monotonic()
        while (now := time.monotonic()) - began < 2.0 and process.poll() is None:
            if SECRET.encode() in shown.read_bytes():
                last = now
        process.kill()
    assert last - began < VISIBLE_AT_MOST_S


def ends(*arguments: str, **options: int) -> "subprocess.CompletedProcess[str]":
    """Run a shipper that cannot start, and return what it logs."""
    command = [sys.executable, "-m", "shipper", *arguments]
    return subprocess.run(command, text=True, check=False, **{"stderr": subprocess.PIPE, **options})  # type: ignore[call-overload,no-any-return]


def test_a_daemon_logs_as_it_is_told(tmp_path: Path) -> None:
    """With --log-format json an object, else a line with the time; a check is a command, whose messages have none."""
    missing = str(tmp_path / "missing\n.yml")
    text, checked = ends("--config", missing), ends("--config", missing, "--check")
    logged = json.loads(ends("--config", missing, "--log-format", "json").stderr)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z CRITICAL logbus: cannot load .*\n", text.stderr)
    assert checked.stderr.startswith("shipper: critical: cannot load")
    assert logged["level"] == "critical"
    assert logged["message"] in text.stderr
    assert text.stderr.count("\n") == 1


def test_a_line_in_the_journal_has_its_priority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With standard error at the journal, a line begins with its priority, and not with the time."""
    ours, theirs = socket.socketpair()
    status = os.fstat(theirs.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    with ours, theirs:
        journal = ends("--config", str(tmp_path / "missing.yml"), stderr=theirs.fileno())
        ours.settimeout(10)
        said = ours.recv(65536).decode()
    assert journal.returncode == 2
    assert said.startswith("<2>CRITICAL logbus: cannot load")


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError('a\\n\\x1b[2Jb')",
        "import threading; threading.Thread(target=int, args=('a\\n\\x1b[2Jb',)).start()",
        "logs.write_at_once(50, 'logbus', 'a ValueError\\n\\x1b[2Jb')",
    ],
)
def test_a_defect_is_one_line_too(code: str) -> None:
    """An exception that nothing caught, in any thread, and what a signal's thread writes cannot forge a line either."""
    setup = "from logbus.command_line import logs; logs.configure('x', logs.Wanted('json'));"
    done = subprocess.run([sys.executable, "-c", setup + code], capture_output=True, text=True, check=False)
    logged = json.loads(done.stderr)
    assert (logged["level"], logged["program"]) == ("critical", "x")
    assert "ValueError" in logged["message"]
    assert logged["message"].isprintable()


@pytest.mark.parametrize("program", ["shipper", "sinks"])
def test_help_names_the_program_as_it_was_called(program: str, tmp_path: Path) -> None:
    """`python -m shipper --help` has examples with that name, and `logbus-shipper --help` with the other."""
    for called, command in (
        (f"python -m {program}", [sys.executable, "-m", program]),
        (f"logbus-{program}", [str(installed(program, tmp_path))]),
    ):
        words = ["status", "--help"] if program == "shipper" else ["--help"]
        shown = subprocess.run([*command, *words], capture_output=True, text=True, check=True).stdout
        assert shown.startswith(f"Usage: {called} ")
        examples = shown.partition("Examples:\n")[2]
        assert examples.count(f"  {called} ") >= 2
        assert not re.search(r"python -m|logbus-s", examples.replace(called, ""))


def installed(program: str, folder: Path) -> Path:
    """Return what pip installs as a console script."""
    script = folder / f"logbus-{program}"
    script.write_text(f"#!{sys.executable}\nfrom {program}.__main__ import main\nmain()\n")
    script.chmod(0o755)
    return script
