"""The severity digit of each line of what was written, and how many lines have each. Pure."""

import io
from itertools import compress
from operator import itemgetter

from logbus.batch import Batch
from logbus.severity.tally import SEVERITIES, counts_of

__all__ = ["SEVERITIES", "counts_of", "of_lines", "of_records"]

_LF = 0x0A


def of_lines(batch: Batch, *, closed: bool = False) -> bytes:
    """Return the digit of each line of a batch's body; `closed`: each record ends its line, though it may lack LF.

    A record's further lines have its digit. A line of which several records are parts has that of the worst.
    """
    if batch.lengths is None:
        return batch.levels
    if _are_lines(batch):
        return of_records(batch)
    body, at, found, goes_on = batch.body, 0, bytearray(), False
    for level, (size, _) in zip(batch.levels, batch.lengths, strict=True):
        if not size:
            continue
        is_whole = body[at + size - 1] == _LF
        lines = body.count(b"\n", at, at + size) + (not is_whole)
        if goes_on:
            found[-1] = min(found[-1], level)
            lines -= 1
        found += b"%c" % level * lines
        goes_on = not (is_whole or closed)
        at += size
    return bytes(found)


def _are_lines(batch: Batch) -> bool:
    """Return True if each record is one whole line, as where records were redacted or dropped, and none was joined."""
    sizes = filter(None, map(itemgetter(0), batch.lengths or ()))
    return batch.body.endswith(b"\n") and list(map(len, io.BytesIO(batch.body))) == list(sizes)


def of_records(batch: Batch) -> bytes:
    """Return the digit of each record, except those that were dropped."""
    if batch.lengths is None:
        return batch.levels
    return bytes(compress(batch.levels, map(itemgetter(0), batch.lengths)))
