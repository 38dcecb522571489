"""How fast is an archive searched? Seconds for some questions, beside `zstd -dc FILES | grep -c WORD`; best of 3.

    python -m benchmarks.search [MB]

Makes an archive of MB (default 400) before compression, in `.zst` files of frames of 1 MiB as a sink writes them, of
several shapes of lines. Nothing is cached but by the operating system. `peak` is the memory of the whole process.
"""

import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.shapes import SHAPES, records
from logbus.wire import frames

RUNS: Final = 3
HOSTS: Final = 8
LINES: Final = 6_000
SHAPES_USED: Final = ("log4j", "ISO 8601", "JSON, level first", "syslog")
WORD: Final = "needle-4711"
QUESTIONS: Final = {
    "a rare word": [WORD],
    "a rare word, by time": [WORD, "--since", "2026-11-24T00:00Z", "--until", "2026-11-25T00:00Z"],
    "a pattern": [r"needle-\d+"],
    "-i": ["-i", WORD],
    "errors of five minutes": ["--min", "err", "--since", "2026-11-24T00:05Z", "--until", "2026-11-24T00:10Z"],
    "--count-by hour,severity": ["--count-by", "hour,severity"],
    "all of them": ["--raw", ""],
}


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


def best_s(command: list[str]) -> float:
    """Return the seconds of the fastest of some runs."""
    return min(_took_s(command) for _ in range(RUNS))


def _took_s(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - began


def main() -> None:
    """Make an archive, and measure."""
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size_bytes = make(folder, size_mb * 1_000_000)
        packed = sum(each.stat().st_size for each in folder.iterdir())
        print(f"{size_bytes / 1e6:.0f} MB in {HOSTS} files, {packed / 1e6:.0f} MB compressed, {os.cpu_count()} CPUs")
        for question, words in QUESTIONS.items():
            print(f"{question:<28}{best_s(_search(folder, words)):6.2f} s", flush=True)
        peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"{'peak of the largest':<28}{peak_kb / 1024:6.0f} MiB")
        if shutil.which("zstd"):
            files = shlex.join(map(str, sorted(folder.iterdir())))
            took_s = best_s(["sh", "-c", f"zstd -dc {files} | grep -c {WORD}"])
            print(f"{'zstd -dc | grep -c':<28}{took_s:6.2f} s")


def _search(folder: Path, words: list[str]) -> list[str]:
    return [sys.executable, "-m", "sinks", "search", "--utc", "--path", str(folder), *words]


if __name__ == "__main__":
    main()
