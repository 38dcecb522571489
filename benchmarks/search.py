"""How fast is an archive searched? Seconds for some questions, beside what other programs need for a rare word.

    python -m benchmarks.search [MB]

Makes an archive of MB (default 400) before compression, in `.zst` files of frames of 1 MiB as a sink writes them, of
several shapes of lines. All commands take turns, so that what else the machine does meets them alike; what is shown are
medians, and CPU seconds of all their processes. Nothing is cached but by the operating system, and Python's bytecode.
ripgrep is looked for on PATH and beside Python. `peak` is the memory of one process at most.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.shapes import SHAPES, records
from logbus.wire import frames

RUNS: Final = 7
RUNS_LONG: Final = 2
HOSTS: Final = 8
LINES: Final = 6_000
SHAPES_USED: Final = ("log4j", "ISO 8601", "JSON, level first", "syslog")
WORD: Final = "needle-4711"
QUESTIONS: Final = {
    "a rare word": [WORD],
    "a rare word, by time": [WORD, "--since", "2026-11-24T00:00Z", "--until", "2026-11-25T00:00Z"],
    "a pattern": [r"needle-\d+"],
    "-i": ["-i", WORD],
    "the newest hit": [WORD, "--reverse", "--limit", "1"],
    "errors of five minutes": ["--min", "err", "--since", "2026-11-24T00:05Z", "--until", "2026-11-24T00:10Z"],
    "--count-by hour,severity": ["--count-by", "hour,severity"],
    "all of them": ["--raw", ""],
}
LONG: Final = ("errors of five minutes", "--count-by hour,severity", "all of them")
"""These are run RUNS_LONG times."""
REFERENCES: Final = ("zstd -dc | rg -c", "zstd -dc | grep -c")


def make(folder: Path, size_bytes: int) -> int:
    """Write an archive; return its size before compression, in bytes."""
    written = 0
    for host in range(HOSTS):
        shape = SHAPES[SHAPES_USED[host % len(SHAPES_USED)]]
        source = records(host)
        with (folder / f"web-{host}.log.zst").open("wb") as file:
            until = written + size_bytes // HOSTS
            while written < until:
                body = "".join(f"{shape(each)}\n" for each in islice(source, LINES)).encode()
                file.write(frames.compress(body, 3))
                written += len(body)
            file.write(frames.compress(f"2026-11-24 00:06:00,000 ERROR {WORD} on {host}\n".encode(), 3))
    return written


@dataclass(slots=True)
class Runs:
    """What one command took, each time: seconds on the clock, and of processors; its peak of memory, in KiB."""

    command: list[str]
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_kb: int = 0

    def run(self, environment: dict[str, str]) -> None:
        """Run it once more."""
        began_s = time.monotonic()
        null = subprocess.DEVNULL
        process = subprocess.Popen(self.command, env=environment, stdin=null, stdout=null, stderr=null)
        _, _, usage = os.wait4(process.pid, 0)
        self.wall_s.append(time.monotonic() - began_s)
        self.cpu_s.append(usage.ru_utime + usage.ru_stime)
        self.peak_kb = max(self.peak_kb, usage.ru_maxrss)


def others(folder: Path) -> dict[str, list[str]]:
    """Return the commands of other programs that are there, by what the table calls them."""
    paths = sorted(map(str, folder.iterdir()))
    files = shlex.join(paths)
    rg = shutil.which("rg") or shutil.which("rg", path=str(Path(sys.executable).parent))
    found = {"zstd -dc | grep -c": ["sh", "-c", f"zstd -dc {files} | grep -c {WORD}"]} if shutil.which("zstd") else {}
    if rg and found:
        found["zstd -dc | rg -c"] = ["sh", "-c", f"zstd -dc {files} | {shlex.quote(rg)} -c {WORD}"]
        found["rg -z -c"] = [rg, "-z", "-c", WORD, *paths]
    if shutil.which("zstdgrep"):
        found["zstdgrep -c"] = ["zstdgrep", "-c", WORD, *paths]
    if not rg:
        print("there is no rg on PATH nor beside Python: compared with grep")
    return found


def measured(folder: Path, cache: Path) -> dict[str, Runs]:
    """Run all commands in turn, some times."""
    runs = {question: Runs(_search(folder, words)) for question, words in QUESTIONS.items()}
    runs |= {name: Runs(command) for name, command in others(folder).items()}
    environment = {each: value for each, value in os.environ.items() if each != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(cache)
    for number in range(RUNS):
        for name, each in runs.items():
            if name not in LONG or number < RUNS_LONG:
                each.run(environment)
    return runs


def show(runs: dict[str, Runs]) -> None:
    """Print the table; ratios are to the first of REFERENCES that was run."""
    reference = next((runs[each] for each in REFERENCES if each in runs), None)
    print(f"{'':<28}{'seconds':>9}{'CPU s':>9}{'peak MiB':>10}{'ratio':>8}")
    for name, each in runs.items():
        wall_s = median(each.wall_s)
        ratio = f"{wall_s / median(reference.wall_s):8.2f}" if reference else ""
        print(f"{name:<28}{wall_s:9.2f}{median(each.cpu_s):9.2f}{each.peak_kb / 1024:10.0f}{ratio}")


def main() -> None:
    """Make an archive, and measure."""
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as cache:
        folder = Path(name)
        size_bytes = make(folder, size_mb * 1_000_000)
        packed = sum(each.stat().st_size for each in folder.iterdir())
        print(f"{size_bytes / 1e6:.0f} MB in {HOSTS} files, {packed / 1e6:.0f} MB compressed, {os.cpu_count()} CPUs")
        show(measured(folder, Path(cache)))


def _search(folder: Path, words: list[str]) -> list[str]:
    return [sys.executable, "-m", "sinks", "search", "--utc", "--path", str(folder), *words]


if __name__ == "__main__":
    main()
