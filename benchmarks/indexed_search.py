"""How fast does a search answer by the index? Seconds, for an archive that a file sink wrote and the index settled.

    python -m benchmarks.indexed_search [MB]

Makes an archive of MB (default 1000) before compression, of eight hosts and seven days, by the product's own file sink:
`.zst`, an output for each host and day. Then each question is asked some times, each in a process of its own; what is
shown are medians, with the start of Python, beside the same question without the index.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.search import Runs
from logbus.batch import Batch
from sinks.file import Settings, open_sink
from sinks.sink import Context, Sink

RUNS: Final = 5
HOSTS: Final = 8
DAYS: Final = 7
MINUTES: Final = 10
"""In a batch."""
BATCHES_A_DAY: Final = 24 * 60 // MINUTES
START_S: Final = 1_792_368_000
"""2026-10-19 in UTC."""
COMMIT_BATCHES: Final = 50
QUESTIONS: Final = {
    "errors of one host in five minutes": [
        *("--host", "web-3", "--min", "err", "--since", "2026-10-21T10:00Z", "--until", "2026-10-21T10:05Z"),
    ],
    "--count-by hour,severity of a week": ["--count-by", "hour,severity"],
    "--count --min err of a week": ["--count", "--min", "err"],
    "all critical records of a week": ["--min", "crit"],
}
_KINDS: Final = (
    (6, "INFO [worker-%d] com.example.Shop - order %d was placed by a customer in the usual way, and is being packed"),
    (6, "INFO [worker-%d] com.example.Stock - article %d is in stock, in the second hall on the left, shelf 4711"),
    (4, "WARN [worker-%d] com.example.Stock - article %d is nearly out of stock, and nobody has ordered any more"),
    (3, "ERROR [worker-%d] com.example.Shop - order %d failed: java.lang.IllegalStateException: no stock"),
)
_WEIGHTS: Final = (0, 1, 0, 0, 1, 1, 0, 2, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 3)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a batch; `@` stands for the ten minutes in which they are."""

    body: bytes
    digits: bytes


def lines_of(size_bytes: int, host: int) -> Lines:
    """Return lines of about that size."""
    body, digits, count = [], bytearray(), max(1, size_bytes // 130)
    for number in range(count):
        digit, text = _KINDS[_WEIGHTS[(number * 7 + host) % len(_WEIGHTS)]]
        minute, second = divmod(number * MINUTES * 60 // count, 60)
        body.append(f"@{minute}:{second:02},{number % 1000:03} {text % (number % 16, number * 7919 % 1_000_003)}\n")
        digits += b"%d" % digit
    return Lines("".join(body).encode(), bytes(digits))


def batches(size_bytes: int) -> Iterator[Batch]:
    """Yield what the hosts send, in order of time."""
    several = [lines_of(size_bytes // (HOSTS * DAYS * BATCHES_A_DAY), host) for host in range(HOSTS)]
    offsets = [0] * HOSTS
    for number in range(DAYS * BATCHES_A_DAY):
        at_s = START_S + number * MINUTES * 60
        stamp = time.strftime("%Y-%m-%d %H:%M", time.gmtime(at_s))[:-1].encode()
        for host, lines in enumerate(several):
            body = lines.body.replace(b"@", stamp)
            yield Batch(
                body, lines.digits, host=f"web-{host}", label="shop", path="/var/log/shop.log", stream=f"{host:016x}",
                offset=offsets[host], end=offsets[host] + len(body), read_at_us=(at_s + MINUTES * 60) * 1_000_000,
            )  # fmt: skip
            offsets[host] += len(body)


def make(folder: Path, size_bytes: int) -> int:
    """Write an archive, its configuration and its index; return its size before compression, in bytes."""
    template = f"{folder}/logs/{{host}}/{{date}}.log.zst"
    keys = f"{{type: file, path: '{template}', compress: zstd}}"
    (folder / "sinks.yml").write_text(f"state: {folder}/state\nsinks:\n  archive: {keys}\n")
    state = folder / "state" / "archive"
    state.mkdir(parents=True)
    settings = Settings(path=template, compress="zstd")
    sink = open_sink(settings, Context("archive", state, lambda _output, _mark: None, is_new=True))
    written = 0
    for number, batch in enumerate(batches(size_bytes), 1):
        sink.write(batch)
        written += len(batch.body)
        if number % COMMIT_BATCHES == 0:
            _commit(sink)
    _commit(sink)
    sink.close()
    return written


def _commit(sink: Sink) -> None:
    sink.commit()
    getattr(sink, "committed")()  # noqa: B009 - the sink has more than the interface
    time.sleep(0.02)  # its thread keeps up with a broker, not with a loop


def ask(folder: Path, cache: Path) -> None:
    """Ask the questions, by the index and without it, and show what that took."""
    environment = {each: value for each, value in os.environ.items() if each != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(cache), "TZ": "UTC"}
    search = [sys.executable, "-m", "sinks", "search", "--utc"]
    subprocess.run(
        [*search[:-2], "index", "rebuild", "--config", str(folder / "sinks.yml")], env=environment, check=True
    )
    print(f"{'':<44}{'seconds':>9}{'CPU s':>9}{'peak MiB':>10}{'without':>9}")
    for question, words in QUESTIONS.items():
        indexed = Runs([*search, "--config", str(folder / "sinks.yml"), *words])
        plain = Runs([*search, "--path", str(folder / "logs"), *words])
        for _ in range(RUNS):
            indexed.run(environment)
        plain.run(environment)
        took_s, cpu_s = median(indexed.wall_s), median(indexed.cpu_s)
        print(f"{question:<44}{took_s:9.2f}{cpu_s:9.2f}{indexed.peak_kb / 1024:10.0f}{plain.wall_s[0]:9.2f}")


def main() -> None:
    """Make an archive, and measure."""
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as cache:
        folder = Path(name)
        size_bytes = make(folder, size_mb * 1_000_000)
        files = [each for each in (folder / "logs").rglob("*") if each.is_file()]
        packed = sum(each.stat().st_size for each in files)
        print(
            f"{size_bytes / 1e6:.0f} MB in {len(files)} files, {packed / 1e6:.0f} MB compressed, {os.cpu_count()} CPUs"
        )
        ask(folder, Path(cache))
        print(f"the index: {(folder / 'state' / 'archive' / 'index.db').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
