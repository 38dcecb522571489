"""What is published of records of which some are dropped: bytes, levels and lengths. Pure."""

from collections.abc import Sequence
from itertools import chain, compress
from operator import ne
from typing import Final

from msgspec.structs import replace

from logbus.severity import Severity
from shipper.records.cuts import Finished
from shipper.records.filters import Limiter

_REMEMBERED: Final = 1 << 13
_WARNING: Final = b"%d" % Severity.WARNING
_MILDEST: Final = b"%d" % Severity.DEBUG


class _Same(dict[int, tuple[int, int]]):
    """Sizes -> the pair of a size with itself; to make each anew would cost as much as all else."""

    def __missing__(self, size: int) -> tuple[int, int]:
        if len(self) < _REMEMBERED:
            self[size] = size, size
        return size, size


_SAME: Final = _Same()


def same(sizes: list[int]) -> tuple[tuple[int, int], ...]:
    """Return the lengths of records whose bytes are those of the file."""
    return tuple(map(_SAME.__getitem__, sizes))


def changed(new_sizes: list[int], sizes: list[int]) -> tuple[tuple[int, int], ...]:
    """Return the lengths of records of which few are changed."""
    lengths = list(map(_SAME.__getitem__, sizes))
    for number in compress(range(len(sizes)), map(ne, new_sizes, sizes)):
        lengths[number] = new_sizes[number], sizes[number]
    return tuple(lengths)


def parts(body: bytes, sizes: list[int], starts: list[int], runs: list[tuple[int, int]]) -> tuple[bytes, list[int]]:
    """Return the records in these runs, and their sizes. `starts`: of each record, and the end of the last."""
    left = b"".join(body[starts[first] : starts[last]] for first, last in runs)
    return left, list(chain.from_iterable(sizes[first:last] for first, last in runs))


def with_dropped(
    body: bytes, left: Sequence[tuple[int, int]], levels: bytes, starts: list[int], runs: list[tuple[int, int]]
) -> Finished:
    """Return a batch's parts: `body`, what is left of records that begin at `starts`, and empty ones for the others.

    `runs` are those that are left, and `left` their lengths. Consecutive dropped records become one empty record, with
    the severity of the next one kept, so that it adds nothing to the routing key.
    """
    digits = bytearray()
    lengths: list[tuple[int, int]] = []
    taken = done = 0
    for first, last in [*runs, (len(levels), len(levels))]:
        if first > done:
            digits += levels[first : first + 1] or digits[-1:] or _MILDEST
            lengths.append((0, starts[first] - starts[done]))
        digits += levels[first:last]
        lengths += left[taken : taken + last - first]
        taken, done = taken + last - first, last
    return Finished(body, bytes(digits), tuple(lengths))


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
    return replace(found, body=found.body[:at] + summary + found.body[at:], levels=levels, lengths=tuple(lengths))
