"""Has outputs settled and deleted, in a process of low priority, one at a time: after a rotation, or now and then.

Nothing waits for that, and nothing depends on it. Each trouble is logged once.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from typing import Final

import msgspec

from logbus import telemetry
from logbus.native.threads import begin

logger = getLogger("sinks.settling")

COMMAND: Final = (sys.executable, "-m", "sinks.settling.work")
FIRST_S: Final = 60.0
LEAST_S: Final = 60.0
EVERY_S: Final = 300.0
SAID_MAX: Final = 1_000


class Settler:
    """Begins the work, for a sink with `settings` (as JSON) and a state directory."""

    def __init__(self, settings: msgspec.Struct, state: Path) -> None:
        self._settings = msgspec.json.encode(settings)
        self._state = state
        self._due = threading.Event()
        self._closed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._said: set[str] = set()

    def start(self) -> None:
        """Start the thread that begins the work, unless it was started."""
        if self._thread:
            return
        try:
            self._thread = begin(self._run, "settling")
        except OSError as error:
            self._cannot(error)

    def rotated(self) -> None:
        """Note that an output was rotated."""
        self._due.set()

    def close(self) -> None:
        """End the work where it is; what is begun anew later."""
        self._closed.set()
        self._due.set()
        if self._process:
            with suppress(OSError):
                self._process.kill()
        if self._thread:
            self._thread.join()
        self._thread = None

    def _run(self) -> None:
        self._closed.wait(FIRST_S)
        while not self._closed.is_set():
            self._due.clear()
            began_s = time.monotonic()
            try:
                self._work()
            except OSError as error:
                self._cannot(error)
            self._due.wait(EVERY_S)
            self._closed.wait(max(0.0, began_s + LEAST_S - time.monotonic()))

    def _work(self) -> None:
        """Work once, in a process of its own. Raises OSError."""
        command = (*COMMAND, str(self._state.absolute()))
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own
            self._process = process
            if self._closed.is_set():
                process.kill()
            if process.stdin and process.stdout:
                with suppress(BrokenPipeError), process.stdin:
                    process.stdin.write(self._settings)
                self._tell(process.stdout)
        self._process = None
        if process.returncode and not self._closed.is_set():
            what = f"the process that settles outputs ended with {process.returncode}"
            self._say("warning", f"{what}; they are searched without exact rows")

    def _tell(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            with suppress(msgspec.DecodeError, msgspec.ValidationError):
                self._say(*msgspec.json.decode(line, type=tuple[str, str]))

    def _cannot(self, error: OSError) -> None:
        self._say("warning", f"cannot settle outputs: {error}; they are searched without exact rows")

    def _say(self, what: str, text: str) -> None:
        """Log a text; a warning only the first time."""
        if what == "deleted":
            telemetry.count("logbus_archive_deleted_files")
            logger.info("%s", text)
        elif text not in self._said and len(self._said) < SAID_MAX:
            self._said.add(text)
            logger.warning("%s", text)
