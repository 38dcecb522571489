"""What is published of records of which some are dropped: bytes, levels and lengths. Pure."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from msgspec.structs import replace

from logbus.severity import Severity
from logbus.wire.lengths import Lengths
from shipper.records.cuts import Finished
from shipper.records.filters import Limiter

_WARNING: Final = b"%d" % Severity.WARNING
_MILDEST: Final = b"%d" % Severity.DEBUG


def parts(body: bytes, sizes: Sequence[int], starts: list[int], runs: list[tuple[int, int]]) -> tuple[bytes, list[int]]:
    """Return the records in these runs, and their sizes. `starts`: of each record, and the end of the last."""
    left = b"".join(body[starts[first] : starts[last]] for first, last in runs)
    return left, list(chain.from_iterable(sizes[first:last] for first, last in runs))


def with_dropped(body: bytes, left: Lengths, levels: bytes, starts: list[int], runs: list[tuple[int, int]]) -> Finished:
    """Return a batch's parts: `body`, what is left of records that begin at `starts`, and empty ones for the others.

    `runs` are those that are left, and `left` their lengths. Consecutive dropped records become one empty record, with
    the severity of the next one kept, so that it adds nothing to the routing key.
    """
    digits = bytearray()
    sizes: list[int] = []
    sources: list[int] = []
    taken = done = 0
    for first, last in [*runs, (len(levels), len(levels))]:
        if first > done:
            digits += levels[first : first + 1] or digits[-1:] or _MILDEST
            sizes.append(0)
            sources.append(starts[first] - starts[done])
        digits += levels[first:last]
        end = taken + last - first
        sizes += left.sizes[taken:end]
        sources += left.sources[taken:end]
        taken, done = end, last
    return Finished(body, bytes(digits), Lengths(sizes, sources))


def with_summary(found: Finished, limiter: Limiter) -> Finished:
    """Add a limiter's summary behind the first record that can spare a byte of the file, that of its newline."""
    lengths = list(found.lengths or ())
    spare = next((number for number, (size, source) in enumerate(lengths) if size and source > 1), None)
    if spare is None:
        return found
    summary = limiter.summary()
    size, source = lengths[spare]
    at = sum(each for each, _ in lengths[: spare + 1])
    lengths[spare : spare + 1] = [(size, source - 1), (len(summary), 1)]
    levels = found.levels[: spare + 1] + _WARNING + found.levels[spare + 1 :]
    return replace(found, body=found.body[:at] + summary + found.body[at:], levels=levels, lengths=Lengths.of(lengths))
