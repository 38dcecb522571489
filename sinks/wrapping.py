"""Records as a file sink writes them: as they came, behind a prefix, or as JSON objects. Pure.

    raw       exactly the source's bytes
    prefix    2026-11-24T10:04:05.123456Z web-1 app err the text
    json      {"time":...,"host":...,"label":...,"path":...,"fields":{...},"severity":...,"message":...}

The time is when the shipper read the record. Exactly once holds for each: what comes twice is left out before it is
wrapped. In JSON, bytes that are not UTF-8 are backslash escapes, and a batch without fields has no `fields`.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from logbus.batch import Batch, records
from logbus.severity import Severity

Format = Literal["raw", "prefix", "json"]
LAST_US = 253_402_300_799_999_999
"""9999-12-31, in microseconds since 1970."""

_WORDS = {ord(f"{severity:d}"): severity.word for severity in Severity}
_BLANKS = bytes.maketrans(b" \t\r\n\0", b"_____")


def raw(batch: Batch) -> bytes:
    """Return the bytes; a foreign batch (no position) gets the newline that it lacks."""
    lacks = not batch.stream and batch.body and not batch.body.endswith(b"\n")
    return batch.body + b"\n" if lacks else batch.body


def prefix(batch: Batch) -> bytes:
    """Return the records, each on a line behind its time, host, label and severity."""
    names = b" ".join(os.fsencode(name).translate(_BLANKS) or b"-" for name in (batch.host, batch.label))
    begin = {level: b"%s %s %s " % (_when(batch).encode(), names, word.encode()) for level, word in _WORDS.items()}
    lines = zip(batch.levels, records(batch), strict=True)
    return b"".join(begin[level] + line.removesuffix(b"\n") + b"\n" for level, line in lines if line)


def as_json(batch: Batch) -> bytes:
    """Return the records as objects, each on a line."""
    common: dict[str, object] = {
        "time": _when(batch),
        "host": batch.host,
        "label": batch.label,
        "path": _text(os.fsencode(batch.path)),
    }
    if batch.fields:
        common["fields"] = dict(batch.fields)
    lines = zip(batch.levels, records(batch), strict=True)
    objects = [common | {"severity": _WORDS[level], "message": _text(line)} for level, line in lines if line]
    return b"".join(msgspec.json.encode(each) + b"\n" for each in objects)


WRAPPINGS: dict[Format, Callable[[Batch], bytes]] = {"raw": raw, "prefix": prefix, "json": as_json}


def _text(line: bytes) -> str:
    return line.removesuffix(b"\n").removesuffix(b"\r").decode(errors="backslashreplace")


def _when(batch: Batch) -> str:
    read_at_us = min(batch.read_at_us or time.time_ns() // 1000, LAST_US)
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=read_at_us)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")
