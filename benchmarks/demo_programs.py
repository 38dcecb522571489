"""The demo's programs: a shipper, three sinks and the web page: a process each, with its messages in a file."""

import contextlib
import os
import pty
import re
import secrets
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

READY_WITHIN_S = 60.0
PAUSE_S = 0.05
PAGE = "page"
SINKS = ("console", "archive", "errors")
"""What the books count; the page is beside them, and may be missing."""

SHIPPER_YML = """\
broker: {{url: "{url}"}}
host: demo
state: {root}/state/shipper
inputs:
  - paths: ["{root}/apps/*.log*"]
"""
SINKS_YML = """\
broker: {{url: "{url}"}}
state: {root}/state/sinks
sinks:
  console: {{type: console, date: true}}
  archive: {{type: file, path: "{root}/archive/{{label}}.log"}}
  errors: {{type: severity, min: warning, write: {{type: file, path: "{root}/errors/{{label}}.log"}}}}
  page:
    type: web
    listen: 127.0.0.1:0
    token_file: {root}/token
    config: {root}/sinks.yml
    archives: [archive]
"""

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """Where the page is, and the token that lets somebody in."""

    url: str
    token: str

    def __str__(self) -> str:
        """Return both, as somebody needs them."""
        return f"web page: {self.url}\n   token: {self.token}"


def configure(root: Path, url: str, shipper_yml: str = SHIPPER_YML) -> None:
    """Write the configurations and the page's token into the folder, which only we may read."""
    (root / "messages").mkdir()
    (root / "shipper.yml").write_text(shipper_yml.format(url=url, root=root))
    (root / "sinks.yml").write_text(SINKS_YML.format(url=url, root=root))
    (root / "token").touch(mode=0o600)
    (root / "token").write_text(secrets.token_urlsafe(18))


def start(root: Path, program: str, *arguments: str, stdout: int | None = None) -> Process:
    """Start a program, `python -m program`, its messages going to the folder `messages`."""
    with messages_of(root, program, arguments[-1]).open("wb") as messages:
        return subprocess.Popen([sys.executable, "-m", program, *arguments], stdout=stdout, stderr=messages)


def start_sink(root: Path, name: str, stdout: int | None = None) -> Process:
    """Start a sink of the configuration."""
    return start(root, "sinks", "--config", str(root / "sinks.yml"), name, stdout=stdout)


def messages_of(root: Path, program: str, name: str) -> Path:
    """Return the file with what a program said; `name` is its last argument."""
    return root / "messages" / f"{program}-{name.rpartition('/')[2]}.txt"


def await_sinks(root: Path) -> None:
    """Wait until the sinks that the books count listen. Raises TimeoutError."""
    for name in SINKS:
        await_that(lambda name=name: b"ready: listening" in messages_of(root, "sinks", name).read_bytes())  # type: ignore[misc]


def await_page(root: Path, process: Process, program: str = "sinks") -> Page | str:
    """Return the page once it listens, or why there is none. Raises TimeoutError."""
    messages = messages_of(root, program, PAGE)
    await_that(lambda: b"ready: listening" in messages.read_bytes() or process.poll() is not None)
    said = messages.read_text(errors="backslashreplace")
    found = re.search(r"the page is at (https?://\S+)", said)
    if found and process.poll() is None:
        return Page(found[1], (root / "token").read_text())
    return f"no web page: {' '.join(said.split())}"


def await_that(condition: Callable[[], object]) -> None:
    """Wait until a condition holds. Raises TimeoutError if it does not within a minute."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the demo's programs do not become ready")
        time.sleep(PAUSE_S)


def console_output() -> tuple[int, BinaryIO]:
    """Return where the console sink shall write, and where to read it: a terminal if our own output is one."""
    if sys.stdout.isatty():
        master, slave = pty.openpty()
        tty.setraw(slave)
    else:
        master, slave = os.pipe()
    return slave, os.fdopen(master, "rb")


def lines_of(source: BinaryIO) -> Iterator[bytes]:
    """Yield lines until the other end is closed, which a terminal reports as an error."""
    with contextlib.suppress(OSError):
        yield from source
