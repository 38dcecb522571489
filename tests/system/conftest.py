"""Real processes for the system tests: started by name, their output gathered, never left behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import wait_until

DEADLINE_S = 60.0


@dataclass(slots=True)
class Program:
    """A running `python -m ...`, its standard output and error going to files."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path

    def said(self) -> str:
        """Return what it wrote to standard error so far."""
        return self.err.read_text(errors="backslashreplace")

    def printed(self) -> bytes:
        """Return what it wrote to standard output so far."""
        return self.out.read_bytes()

    def ends(self, deadline_s: float = DEADLINE_S) -> int:
        """Wait until it ends; return its exit code."""
        return self.process.wait(deadline_s)

    def kill(self) -> None:
        """Kill it the hard way, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.terminate()
        return self.ends()


Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts `python -m NAME ARGUMENTS...` and sees to its end."""
    programs: list[Program] = []

    def begin(
        name: str, *arguments: object, url: str | None = None, under: tuple[str, ...] = (), **options: Any
    ) -> Program:
        stem = tmp_path / f"{len(programs)}-{name}"
        program = Program(None, stem.with_suffix(".out"), stem.with_suffix(".err"))  # type: ignore[arg-type]
        environment = {**os.environ, **({"LOGBUS_BROKER": url} if url else {})}
        with program.out.open("wb") as out, program.err.open("wb") as err:
            options = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, "env": environment} | options
            program.process = subprocess.Popen([*under, sys.executable, "-m", name, *map(str, arguments)], **options)
        programs.append(program)
        return program

    yield begin
    for program in programs:
        if program.process.poll() is None:
            program.kill()


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], None]:
    """Return a function that waits until a condition holds, and fails after a minute."""

    def wait(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> None:
        wait_until(condition, deadline_s)

    return wait
