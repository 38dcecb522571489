"""An archive for the benchmarks of the search: written by the product's own file sink, and settled.

Twenty hosts and seven days, an output for each host and day, `.zst`. Lines are those of `benchmarks.shapes`; each host
has so many different batches of ten minutes, and their times move on. In three of them, one in the newest hour, a line
has a word that no other has.
"""

import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from benchmarks.shapes import SHAPES, records
from logbus.batch import Batch
from logbus.severity import classify
from sinks.file import Settings, open_sink
from sinks.sink import Context, Sink

HOSTS: Final = 20
DAYS: Final = 7
MINUTES: Final = 10
"""In a batch."""
BATCHES: Final = DAYS * 24 * 60 // MINUTES
VARIANTS: Final = 6
SHAPES_USED: Final = ("log4j", "ISO 8601", "JSON, level first")
START_S: Final = 1_792_368_000
"""2026-10-19 in UTC."""
WORD: Final = b"needle-4711"
COMMIT_BATCHES: Final = 50
_LINE_BYTES: Final = 170
_BASE: Final = "2026-11-24"
"""The day of the shapes' times."""


def make(folder: Path, size_bytes: int) -> int:
    """Write an archive, its configuration and its state; return its size before compression, in bytes."""
    template = f"{folder}/logs/{{host}}/{{date}}.log.zst"
    keys = f"{{type: file, path: '{template}', compress: zstd, settle: false}}"
    (folder / "sinks.yml").write_text(f"state: {folder}/state\nsinks:\n  archive: {keys}\n")
    state = folder / "state" / "archive"
    state.mkdir(parents=True)
    settings = Settings(path=template, compress="zstd", late_days=36_525, settle=False)
    sink = open_sink(settings, Context("archive", state, lambda _output, _mark: None, is_new=True))
    written = 0
    for number, batch in enumerate(_batches(size_bytes), 1):
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
    time.sleep(0.01)  # its thread keeps up with a broker, not with a loop


def _batches(size_bytes: int) -> Iterator[Batch]:
    """Yield what the hosts send, in order of time."""
    lines = size_bytes // (HOSTS * BATCHES) // _LINE_BYTES
    bodies = {host: cycle([_body(host, variant, lines) for variant in range(VARIANTS)]) for host in range(HOSTS)}
    offsets = [0] * HOSTS
    marked = {(3, 100), (11, BATCHES // 2), (7, BATCHES - 2)}
    for number in range(BATCHES):
        for host in range(HOSTS):
            body = _at(next(bodies[host]), number)
            if (host, number) in marked:
                body = body.replace(b" request ", b" %b " % WORD, 1)
            end_us = (START_S + (number + 1) * MINUTES * 60) * 1_000_000
            yield Batch(
                body, classify(body), host=f"web-{host}", label="shop", path="/var/log/shop.log",
                stream=f"{host:016x}", offset=offsets[host], end=offsets[host] + len(body), read_at_us=end_us,
            )  # fmt: skip
            offsets[host] += len(body)


def _body(host: int, variant: int, lines: int) -> bytes:
    """Return lines of ten minutes, beginning at midnight of `_BASE`."""
    shape = SHAPES[SHAPES_USED[host % len(SHAPES_USED)]]
    some = islice(records(host * VARIANTS + variant), lines)
    step_us = MINUTES * 60_000_000 // lines
    return "".join(f"{shape(each._replace(at_us=at * step_us))}\n" for at, each in enumerate(some)).encode()


def _at(body: bytes, number: int) -> bytes:
    """Return lines as of the ten minutes with this number."""
    when = time.gmtime(START_S + number * MINUTES * 60)
    for between in (" ", "T"):
        then = time.strftime(f"%Y-%m-%d{between}%H:%M", when)[:-1]
        body = body.replace(f"{_BASE}{between}00:0".encode(), then.encode())
    return body
