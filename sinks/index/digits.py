"""The severity digit of each line of what was written, and how many lines have each. Pure."""

from itertools import accumulate, repeat
from operator import mul

from logbus.batch import Batch, levels_of
from logbus.native import fast_text, newlines
from logbus.severity.tally import SEVERITIES, counts_of
from logbus.wire.batch import count_lines

__all__ = ["SEVERITIES", "counts_of", "of_lines"]

_LF = 0x0A
_DIGITS = [b"%c" % digit for digit in range(256)]


def of_lines(batch: Batch, *, closed: bool = False) -> bytes:
    """Return the digit of each line of a batch's body; `closed`: each record ends its line, though it may lack LF.

    A record's further lines have its digit. A line of which several records are parts has that of the worst.
    """
    if batch.lengths is None:
        return batch.levels
    levels, sizes = levels_of(batch), list(filter(None, batch.lengths.sizes))
    lines = count_lines(batch.body)
    if len(sizes) == lines and newlines.sizes(batch.body) == sizes:  # each record is a line
        return levels
    found = _of_whole_records(batch.body, levels, sizes)
    return found if closed or len(found) == lines else _of_torn_lines(batch.body, levels, sizes)


def _of_whole_records(body: bytes, levels: bytes, sizes: list[int]) -> bytes:
    """Return the digits if each record ends with its last line; more than there are lines, if one does not."""
    starts, lasts = accumulate(sizes, initial=0), accumulate(sizes[1:], initial=sizes[0] - 1)
    further = map((fast_text.of(body) or body).count, repeat(b"\n"), starts, lasts)
    return b"".join(map(mul, map(_DIGITS.__getitem__, levels), map((1).__add__, further)))


def _of_torn_lines(body: bytes, levels: bytes, sizes: list[int]) -> bytes:
    """Return the digits where a line may have parts of several records."""
    at, found, goes_on = 0, bytearray(), False
    for level, size in zip(levels, sizes, strict=True):
        is_whole = body[at + size - 1] == _LF
        lines = body.count(b"\n", at, at + size) + (not is_whole)
        if goes_on:
            found[-1] = min(found[-1], level)
            lines -= 1
        found += b"%c" % level * lines
        goes_on = not is_whole
        at += size
    return bytes(found)
