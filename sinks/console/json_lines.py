"""Batches as JSON objects, one a line."""

import time
from collections.abc import Iterator

from logbus.batch import Batch, split_records
from sinks import objects
from sinks.parsed import Which
from sinks.printable import inert_json
from sinks.sink import BatchRefused

AT_ONCE_BYTES = 4 << 20
NAMES_MAX_BYTES = 128 << 20
LINE_BYTES = 64


def pieces(batch: Batch, which: Which) -> Iterator[bytes]:
    """Yield a batch as JSON, some megabytes at a time. Raises BatchRefused if host and path are absurdly long."""
    for part in split_records(batch, _records_at_once(batch)):
        yield as_json(part, which)


def as_json(batch: Batch, which: Which = "all") -> bytes:
    """Return a batch as JSON, one object and line per record."""
    now_us = time.time_ns() // 1000
    begin = inert_json(objects.shared(batch, now_us).decode()).encode()
    return objects.lines(batch, begin, now_us, which, shown=True)


def _records_at_once(batch: Batch) -> int:
    name_bytes = 4 * len(batch.host + batch.label + batch.path)
    if name_bytes * len(batch.levels) > NAMES_MAX_BYTES:
        raise BatchRefused(
            "show the batch", f"names of {name_bytes} bytes before {len(batch.levels)} records are too many"
        )
    return AT_ONCE_BYTES // (name_bytes + LINE_BYTES) + 1
