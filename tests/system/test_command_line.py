"""What the process list and the journal see of a daemon."""

import os
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


def test_a_line_in_the_journal_has_its_priority(tmp_path: Path) -> None:
    """With standard error at the journal, a line begins with its priority; anywhere else, it does not."""
    ours, theirs = socket.socketpair()
    status = os.fstat(theirs.fileno())
    environment = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    command = [sys.executable, "-m", "shipper", "--config", str(tmp_path / "missing.yml")]
    with ours, theirs:
        journal = subprocess.run(command, env=environment, stderr=theirs.fileno(), check=False)
        ours.settimeout(10)
        said = ours.recv(65536).decode()
    elsewhere = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (journal.returncode, elsewhere.returncode) == (2, 2)
    assert said.startswith("<2>shipper: critical: cannot load")
    assert elsewhere.stderr.decode().startswith("shipper: critical: cannot load")
