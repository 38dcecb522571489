"""Records as a file sink writes them: unchanged, with a prefix, or as JSON objects. Pure.

    raw       exactly the source's bytes
    prefix    2026-11-24T10:04:05.123456Z web-1 app err the text
    json      {"host":...,"label":...,"path":...,"read_time":...,"fields":{...},"severity":...,"message":...,
               "time":...,"event_time":...,"parsed":{...}}

The time is the record's event time. Exactly once holds for each format: duplicates are skipped before they are wrapped.
In JSON, bytes that are not UTF-8 are backslash escapes, a batch without fields has no `fields`, and a record that is
only text has no `parsed`.
"""

import os
import time
from collections.abc import Callable, Iterator
from itertools import islice

from logbus.batch import Batch, records
from logbus.severity import Severity
from sinks import objects
from sinks.event_times import clocks_of, timed_parts
from sinks.file.settings import Format
from sinks.parsed import Which
from sinks.sink import BatchRefused

PIECE_BYTES = 1 << 20
"""The approximate size of the pieces in which wrapped records are made: more would not stay in the cache."""
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
    begin = {level: b" %s %s " % (names, word.encode()) for level, word in _WORDS.items()}
    when = clocks_of(batch, time.time_ns() // 1000)
    lines = zip(*when, batch.levels, records(batch), strict=True)
    wrapped = (
        b"%b.%bZ%b%b\n" % (*when, begin[level], line.removesuffix(b"\n")) for *when, level, line in lines if line
    )
    at_once = _at_once(batch, len(names))
    return iter(lambda: b"".join(islice(wrapped, at_once)), b"")


def as_json(batch: Batch, which: Which = "objects") -> Iterator[bytes]:
    """Yield the records as objects, one per line."""
    now_us = time.time_ns() // 1000
    begin = objects.shared(batch, now_us)
    for part, when in timed_parts(batch, _at_once(batch, len(begin)), now_us):
        yield objects.lines(part, begin, when, which)


WRAPPINGS: dict[Format, Callable[[Batch], Iterator[bytes]]] = {"raw": raw, "prefix": prefix, "json": as_json}


def _at_once(batch: Batch, overhead_bytes: int) -> int:
    """Return how many records make a piece. Raises BatchRefused if the names before the records add too much."""
    if overhead_bytes * len(batch.levels) > ADDED_MAX_BYTES:
        raise BatchRefused(
            "write the batch", f"{overhead_bytes} bytes before each of {len(batch.levels)} records are too many"
        )
    return PIECE_BYTES // (overhead_bytes + LINE_BYTES) + 1
