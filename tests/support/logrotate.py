"""A writer that never stops, and the logrotate of the system to rotate what it writes."""

import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LINES_PER_S = 10_000
TICK_S = 0.01
ASKED_TO_REOPEN = "reopen"

CONFIG = """\
{log} {{
    {mode}
    rotate 10000
    missingok
{script}
}}
"""
REOPEN = """\
    postrotate
        touch {folder}/reopen
        while [ -e {folder}/reopen ]; do sleep 0.01; done
    endscript\
"""


class Writer(threading.Thread):
    """Writes numbered lines, `LINES_PER_S` of them a second, into `path`; each line says in which life it stands.

    A life is what was written between two openings (or truncations). `lives` counts the lines of each.
    """

    def __init__(self, folder: Path, name: str = "app.log") -> None:
        super().__init__(daemon=True)
        self.path = folder / name
        self.lives: list[int] = []
        self.failure: BaseException | None = None
        self._folder = folder
        self._lock = threading.Lock()
        self._ended = False
        self._file = self._open()

    def run(self) -> None:
        """Write until `stop`, and open the file anew when logrotate asks for it."""
        began, written = time.monotonic(), 0
        try:
            while not self._ended:
                due = int((time.monotonic() - began) * LINES_PER_S)
                with self._lock:
                    if (self._folder / ASKED_TO_REOPEN).exists():
                        self._file.close()
                        self._file = self._open()
                        (self._folder / ASKED_TO_REOPEN).unlink()
                    self._write(min(due - written, LINES_PER_S))
                written = due
                time.sleep(TICK_S)
        except OSError as error:
            self.failure = error

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Write nothing while a truncation is under way; what follows is a new life."""
        with self._lock:
            yield
            self.lives.append(0)

    def stop(self) -> int:
        """Write no more; return how many bytes were written in all."""
        self._ended = True
        self.join()
        self._file.close()
        assert not self.failure, self.failure
        return sum(len(_line(life, number)) for life, count in enumerate(self.lives) for number in range(count))

    def _open(self) -> BinaryIO:
        self.lives.append(0)
        return self.path.open("ab", buffering=0)

    def _write(self, count: int) -> None:
        life, first = len(self.lives) - 1, self.lives[-1]
        chunk = b"".join(_line(life, number) for number in range(first, first + count))
        assert self._file.write(chunk) == len(chunk)
        self.lives[-1] += count


class Logrotate:
    """The system's logrotate with one mode, on one writer's file."""

    def __init__(self, folder: Path, writer: Writer, mode: str) -> None:
        self._config, self._state = folder / "logrotate.conf", folder / "logrotate.state"
        self._writer = writer
        self.truncates = "copytruncate" in mode
        script = "" if self.truncates else REOPEN.format(folder=folder)
        self._config.write_text(CONFIG.format(log=writer.path, mode=mode.replace("; ", "\n    "), script=script))
        self._config.chmod(0o644)  # logrotate refuses what others may write

    def rotate(self) -> None:
        """Rotate once, whatever the size. With copytruncate the writer pauses: else logrotate loses what it writes."""
        if self.truncates:
            with self._writer.paused():
                self._run()
        else:
            self._run()

    def _run(self) -> None:
        command = ["logrotate", "--force", "--state", str(self._state), str(self._config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


def missing_or_mixed(content: bytes, lives: list[int]) -> str:
    """Return what is wrong with what arrived, "" if each life is there whole, once and in order."""
    arrived: dict[int, list[int]] = defaultdict(list)
    for line in content.splitlines():
        life_written, number, _ = line.split(b" ", 2)
        arrived[int(life_written)].append(int(number))
    for life, count in enumerate(lives):
        numbers = arrived[life]
        if numbers != list(range(count)):
            lost, extra = set(range(count)) - set(numbers), len(numbers) - len(set(numbers))
            return f"life {life}: {len(lost)} of {count} lost ({sorted(lost)[:3]}), {extra} repeated, or out of order"
    return ""


def _line(life: int, number: int) -> bytes:
    return b"%d %d a line of ordinary length, as applications write them\n" % (life, number)
