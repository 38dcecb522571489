"""Growth: lines a second and peak memory against the backlog's size, the number of files, and the number of sinks."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.backlog import ARCHIVE, EVERYTHING, Variant, make, ship
from benchmarks.processes import Stage

SOME_BYTES = 200_000_000
FILES = (1, 10, 100, 1_000)
SINKS = (1, 2, 4)


def sizes(stage: Stage, sizes_bytes: tuple[int, ...]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a name and the figures for each size of the backlog."""
    for size in sizes_bytes:
        yield from _shipped(stage, f"{size / 1e9:g} GB", EVERYTHING, size, 1)


def files(stage: Stage) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a name and the figures for each number of files."""
    for count in FILES:
        yield from _shipped(stage, f"{count} files", EVERYTHING, SOME_BYTES, count)


def sinks(stage: Stage) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a name and the figures for each number of file sinks."""
    for count in SINKS:
        more = [(f"more-{n}", ARCHIVE.replace("copy.log", f"{n}.log")) for n in range(1, count)]
        variant = replace(EVERYTHING, sinks=(("archive", ARCHIVE), *more))
        yield from _shipped(stage, f"{count} file sinks", variant, SOME_BYTES, 1)


def _shipped(
    stage: Stage, name: str, variant: Variant, size: int, count: int
) -> Iterator[tuple[str, dict[str, float]]]:
    source = make(stage.folder(), variant.shape, size, count)
    yield name, ship(stage, variant, source)
    for path in source.paths:
        path.unlink()
