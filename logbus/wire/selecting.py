"""Some of a batch's records, such as those of some severities; the others are dropped on purpose."""

import re
from itertools import accumulate
from operator import mul
from typing import Final

from msgspec.structs import replace

from logbus.native import newlines
from logbus.wire.batch import Batch
from logbus.wire.lengths import Lengths

_WANTED: Final = re.compile(b"\1+")


def select(batch: Batch, mask: bytes | bytearray) -> Batch:
    """Return `batch` with only the records whose `mask` is 1; the others, with 0, count as dropped on purpose."""
    lengths = batch.lengths
    sizes = newlines.sizes(batch.body) if lengths is None else lengths.sizes
    starts = list(accumulate(sizes, initial=0))
    body = b"".join([batch.body[starts[run.start()] : starts[run.end()]] for run in _WANTED.finditer(mask)])
    left = Lengths(list(map(mul, sizes, mask)), sizes if lengths is None else lengths.sources)
    return replace(batch, body=body, lengths=left, encoded=None)
