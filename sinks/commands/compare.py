"""Compares the outputs of a file sink with their sources, byte for byte: `audit --against DIR`.

A source is compared if it is still at its path under DIR: the last life of each path, as far as the ledger has it as
written, against the end of its output (with rotated predecessors). Sources that share an output cannot be told apart
there, and are reported as such.
"""

import glob
import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, cast

from msgspec import Struct

from logbus.batch import Batch
from logbus.errors import LogbusError, UsageError, counted, visible
from logbus.wire import frames
from sinks import file
from sinks.commands.coverage import Coverage
from sinks.file import template
from sinks.file.upkeep import rotation

CHUNK_BYTES = 1 << 20

Verdict = Literal["same", "differs", "shared", "not here", "in other order"]


class Comparison(Struct, frozen=True):
    """The result for one source; `at` is the first byte that differs."""

    host: str
    path: str
    verdict: Verdict
    at: int = 0

    def __str__(self) -> str:
        """Return the result as a line."""
        where = f" at byte {self.at}" if self.verdict == "differs" else ""
        return f"{self.verdict}{where}: {visible(self.host)} {visible(self.path)}"


def compare(settings: file.Settings, streams: list[Coverage], against: Path) -> Iterator[Comparison]:
    """Yield a comparison for each host and path. Raises UsageError for a sink that changes bytes, OSError."""
    if settings.format != "raw":
        raise UsageError("compare with sources", f"the sink's format is {settings.format}", "only raw keeps the bytes")
    parsed = template.parse(settings.path)
    latest = {(each.host, each.path): each for each in streams}
    sharing = defaultdict(list)
    for each in latest.values():
        sharing[_pattern(parsed, each)].append(each)
    for pattern, several in sharing.items():
        outputs = [part for path in sorted(parsed.base.glob(pattern)) for part in [*rotation.rotated(path), path]]
        outputs = [path for path in outputs if path.is_file()]
        for each in several:
            yield _compare(each, outputs, settings, against) if len(several) == 1 else _as(each, "shared")


def require_compared(found: list[Comparison], against: Path) -> None:
    """Raise LogbusError if not one source was compared."""
    if found and all(each.verdict == "shared" for each in found):
        cause = "each source shares its output with others, so that they cannot be told apart"
        raise LogbusError("compare with sources", cause, "only outputs of one source each can be compared")
    if all(each.verdict in {"shared", "not here", "in other order"} for each in found):
        example = against / found[0].path.lstrip("/") if found else against
        raise LogbusError(
            "compare with sources",
            f"none of {counted(len(found), 'source')} is at its path under {against}, with all that was written",
            f"give the directory under which the source is at its path, as in {example}; on its own host, that is /",
        )


def _pattern(parsed: template.Template, stream: Coverage) -> str:
    """Return the glob for the outputs of a stream: the ledger has no label or date."""
    pattern = []
    for number, part in enumerate(parsed.parts):
        if number % 2 == 0:
            pattern.append(glob.escape(part))
        elif part in {"label", "date", "hour"} or part.startswith(template.FIELD):
            pattern.append("*")
        else:
            pattern.append(glob.escape(template.Template(parsed.base, ("", part, "")).render(_batch(stream))))
    return "".join(pattern)


def _batch(stream: Coverage) -> Batch:
    return Batch(b"", b"", host=stream.host, path=stream.path, stream=stream.stream)


def _as(stream: Coverage, verdict: Verdict, at: int = 0) -> Comparison:
    return Comparison(stream.host, stream.path, verdict, at)


def _compare(stream: Coverage, outputs: list[Path], settings: file.Settings, against: Path) -> Comparison:
    source = against / stream.path.lstrip("/")
    start, end = stream.ranges[0][0], stream.ranges[-1][1]
    if stream.holes or not source.is_file() or source.stat().st_size < end:
        return _as(stream, "not here")
    total = sum(len(chunk) for chunk in _content(outputs, settings))
    written = _skip(_content(outputs, settings), total - (end - start))
    with source.open("rb") as original:
        original.seek(start)
        at = _difference(original, written, start, end)
    if at is not None and template.parse(settings.path).period_us:  # late records are in the files of their own days
        return _as(stream, _in_any_order(source, outputs, settings, start, end), at)
    return _as(stream, "same") if at is None else _as(stream, "differs", at)


def _in_any_order(source: Path, outputs: list[Path], settings: file.Settings, start: int, end: int) -> Verdict:
    """Return whether outputs hold the same lines, or that it cannot be told, because they hold more."""
    if sum(map(len, _content(outputs, settings))) != end - start:
        return "in other order"
    with source.open("rb") as original:
        original.seek(start)
        wanted = _sum_of_lines(iter(lambda: original.read(min(CHUNK_BYTES, end - original.tell())), b""))
    return "same" if wanted == _sum_of_lines(_content(outputs, settings)) else "differs"


def _sum_of_lines(chunks: Iterator[bytes]) -> int:
    """Return a number that is the same for the same lines in any order."""
    total, rest = 0, b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        total += sum(int.from_bytes(hashlib.blake2b(line, digest_size=16).digest(), "big") for line in lines)
    return total + int.from_bytes(hashlib.blake2b(rest, digest_size=16).digest(), "big")


def _difference(original: BinaryIO, written: Iterable[bytes], at: int, end: int) -> int | None:
    """Return the first place between `at` and `end` where `written` differs from the original, None if nowhere."""
    for chunk in written:
        wanted = original.read(min(len(chunk), end - at))
        if chunk != wanted:
            return at + next((i for i, (a, b) in enumerate(zip(chunk, wanted, strict=False)) if a != b), len(wanted))
        at += len(chunk)
    return None if at == end else at


def _content(outputs: list[Path], settings: file.Settings) -> Iterator[bytes]:
    """Yield the content of the outputs, decompressed."""
    for path in outputs:
        with _opened(path, settings) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk


def _opened(path: Path, settings: file.Settings) -> BinaryIO:
    if path.suffix == ".gz" and rotation.is_rotated(path):
        return cast("BinaryIO", gzip.open(path, "rb"))
    return frames.open_file(path) if settings.compress == "zstd" else path.open("rb")


def _skip(chunks: Iterator[bytes], count_bytes: int) -> Iterator[bytes]:
    for chunk in chunks:
        if count_bytes < len(chunk):
            yield chunk[max(0, count_bytes) :]
        count_bytes -= min(count_bytes, len(chunk))
