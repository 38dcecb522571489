"""Batches as JSON objects, one a line."""

import time
from collections.abc import Iterator

from logbus.batch import Batch
from sinks import objects
from sinks.event_times import timed_parts
from sinks.parsed import Which
from sinks.printable import inert_json
from sinks.sink import BatchRefused

AT_ONCE_BYTES = 1 << 19
"""More would not stay in the processor's cache."""
NAMES_MAX_BYTES = 128 << 20
LINE_BYTES = 64


def pieces(batch: Batch, which: Which) -> Iterator[bytes]:
    """Yield a batch as JSON, a megabyte or so at a time. Raises BatchRefused if host and path are absurdly long."""
    now_us = time.time_ns() // 1000
    begin = inert_json(objects.shared(batch, now_us).decode()).encode()
    for part, when in timed_parts(batch, _records_at_once(batch), now_us):
        yield objects.lines(part, begin, when, which, shown=True)


def as_json(batch: Batch, which: Which = "all") -> bytes:
    """Return a batch as JSON, one object and line per record."""
    return b"".join(pieces(batch, which))


def _records_at_once(batch: Batch) -> int:
    name_bytes = 4 * len(batch.host + batch.label + batch.path)
    if name_bytes * len(batch.levels) > NAMES_MAX_BYTES:
        raise BatchRefused(
            "show the batch", f"names of {name_bytes} bytes before {len(batch.levels)} records are too many"
        )
    return AT_ONCE_BYTES // (name_bytes + LINE_BYTES) + 1
