"""A message to a command: JSON on its standard input. No shell, no text of a log among its arguments."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

from logbus.errors import describe
from sinks.alert.notices import Notice
from sinks.alert.sending.failures import NotSent
from sinks.alert.sending.shapes import body_of

COMMAND_S: Final = 30.0
SAID_BYTES: Final = 4096
"""Of what a command writes, more is read, and not kept."""
SHOWN_CHARACTERS: Final = 200
_READ_BYTES: Final = 16 * 1024


def send(command: Sequence[str], notice: Notice, limit_s: float = COMMAND_S) -> str:
    """Run a command, which gets a message; return how it ended. Raises NotSent, also if it fails or takes too long."""
    with tempfile.TemporaryFile() as file:  # a command that does not read it blocks nobody
        file.write(body_of(notice, "json") + b"\n")
        file.seek(0)
        process = _started(command, file)
    with process:
        try:
            said = _said(process, time.monotonic() + limit_s)
        except TimeoutError:
            raise NotSent(f"{command[0]} did not end within {limit_s:g} s") from None
        finally:
            _end(process)
    if process.returncode:
        raise NotSent(f"{command[0]} ended with {process.returncode}{_shown(said)}")
    return "exit code 0"


def _started(command: Sequence[str], file: IO[bytes]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(  # noqa: S603 - the operator's own command, no shell
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise NotSent(f"{command[0]} cannot be run: {describe(error)}") from None


def _said(process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
    """Wait until a process ends; return the beginning of what it wrote. Raises TimeoutError."""
    assert process.stdout is not None  # noqa: S101 - for mypy: it is a pipe
    kept = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not selector.select(left_s):
                raise TimeoutError
            if not (piece := os.read(process.stdout.fileno(), _READ_BYTES)):
                break
            kept += piece[: SAID_BYTES - len(kept)]
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return bytes(kept)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the command and what it started, unless it ended by itself."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()


def _shown(said: bytes) -> str:
    text = " ".join(said.decode(errors="replace").split())
    return f": {text[:SHOWN_CHARACTERS]}" if text else ""
