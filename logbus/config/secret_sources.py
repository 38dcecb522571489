"""Secrets from files and from commands. No error shows a secret.

A command is run without a shell, for a limited time, and its output is bounded: it may hang or never end.
"""

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from logbus.errors import UsageError

MAX_SECRET_BYTES = 64 * 1024
MAX_SAID_BYTES = 4096
"""Of what a command writes to standard error, more is read, and not kept."""
SHOWN_CHARACTERS = 300
COMMAND_WITHIN_S = 10.0
"""The daemon's loop waits for it: well below the watchdog's 30 s."""
READ_BYTES = 16 * 1024
HOW_TO_HIDE = "give a file that holds the secret, and that only this user can read"
RUN_IT = "run the command as this user: it must print the secret, and nothing else, to standard output"
CANNOT = "read a secret"


def read_secret(path: Path, key: str) -> str:
    """Return the content of the secret file that the setting `key` names, without one trailing newline.

    Raises UsageError when it cannot be read, is not a regular file, is open to other users, is empty or too large.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not block us
        with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor has no Path
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(CANNOT, f"{key} {path} is not a regular file", HOW_TO_HIDE)
            if status.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise UsageError(CANNOT, f"every user may read or write {key} {path}", f"chmod 600 {path}")
            content = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = f"{key} {path}: {getattr(error, 'strerror', None) or error}"
        raise UsageError(CANNOT, cause, HOW_TO_HIDE) from None
    return _secret_text(f"{key} {path}", content, HOW_TO_HIDE)


def version_of(path: str) -> tuple[int, int, int] | None:
    """Return inode, size and time of change of a file; None if it cannot be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a path as the operating system accepts it
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def run_for_secret(command: Sequence[str], key: str) -> str:
    """Return what the command of the setting `key` prints, without one trailing newline.

    Raises UsageError when it cannot be run, fails, does not end within 10 s, or prints nothing or too much. What it
    says on standard error is shown, without the secret.
    """
    what = f"{key} {command[0]}"
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        cause = f"{what}: {getattr(error, 'strerror', None) or error}"
        raise UsageError(CANNOT, cause, "its first word must be a program that this user may run") from None
    with process:
        try:
            printed, said = _communicate(process)
        except TimeoutError:
            raise UsageError(CANNOT, f"{what} did not end within {COMMAND_WITHIN_S:.0f} s", RUN_IT) from None
        finally:
            _end(process)
    if process.returncode and len(printed) <= MAX_SECRET_BYTES:  # of one that prints too much, we ended it
        raise UsageError(CANNOT, f"{what} {_ending(process.returncode)}{_shown(said, printed)}", RUN_IT)
    return _secret_text(f"what {what} prints", printed, RUN_IT)


def _communicate(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    """Return what the process wrote to its two outputs, both bounded. Raises TimeoutError."""
    deadline = time.monotonic() + COMMAND_WITHIN_S
    kept = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for output in kept:
            selector.register(_given(output), selectors.EVENT_READ, output)
        while selector.get_map() and len(kept[process.stdout]) <= MAX_SECRET_BYTES:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready or time.monotonic() > deadline:
                raise TimeoutError
            for chosen, _ in ready:
                piece = os.read(chosen.fd, READ_BYTES)
                if not piece:
                    selector.unregister(chosen.fileobj)
                elif chosen.data is process.stdout or len(kept[chosen.data]) < MAX_SAID_BYTES:
                    kept[chosen.data] += piece
    if len(kept[process.stdout]) <= MAX_SECRET_BYTES:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        if process.returncode is None:
            raise TimeoutError
    return bytes(kept[process.stdout]), bytes(kept[process.stderr])


def _given(output: IO[bytes] | None) -> IO[bytes]:
    assert output is not None  # noqa: S101 - for mypy: it is a pipe
    return output


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the command and what it started, unless it ended by itself."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _shown(said: bytes, printed: bytes) -> str:
    """Return what a command said for an error, without anything that it printed."""
    text = " ".join(said.decode(errors="replace").split())
    for secret in printed.decode(errors="replace").split():
        text = text.replace(secret, "***")
    return f": {text[:SHOWN_CHARACTERS]}" if text else ""


def _secret_text(what: str, content: bytes, hint: str) -> str:
    if not content.strip() or len(content) > MAX_SECRET_BYTES:
        raise UsageError(CANNOT, f"{what} is empty, or larger than {MAX_SECRET_BYTES} bytes", hint)
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError(CANNOT, f"{what} is not UTF-8", hint) from None
