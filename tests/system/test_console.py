"""The console as somebody sees it: in a pipe, on a terminal, killed, and with hostile lines."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from logbus.broker import topology
from logbus.devbroker import DevBroker
from logbus.severity import Severity
from shipper.lives.tail import BATCH_BYTES
from sinks.console.colours import MARK, RESET, SEVERITIES
from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

HOSTILE = (
    b"clear \x1b[2J\x1b[H",
    b"clipboard \x1b]52;c;cm0gLXJmIH4=\x07",
    b"link \x1b]8;;http://evil\x1b\\here",
    b"honest\rforged",
    b"up \x1b[1A\x1b[2Kforged",
    "C1 \x9b31m \x85".encode(),
    "bidi \u202eevil\u2066 \u2028".encode(),
    b"bytes \x00\x08\x7f\xff\xc3",
    b"tab\tstays",
)
OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
HOST = "h\x1b[2J\nforged\u202e"
LABEL = "l\x1b]0;title\x07\r"
NAME = "a\x1b[31m\n\u202e.log"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Give both ends of a pseudo terminal: what we read from, and what a program writes to."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def gathered(shown: bytearray, fd: int) -> bytes:
    """Add what a terminal was sent since the last call; return all of it."""
    shown += shown_on(fd)
    return bytes(shown)


def has_shown(shown: bytearray, fd: int, text: bytes) -> bool:
    """Return True if a terminal was sent a text by now."""
    return text in gathered(shown, fd)


def shown_on(terminal: int) -> bytes:
    """Return what was written to a terminal since the last look."""
    shown = bytearray()
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except BlockingIOError:
        pass
    return bytes(shown)


def ctl(broker: DevBroker, url: str, *command: str) -> str:
    """Return what rabbitmqctl says of the test's virtual host."""
    answer = broker.ctl(command[0], "-p", url.rpartition("/")[2], *command[1:])
    return str(answer)


def own_queues(broker: DevBroker, url: str) -> list[list[str]]:
    """Return name and number of messages of each queue that only lives as long as a console."""
    rows = [row.split() for row in ctl(broker, url, "list_queues", "name", "messages", "auto_delete").splitlines()]
    return [row[:2] for row in rows if row[-1] == "true"]


def test_head_ends_it(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """F9: `python -m sinks console | head -1` prints a line and ends, both with exit code 0, without a warning."""
    out, into = os.pipe()
    console = start("sinks", "console", "-v", url=broker_url, stdout=into)
    os.close(into)
    with subprocess.Popen(["head", "-1"], stdin=out, stdout=subprocess.PIPE) as head:
        os.close(out)
        eventually(lambda: "connected" in console.said())
        source = tmp_path / "app.log"
        source.write_bytes(b"first\nsecond\n")
        start("shipper", "--state", tmp_path / "s", source, url=broker_url)
        printed, _ = head.communicate()
        with source.open("ab", buffering=0) as file:
            eventually(lambda: file.write(b"more\n") and console.process.poll() is not None)
    assert printed.endswith(b" first\n")
    assert (head.returncode, console.ends()) == (0, 0)
    assert [line.split()[1] for line in console.said().splitlines()] == ["INFO", "INFO"], console.said()


def unread_console(start: Start, url: str, eventually: Until) -> tuple[Program, int]:
    """Start a console that is connected; return it, and the descriptor at which nobody reads what it prints."""
    out, into = os.pipe()
    console = start("sinks", "console", "-v", url=url, stdout=into)
    os.close(into)
    eventually(lambda: "connected" in console.said())
    return console, out


def test_what_is_not_printed_is_not_acknowledged(
    start: Start, broker: DevBroker, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """F9: while its reader reads nothing, RabbitMQ keeps every batch; when the reader leaves, it ends with 0."""
    console, out = unread_console(start, broker_url, eventually)
    source = tmp_path / "app.log"
    source.write_bytes(b"a line of text that no pipe can hold a megabyte of\n" * 20_000)
    assert start("shipper", "--once", source, url=broker_url).ends() == 0
    ((name, messages),) = own_queues(broker, broker_url)
    assert name.startswith("logs.console.")
    assert int(messages) * BATCH_BYTES >= source.stat().st_size
    os.close(out)
    assert console.ends() == 0
    eventually(lambda: not own_queues(broker, broker_url))


def test_kill_leaves_nothing_behind(start: Start, broker: DevBroker, broker_url: str, eventually: Until) -> None:
    """F10: after `kill -9`, neither a console's queue is left on the broker, nor what a selective one needs besides."""
    consoles = [
        start("sinks", "console", "-v", url=broker_url),
        start("sinks", "console", "-v", "--min", "err", url=broker_url),
        start("sinks", "console", "-v", "--bind", "web-1.#", url=broker_url),
    ]
    eventually(lambda: all("connected" in console.said() for console in consoles))
    assert len(own_queues(broker, broker_url)) == 3
    assert "logs.unmatched" in ctl(broker, broker_url, "list_exchanges", "name")
    for console in consoles:
        console.kill()
    eventually(lambda: not own_queues(broker, broker_url))
    assert "logs.unmatched" not in ctl(broker, broker_url, "list_exchanges", "name")


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[str, ...]:
    """Give the arguments of a shipper that ships hostile lines of a hostile file from a hostile host."""
    source = tmp_path / NAME
    source.write_bytes(b"ERROR " + b"\nERROR ".join(HOSTILE) + b"\n")
    return ("--once", "--host", HOST, "--label", LABEL, str(source))


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_nothing_that_a_terminal_obeys(
    start: Start, broker_url: str, hostile: tuple[str, ...], eventually: Until, form: tuple[str, ...]
) -> None:
    """S1, S2: lines, host, label and path full of escapes: a harmless line a record, no colour in a pipe."""
    console = start("sinks", "console", "-v", *form, url=broker_url)
    eventually(lambda: "connected" in console.said())
    shipper = start("shipper", "-v", *hostile, url=broker_url)
    assert shipper.ends() == 0
    eventually(lambda: console.printed().count(b"\n") >= len(HOSTILE))
    printed = console.printed().decode()
    for text in (printed, console.said(), shipper.said()):
        assert not OBEYED.search(text), text
    lines = printed.splitlines()
    assert len(lines) == len(HOSTILE)
    if form:
        seen = [json.loads(line) for line in lines]
        assert {(each["host"], each["label"]) for each in seen} == {(HOST, LABEL)}
        assert all(each["path"].endswith(NAME) for each in seen)
        assert [each["message"] for each in seen][:5] == [f"ERROR {line.decode()}" for line in HOSTILE[:5]]
    else:
        assert all(" err " in line for line in lines)
        assert lines[3].endswith(r"ERROR honest\rforged")
        assert lines[-1].endswith("ERROR tab\tstays")


def test_colour_on_a_terminal(
    start: Start, broker_url: str, hostile: tuple[str, ...], eventually: Until, terminal: tuple[int, int]
) -> None:
    """On a terminal an error is red; apart from our own colours, no escape gets there (S1)."""
    ours, theirs = terminal
    console = start("sinks", "console", "-v", url=broker_url, stdout=theirs)
    eventually(lambda: "connected" in console.said())
    assert start("shipper", *hostile, url=broker_url).ends() == 0
    shown = bytearray()
    eventually(lambda: gathered(shown, ours).count(b"\n") >= len(HOSTILE))
    text = bytes(shown).replace(b"\r\n", b"\n")
    assert text.count(f"{SEVERITIES[Severity.ERR]}err    {RESET}".encode()) == len(HOSTILE)
    text = COLOUR.sub(b"", text)
    assert not OBEYED.search(text.decode()), text


def test_lines_fit_the_terminal(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until, terminal: tuple[int, int]
) -> None:
    """They are wrapped below the text, to the width that the terminal has now; what a record says is shown."""
    ours, theirs = terminal
    console = start("sinks", "console", "-v", "--utc", "--fields", "n", "--grep", "word", url=broker_url, stdout=theirs)
    eventually(lambda: "connected" in console.said())
    source = tmp_path / "app.log"
    shown = bytearray()
    for number, width in enumerate((70, 100)):
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        with source.open("ab") as file:
            file.write(b'{"time":"2026-11-24T03:21:06Z","msg":"%b","n":%d}\n' % (b"word " * 30, number))
        assert start("shipper", "--host", "h", "--state", tmp_path / "s", "--once", source, url=broker_url).ends() == 0
        end = f"n={number}{RESET}\r\n".encode()
        eventually(partial(has_shown, shown, ours, end))
    day, *lines = COLOUR.sub(b"", bytes(shown)).decode().replace("\r\n", "\n").splitlines()
    begin = "03:21:06.000Z info    h app "
    indent = " " * len(begin)
    assert day == "--- 2026-11-24 ---"
    assert lines == [
        begin + "word " * 7 + "word",
        *[indent + "word " * 7 + "word"] * 2,
        indent + "word " * 6 + " n=0",
        begin + "word " * 13 + "word",
        indent + "word " * 13 + "word",
        indent + "word " * 2 + " n=1",
    ]
    assert shown.count(MARK.encode() + b"word" + RESET.encode()) == 60


def test_no_color(start: Start, broker_url: str, tmp_path: Path, eventually: Until, terminal: tuple[int, int]) -> None:
    """With NO_COLOR, a terminal gets no colour either, neither in records nor in our own messages."""
    ours, theirs = terminal
    environment = {**os.environ, "LOGBUS_BROKER": broker_url, "NO_COLOR": "1"}
    start("sinks", "console", "-v", env=environment, stdout=theirs, stderr=theirs)
    shown = bytearray()
    eventually(lambda: b"connected" in gathered(shown, ours))
    source = tmp_path / "app.log"
    source.write_bytes(b"ERROR red?\n")
    assert start("shipper", "--once", source, url=broker_url).ends() == 0
    eventually(lambda: b"red?" in gathered(shown, ours))
    assert b"\x1b" not in shown


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_a_closed_end_ends_it_while_nothing_comes(
    start: Start, broker: DevBroker, broker_url: str, eventually: Until, kind: str
) -> None:
    """When the reader of a pipe leaves, or a terminal is closed, an idle console ends and leaves no queue."""
    ours, theirs = os.pipe() if kind == "pipe" else pty.openpty()
    console = start("sinks", "console", "-v", url=broker_url, stdout=theirs)
    os.close(theirs)
    eventually(lambda: "connected" in console.said())
    os.close(ours)
    assert console.ends(20) == 0, console.said()
    assert "Traceback" not in console.said()
    eventually(lambda: not own_queues(broker, broker_url))


def test_a_hang_up_ends_it(start: Start, broker_url: str, eventually: Until) -> None:
    """SIGHUP ends what has no configuration to read again; one that was started with nohup goes on."""
    console = start("sinks", "console", "-v", url=broker_url)
    under = ("nohup",)
    kept = start("sinks", "console", "-v", url=broker_url, under=under)
    for each in (console, kept):
        eventually(partial(each.says, "connected"))
        each.process.send_signal(signal.SIGHUP)
    assert console.ends() == 0
    assert kept.process.poll() is None
    assert kept.terminate() == 0


def test_a_stopped_reader_costs_the_broker_little(
    start: Start, broker: DevBroker, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """While nobody reads (Ctrl-S), the queue stays bounded; what was skipped is reported when somebody reads again."""
    console, out = unread_console(start, broker_url, eventually)
    source = tmp_path / "app.log"
    with source.open("wb") as file:
        for _ in range(25):
            file.write(os.urandom(8 << 20).replace(b"\n", b" ") + b"\n")
    assert start("shipper", "--once", source, url=broker_url).ends() == 0
    rows = ctl(broker, broker_url, "list_queues", "auto_delete", "message_bytes_ready").splitlines()
    assert [int(row.split()[1]) <= topology.OWN_MAX_BYTES for row in rows if row.startswith("true")] == [True]
    with subprocess.Popen(["cat"], stdin=out, stdout=subprocess.DEVNULL):
        os.close(out)
        eventually(lambda: "bytes skipped" in console.said())
        console.terminate()
