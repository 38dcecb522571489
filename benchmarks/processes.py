"""The processes under measurement: a private RabbitMQ node, a shipper, sinks; and what they used, from the kernel."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from logbus.devbroker import DevBroker

WITHIN_S = 300.0
LOOK_MS = 20
"""How often a process under measurement is looked at: reading what the kernel says of it took 5 % of a core at 5 ms."""
MB = 1_000_000
Figures = dict[str, float]
"""What was measured, by its name."""


def await_that(condition: Callable[[], object], within_s: float = WITHIN_S, pause_s: float = 0.002) -> None:
    """Wait until a condition holds. Raises TimeoutError if it does not in five minutes."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it does not come to an end")
        time.sleep(pause_s)


def cpu_s(pid: int, *, but_first: bool = False) -> float:
    """Return the processor time that a process's threads, or those but the first, have used (Linux: schedstat)."""
    threads = [path for path in Path(f"/proc/{pid}/task").iterdir() if not (but_first and path.name == str(pid))]
    return sum(int((path / "schedstat").read_text().split()[0]) for path in threads) / 1e9


def resident_mb(pid: int, *, peak: bool = False) -> float:
    """Return how much memory a process holds now, or held at most."""
    name = "VmHWM:" if peak else "VmRSS:"
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / MB for line in lines if line.startswith(name))


def forget_peak(pid: int) -> None:
    """Begin a new measurement of the most memory held."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def start(arguments: Sequence[str | Path], stdout: int = subprocess.DEVNULL, messages: Path | None = None) -> int:
    """Start `python -m ...` and return its pid; to be ended with `finish`."""
    installed = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (messages or Path(os.devnull)).open("wb") as stderr:
        command = [sys.executable, "-m", *arguments]
        return subprocess.Popen(command, stdout=stdout, stderr=stderr, env=installed).pid


@dataclass(frozen=True, slots=True)
class Used:
    """What a process used from its start to its end."""

    cpu_s: float
    peak_mb: float
    code: int


def finish(pid: int, *, stop: bool = False) -> Used:
    """Wait until a process has ended, after SIGTERM if `stop`. What wait4 says of its memory is the parent's."""
    if stop:
        os.kill(pid, signal.SIGTERM)
    peak = 0.0
    ended = select.poll()
    with os.fdopen(os.pidfd_open(pid)) as watched:
        ended.register(watched, select.POLLIN)
        while not ended.poll(LOOK_MS):
            with suppress(OSError, StopIteration):
                peak = resident_mb(pid, peak=True)
    _, status, usage = os.wait4(pid, 0)
    return Used(usage.ru_utime + usage.ru_stime, peak, os.waitstatus_to_exitcode(status))


def delete_queues(names: Sequence[str], url: str) -> None:
    """Delete a benchmark's queues, so that the next one is not routed to them too."""
    import pika  # noqa: PLC0415 - a plain client, for this alone

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        for name in names:
            connection.channel().queue_delete(f"logs.{name}")


@dataclass(slots=True)
class Stage:
    """Where benchmarks run: a folder, a node, and the pids of sinks by name."""

    root: Path
    broker: DevBroker
    turn: int = 0
    used: dict[str, Used] = field(default_factory=dict)

    @property
    def beam(self) -> int:
        """The node's pid."""
        return next(pid for pid in map(int, _pids()) if _is_beam_of(pid, self.broker.dir))

    def folder(self) -> Path:
        """Return a new folder."""
        self.turn += 1
        made = self.root / f"run-{self.turn}"
        made.mkdir()
        return made

    @contextmanager
    def sinks(self, folder: Path, kinds: dict[str, str], module: str = "sinks") -> Iterator[dict[str, int]]:
        """Run sinks; `kinds` is name -> YAML mapping, `{folder}` standing for the folder. Gives their pids."""
        lines = [f"  {name}: {kind.replace('{folder}', str(folder))}\n" for name, kind in kinds.items()]
        config = folder / "sinks.yml"
        config.write_text(f'broker: {{url: "{self.broker.url}"}}\nstate: {folder}/ledger\nsinks:\n{"".join(lines)}')
        pids = {
            name: start([module, "--config", config, name, "-v"], messages=folder / f"{name}.txt") for name in kinds
        }
        try:
            for name in kinds:
                await_that(lambda name=name: b"connected" in (folder / f"{name}.txt").read_bytes())  # type: ignore[misc]
            yield pids
        finally:
            self.used = {name: finish(pid, stop=True) for name, pid in pids.items()}
            delete_queues(list(kinds), self.broker.url)

    def shipper(self, folder: Path, inputs: str, *flags: str, module: str = "shipper") -> int:
        """Start a shipper with `inputs` (YAML, one mapping); return its pid."""
        config = folder / "shipper.yml"
        config.write_text(
            f'broker: {{url: "{self.broker.url}"}}\nhost: bench\nstate: {folder}/registry\ninputs:\n  - {inputs}\n'
        )
        return start([module, "--config", config, *flags])


def _pids() -> Iterator[str]:
    return (entry for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208 - names are all that is wanted


def _is_beam_of(pid: int, folder: Path) -> bool:
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() != "beam.smp":
            return False
        return os.fsencode(f"LOGBUS_DEVBROKER={folder}") in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
