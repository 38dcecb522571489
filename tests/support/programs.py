"""Real processes: started by name, their output in files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypedDict, Unpack

if TYPE_CHECKING:
    import subprocess

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


class Until(Protocol):
    """Waits until a condition holds; fails after a minute, or another time."""

    def __call__(self, condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
        """Return when it holds."""
