"""How fast is an archive searched? Seconds for some questions, beside what other programs need for a rare word.

    python -m benchmarks.search [MB]          or: ONLY=search make bench

Makes an archive of MB (default 1000) before compression, see `benchmarks.archive`, and makes its index exact. Commands
take turns, so that what else the machine does meets them alike; what is shown are medians with the start of Python, and
CPU seconds of all their processes. Nothing is cached but by the operating system, and Python's bytecode. ripgrep is
looked for on PATH and beside Python, lnav on PATH. `peak` is the memory of one process at most; `first` is when the
first line came.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import archive

RUNS: Final = 5
WORD: Final = archive.WORD.decode()
BY_INDEX: Final = {
    "errors of one host in five minutes": [
        *("--host", "web-3", "--min", "err", "--since", "2026-10-21T10:00Z", "--until", "2026-10-21T10:05Z"),
    ],
    "--count-by hour,severity of a week": ["--count-by", "hour,severity"],
    "--count --min err of a week": ["--count", "--min", "err"],
}
BY_READING: Final = {
    "a rare word": [WORD],
    "a pattern": [r"needle-\d+"],
    "a rare word, --count": [WORD, "--count"],
    "the newest hit, --reverse --limit 1": [WORD, "--reverse", "--limit", "1"],
}
LONG: Final = {"all of them, --raw": ["--raw", ""]}
LNAV: Final = "lnav -n, :filter-in"
ONCE: Final = frozenset([*LONG, LNAV])
"""These are run once."""
REFERENCES: Final = ("zstd -dc | rg -c", "zstd -dc | grep -c")


@dataclass(slots=True)
class Runs:
    """What one command took, each time: seconds on the clock, and of processors; its peak of memory, in KiB."""

    command: list[str]
    wall_s: list[float] = field(default_factory=list)
    first_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_kb: int = 0

    def run(self, environment: dict[str, str]) -> None:
        """Run it once more."""
        began_s = time.monotonic()
        null = subprocess.DEVNULL
        with subprocess.Popen(
            self.command, env=environment, stdin=null, stdout=subprocess.PIPE, stderr=null, bufsize=0
        ) as process:
            assert process.stdout  # noqa: S101 - it is a pipe
            if process.stdout.read(1):
                self.first_s.append(time.monotonic() - began_s)
            while process.stdout.read(1 << 20):
                pass
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.wall_s.append(time.monotonic() - began_s)
        self.cpu_s.append(usage.ru_utime + usage.ru_stime)
        self.peak_kb = max(self.peak_kb, usage.ru_maxrss)


def others(folder: Path) -> dict[str, list[str]]:
    """Return the commands of other programs that are there, by what the table calls them."""
    paths = sorted(str(each) for each in folder.rglob("*.zst"))
    files = shlex.join(paths)
    rg = shutil.which("rg") or shutil.which("rg", path=str(Path(sys.executable).parent))
    found = {"zstd -dc | grep -c": ["sh", "-c", f"zstd -dc {files} | grep -c {WORD}"]} if shutil.which("zstd") else {}
    if rg and found:
        found["zstd -dc | rg -c"] = ["sh", "-c", f"zstd -dc {files} | {shlex.quote(rg)} -c {WORD}"]
        found["rg -z -c"] = [rg, "-z", "-c", WORD, *paths]
    if shutil.which("zstdgrep"):
        found["zstdgrep -c"] = ["zstdgrep", "-c", WORD, *paths]
    if shutil.which("lnav"):
        found[LNAV] = ["lnav", "-n", "-c", f":filter-in {WORD}", *paths]
    if not rg:
        print("there is no rg on PATH nor beside Python: compared with grep")
    return found


def measured(folder: Path, environment: dict[str, str]) -> dict[str, Runs]:
    """Run all commands in turn, some times."""
    search = [sys.executable, "-m", "sinks", "search", "--utc", "--config", str(folder / "sinks.yml")]
    runs = {name: Runs([*search, *words]) for name, words in BY_INDEX.items()}
    runs |= {name: Runs([*search, words[0], "archive", *words[1:]]) for name, words in BY_READING.items()}
    runs |= {name: Runs([*search, *words]) for name, words in LONG.items()}
    runs |= {name: Runs(command) for name, command in others(folder / "logs").items()}
    for number in range(RUNS):
        for name, each in runs.items():
            if name not in ONCE or not number:
                each.run(environment)
    return runs


def show(runs: dict[str, Runs]) -> None:
    """Print the table; ratios are to the first of REFERENCES that was run."""
    reference = next((runs[each] for each in REFERENCES if each in runs), None)
    print(f"{'':<38}{'seconds':>9}{'first':>7}{'CPU s':>9}{'peak MiB':>10}{'ratio':>8}")
    for name, each in runs.items():
        wall_s, first_s = median(each.wall_s), median(each.first_s) if each.first_s else 0
        ratio = f"{wall_s / median(reference.wall_s):8.2f}" if reference else ""
        peak_mib = each.peak_kb / 1024
        print(f"{name:<38}{wall_s:9.2f}{first_s:7.2f}{median(each.cpu_s):9.2f}{peak_mib:10.0f}{ratio}")


def main() -> int:
    """Make an archive, and measure."""
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else 1000
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as cache:
        folder = Path(name)
        size_bytes = archive.make(folder, size_mb * 1_000_000)
        environment = {each: value for each, value in os.environ.items() if each != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": cache, "TZ": "UTC"}
        rebuild = [sys.executable, "-m", "sinks", "index", "rebuild", "--config", str(folder / "sinks.yml")]
        began_s = time.monotonic()
        subprocess.run(rebuild, env=environment, check=True)
        took_s = time.monotonic() - began_s
        files = list((folder / "logs").rglob("*.zst"))
        packed, index = (sum(each.stat().st_size for each in some) for some in (files, folder.rglob("index.db*")))
        print(
            f"{size_bytes / 1e6:,.0f} MB in {len(files)} files, {packed / 1e6:,.0f} MB compressed, "
            f"index {index / 1e6:.1f} MB ({100 * index / size_bytes:.2f} %), made exact in {took_s:.0f} s, "
            f"{os.cpu_count()} CPUs"
        )
        show(measured(folder, environment))
    return 0


if __name__ == "__main__":
    sys.exit(main())
