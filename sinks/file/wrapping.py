"""Records as a file sink writes them: unchanged, with a prefix, or as JSON objects. Pure.

    raw       exactly the source's bytes
    prefix    2026-11-24T10:04:05.123456Z web-1 app err the text
    json      {"time":...,"host":...,"label":...,"path":...,"fields":{...},"severity":...,"message":...}

The time is when the shipper read the record. Exactly once holds for each format: duplicates are skipped before they
are wrapped. In JSON, bytes that are not UTF-8 are backslash escapes, and a batch without fields has no `fields`.
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal

import msgspec

from logbus.batch import Batch, records, split_records
from logbus.decoding import decoded
from logbus.severity import Severity
from sinks import objects
from sinks.sink import BatchRefused

Format = Literal["raw", "prefix", "json"]
LAST_US = 253_402_300_799_999_999
"""9999-12-31, in microseconds since 1970."""

PIECE_BYTES = 4 << 20
"""The approximate size of the pieces in which wrapped records are made."""
LINE_BYTES = 64
ADDED_MAX_BYTES = 128 << 20
"""The most that the names before its records may add to a batch."""

_WORDS = {ord(f"{severity:d}"): severity.word for severity in Severity}
_BLANKS = bytes.maketrans(b" \t\r\n\0", b"_____")


def raw(batch: Batch) -> Iterator[bytes]:
    """Yield the bytes; a foreign batch (no position) gets a missing last newline."""
    lacks = not batch.stream and batch.body and not batch.partial and not batch.body.endswith(b"\n")
    yield batch.body + b"\n" if lacks else batch.body


def prefix(batch: Batch) -> Iterator[bytes]:
    """Yield the records, each on a line after its time, host, label and severity."""
    names = b" ".join(os.fsencode(name).translate(_BLANKS) or b"-" for name in (batch.host, batch.label))
    begin = {level: b"%s %s %s " % (_when(batch).encode(), names, word.encode()) for level, word in _WORDS.items()}
    lines = zip(batch.levels, records(batch), strict=True)
    wrapped = (begin[level] + line.removesuffix(b"\n") + b"\n" for level, line in lines if line)
    at_once = _at_once(batch, len(names))
    return iter(lambda: b"".join(islice(wrapped, at_once)), b"")


def as_json(batch: Batch) -> Iterator[bytes]:
    """Yield the records as objects, one per line."""
    common: dict[str, object] = {
        "time": _when(batch),
        "host": batch.host,
        "label": batch.label,
        "path": decoded(os.fsencode(batch.path)),
    }
    if batch.fields:
        common["fields"] = dict(batch.fields)
    begin = msgspec.json.encode(common)[:-1]
    for part in split_records(batch, _at_once(batch, len(begin))):
        yield objects.lines(part, begin, b'"}\n')


WRAPPINGS: dict[Format, Callable[[Batch], Iterator[bytes]]] = {"raw": raw, "prefix": prefix, "json": as_json}


def _at_once(batch: Batch, overhead_bytes: int) -> int:
    """Return how many records make a piece. Raises BatchRefused if the names before the records add too much."""
    if overhead_bytes * len(batch.levels) > ADDED_MAX_BYTES:
        raise BatchRefused(
            "write the batch", f"{overhead_bytes} bytes before each of {len(batch.levels)} records are too many"
        )
    return PIECE_BYTES // (overhead_bytes + LINE_BYTES) + 1


def _when(batch: Batch) -> str:
    read_at_us = min(batch.read_at_us or time.time_ns() // 1000, LAST_US)
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=read_at_us)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")
