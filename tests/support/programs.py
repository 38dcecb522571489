"""Real processes: started by name, their output in files."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypedDict, Unpack

DEADLINE_S = 60.0
LAST_CHARACTERS = 1500
"""Of what a program said, shown beside a test that failed."""


@dataclass(slots=True)
class Program:
    """A running `python -m ...`, its standard output and error going to files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def said(self) -> str:
        """Return what it wrote to standard error so far."""
        return self.err.read_text(errors="backslashreplace")

    def says(self, text: str) -> bool:
        """Return True if it wrote `text` to standard error so far."""
        return text in self.said()

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


class Options(TypedDict, total=False):
    """How a process is started otherwise."""

    stdin: int | IO[bytes]
    stdout: int | IO[bytes]
    stderr: int | IO[bytes]
    env: Mapping[str, str]
    cwd: Path


class Start(Protocol):
    """Starts `python -m NAME ARGUMENTS...`."""

    def __call__(
        self,
        name: str,
        *arguments: object,
        url: str | None = None,
        under: tuple[str, ...] = (),
        **options: Unpack[Options],
    ) -> Program:
        """Return what was started, its broker at `url`, `under` a program that starts it."""


@contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """Give a function that starts `python -m NAME ARGUMENTS...`, its output in `folder`, and see to the end of all."""
    programs: list[Program] = []

    def begin(
        name: str, *arguments: object, url: str | None = None, under: tuple[str, ...] = (), **options: Unpack[Options]
    ) -> Program:
        stem = folder / f"{len(programs)}-{name}"
        out, err = stem.with_suffix(".out"), stem.with_suffix(".err")
        environment = {**os.environ, **({"LOGBUS_BROKER": url} if url else {})}
        command = [*under, sys.executable, "-m", name, *map(str, arguments)]
        with out.open("wb") as printed, err.open("wb") as said:
            usual: Options = {"stdin": subprocess.DEVNULL, "stdout": printed, "stderr": said, "env": environment}
            program = Program(subprocess.Popen(command, **(usual | options)), out, err)
        programs.append(program)
        return program

    yield begin
    for program in programs:
        if program.process.poll() is None:
            program.kill()
        last = program.said()[-LAST_CHARACTERS:]
        sys.stdout.write(f"{program.err.stem} ended with {program.process.returncode}: {last}\n")


class Until(Protocol):
    """Waits until a condition holds; fails after a minute, or another time."""

    def __call__(self, condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
        """Return when it holds."""
