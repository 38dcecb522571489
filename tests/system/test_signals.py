"""Signals to real processes, one or many, at any moment: an orderly end, and nothing lost."""

import os
import re
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from support.programs import Program, Start, Until

pytestmark = pytest.mark.system
NOWHERE = "amqp://127.0.0.1:1/"
ENDS_WITHIN_S = 15.0
CLEAR_CODES = {0, 1, -signal.SIGTERM, -signal.SIGINT}
"""Ended by itself; or by the signal, before there was anything to end."""


def send(program: Program, number: int) -> None:
    """Send a signal, unless the process has ended."""
    if program.process.poll() is None:
        os.kill(program.process.pid, number)


def listens(program: Program) -> bool:
    """Return whether the process handles SIGTERM, as the kernel sees it."""
    caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{program.process.pid}/status").read_text())
    return bool(caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def hides_its_password(program: Program) -> bool:
    """Return whether our own code runs: the first thing it does."""
    words = Path(f"/proc/{program.process.pid}/cmdline").read_bytes()
    return b"://" in words and b"secret" not in words


def calmly(program: Program) -> None:
    """Fail if a process did not end in order."""
    assert program.ends(ENDS_WITHIN_S) in CLEAR_CODES, program.said()
    for word in ("Traceback", "Exception", "SystemExit", "KeyboardInterrupt"):
        assert word not in program.said(), program.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["shipper", "sink"])
def test_many_signals_while_it_drains(start: Start, tmp_path: Path, eventually: Until, name: str, number: int) -> None:
    """Two to forty signals in a row, whatever the time between: no traceback, and a clear exit code."""
    source = tmp_path / "app.log"
    source.write_bytes(b"1\n" * 1000)
    for count, pause_s in [(2, 0.0), (2, 0.001), (2, 0.005), (3, 0.02), (40, 0.0), (20, 0.003)]:
        arguments = (
            ("shipper", source, "--state", tmp_path / f"s{count}{pause_s}")
            if name == "shipper"
            else ("sinks", "file", "--path", tmp_path / "out", "--state", tmp_path / f"l{count}{pause_s}")
        )
        program = start(*arguments, url=NOWHERE)
        eventually(partial(listens, program))
        for _ in range(count):
            send(program, number)
            time.sleep(pause_s)  # what is tried here is this time
        send(program, number)
        calmly(program)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_while_it_starts(start: Start, tmp_path: Path, eventually: Until, number: int) -> None:
    """A signal at any moment of the start, its imports included, ends the process without a traceback."""
    for delay_s in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5):
        program = start("shipper", tmp_path / "*.log", "--broker", "amqp://user:secret@127.0.0.1:1/")
        eventually(partial(hides_its_password, program))  # before that, the interpreter starts
        time.sleep(delay_s)  # what is tried here is this time
        for _ in range(3):
            send(program, number)
        calmly(program)


@pytest.mark.broker
def test_a_second_signal_saves_what_is_confirmed(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """Ended by two signals in a row, again and again in the middle of its work: each line arrives exactly once."""
    source, out = tmp_path / "app.log", tmp_path / "out"
    start("sinks", "file", "--path", out, "--state", tmp_path / "s", url=broker_url)
    expected = b""
    for turn in range(6):
        expected += b"".join(b"%d %d\n" % (turn, line) for line in range(20_000))
        source.write_bytes(expected)
        shipper = start("shipper", "--state", tmp_path / "r", source, url=broker_url)
        eventually(partial(listens, shipper))
        time.sleep(turn * 0.05)  # what is tried here is this time
        for _ in range(2):
            send(shipper, signal.SIGTERM)
        calmly(shipper)
    assert start("shipper", "--once", "--state", tmp_path / "r", source, url=broker_url).ends() == 0
    eventually(lambda: out.exists() and out.stat().st_size >= len(expected))
    assert out.read_bytes() == expected


@pytest.mark.broker
def test_signals_during_a_reload(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """SIGTERM at any moment of a reload ends the process, before, during and after it takes its own place."""
    config = tmp_path / "shipper.yml"
    config.write_text(f"broker: {{url: {broker_url}}}\nstate: {tmp_path}/r\ninputs: [{{paths: [{tmp_path}/*.log]}}]\n")
    for delay_s in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4):
        shipper = start("shipper", "-v", "--config", config)
        eventually(partial(shipper.says, "connected"))
        send(shipper, signal.SIGHUP)
        time.sleep(delay_s)  # what is tried here is this time
        send(shipper, signal.SIGHUP)
        send(shipper, signal.SIGTERM)
        calmly(shipper)
