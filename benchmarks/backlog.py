"""A backlog: a file is shipped with --once into sinks, from the start of the shipper's process until all is written.

Beside each run, as the measure of this machine at that moment, the same file goes through a pipe, `zstd -1 | zstd -d`.
The file sink's copy is compared with the source byte for byte.
"""

import random
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import shapes
from benchmarks.processes import MB, Stage, await_that, cpu_s, finish, forget_peak, resident_mb

ARCHIVE = '{type: file, path: "{folder}/copy.log"}'
CLASSIC = '{type: file, path: "{folder}/copy.log", queue: {type: classic}}'
AS_JSON = '{type: file, path: "{folder}/copy.log", format: json}'
ERRORS = '{type: severity, min: warning, write: {type: file, path: "{folder}/errors.log"}}'
CONSOLE = "{type: console, format: json}"
QUIET_S = 0.5
"""A sink whose output nobody keeps has finished when it has written nothing for so long."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to ship a backlog; `options` are more keys of the shipper's input, each with a comma before it.

    `verbatim`: the archive is the source, byte for byte.
    """

    name: str
    shape: str = "log4j"
    sinks: tuple[tuple[str, str], ...] = (("archive", ARCHIVE),)
    options: str = ""
    module: str = "shipper"
    sink_module: str = "sinks"
    verbatim: bool = True


EVERYTHING = Variant("everything on")
NO_SEVERITY = Variant("no severity", options=", format: plain")
VARIANTS = (
    Variant("three sinks", sinks=(("archive", ARCHIVE), ("errors", ERRORS), ("console", CONSOLE))),
    Variant("file as JSON", sinks=(("archive", AS_JSON),), verbatim=False),
    Variant("multiline: java", shape="stack traces", options=", multiline: {preset: java}"),
    Variant("redact: email", shape="addresses", options=", redact: {presets: [email]}", verbatim=False),
    Variant("drop: debug", options=", drop: [{severities: [debug]}]", verbatim=False),
    Variant("no compression", module="benchmarks.uncompressed"),
    Variant("classic queue", sinks=(("archive", CLASSIC),)),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Lines of a shape on disk: one file or, where `files` says so, several beneath the folder `path`."""

    path: Path
    lines: int
    files: int = 1

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [self.path] if self.files == 1 else sorted(self.path.iterdir())

    @property
    def size(self) -> int:
        """Bytes, of all files."""
        return sum(path.stat().st_size for path in self.paths)


def make(root: Path, shape: str, size_bytes: int, files: int = 1) -> Source:
    """Write lines of a shape beneath `root`, into so many files."""
    path = root / f"{shape.replace(' ', '-')}-{size_bytes}-{files}.log"
    if files == 1:
        return Source(path, shapes.write(path, shape, size_bytes))
    path.mkdir()
    lines = sum(shapes.write(path / f"{number}.log", shape, size_bytes // files) for number in range(files))
    return Source(path, lines, files)


def make_all(root: Path, names: Iterable[str], size_bytes: int) -> dict[str, Source]:
    """Write a file of each shape, on all cores."""
    with ProcessPoolExecutor() as pool:
        made = {name: pool.submit(make, root, name, size_bytes) for name in names}
        return {name: each.result() for name, each in made.items()}


def enlarge_all(root: Path, folder: Path, size_bytes: int) -> dict[str, Source]:
    """Write a file of copies of each `*.log` beneath `folder`, with other digits in each copy."""
    return {
        path.stem: _enlarged(path, root / f"{path.stem}-enlarged.log", size_bytes) for path in folder.rglob("*.log")
    }


def _enlarged(original: Path, path: Path, size_bytes: int) -> Source:
    body, rng, lines = original.read_bytes().rstrip(b"\n") + b"\n", random.Random(1), 0
    with path.open("wb") as file:
        while file.tell() < size_bytes:
            digits = bytes(rng.sample(b"0123456789", 10))
            file.write(body.translate(bytes.maketrans(b"0123456789", digits)))
            lines += body.count(b"\n")
    return Source(path, lines)


def ship(stage: Stage, variant: Variant, source: Source) -> dict[str, float]:
    """Ship `source` once; return what it took. Raises if a copy is none."""
    folder = stage.folder()
    beam = stage.beam
    forget_peak(beam)
    broker_s = cpu_s(beam)
    with stage.sinks(folder, dict(variant.sinks), variant.sink_module) as pids:
        began = time.perf_counter()
        pattern = source.path if source.files == 1 else source.path / "*.log"
        pid = stage.shipper(folder, f'{{paths: ["{pattern}"]{variant.options}}}', "--once", module=variant.module)
        shipper = finish(pid)
        if shipper.code:
            raise RuntimeError(f"the shipper ended with {shipper.code}")
        copy = folder / "copy.log"
        if variant.verbatim:
            await_that(lambda: _size(copy) >= source.size)
        took_s = time.perf_counter() - began
        if not variant.verbatim:
            took_s = max(took_s, _last_change(lambda: _size(copy)) - began)
        if "console" in pids:
            took_s = max(took_s, _last_change(lambda: _written(pids["console"])) - began)
        if variant.verbatim and source.files == 1:
            subprocess.run(["cmp", source.path, copy], check=True)
    broker_s = cpu_s(beam) - broker_s
    gigabytes = source.size / 1e9
    for output in folder.glob("*.log"):
        output.unlink()
    return {
        "s": took_s,
        "million lines/s": source.lines / took_s / 1e6,
        "MB/s": source.size / MB / took_s,
        "shipper, CPU s/GB": shipper.cpu_s / gigabytes,
        "broker, CPU s/GB": broker_s / gigabytes,
        "sinks, CPU s/GB": sum(each.cpu_s for each in stage.used.values()) / gigabytes,
        "shipper, peak MB": shipper.peak_mb,
        "broker, peak MB": resident_mb(beam, peak=True),
        "sinks, peak MB": max(each.peak_mb for each in stage.used.values()),
    }


def reference(stage: Stage, source: Source) -> float:
    """Return how many seconds the same bytes take through `zstd -1 | zstd -d` into a file."""
    copy = stage.root / "reference"
    began = time.perf_counter()
    subprocess.run(["sh", "-c", 'zstd -q -1 -c "$0" | zstd -q -d -c > "$1"', source.path, copy], check=True)
    took_s = time.perf_counter() - began
    copy.unlink()
    return took_s


def beside_reference(stage: Stage, variant: Variant, source: Source) -> dict[str, float]:
    """Return `ship`'s figures, and the ratio to the reference run right after it."""
    figures = ship(stage, variant, source)
    pipe_s = reference(stage, source)
    return {**figures, "pipe, million lines/s": source.lines / pipe_s / 1e6, "times the pipe": figures["s"] / pipe_s}


def _last_change(of: Callable[[], int]) -> float:
    """Return when a number changed last, once it has not changed for a while."""
    known, at = -1, time.perf_counter()
    while time.perf_counter() - at < QUIET_S:
        now = of()
        if now != known:
            known, at = now, time.perf_counter()
        time.sleep(0.02)
    return at


def _size(path: Path) -> int:
    """Return the size of an output, which is done before its sink is: that saves its index a second later."""
    return path.stat().st_size if path.exists() else 0


def _written(pid: int) -> int:
    """Return how many bytes a process has written."""
    return int(Path(f"/proc/{pid}/io").read_text().split("wchar: ")[1].split()[0])
