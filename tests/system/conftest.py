"""Real processes for the system tests: started by name, their output gathered, never left behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Unpack

import pytest

from support import wait_until
from support.programs import DEADLINE_S, Options, Program, Start, Until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts `python -m NAME ARGUMENTS...` and sees to its end."""
    programs: list[Program] = []

    def begin(
        name: str, *arguments: object, url: str | None = None, under: tuple[str, ...] = (), **options: Unpack[Options]
    ) -> Program:
        stem = tmp_path / f"{len(programs)}-{name}"
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


@pytest.fixture
def eventually() -> Until:
    """Return a function that waits until a condition holds, and fails after a minute."""

    def wait(condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
        wait_until(condition, deadline_s)

    return wait
