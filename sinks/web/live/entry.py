"""Records of one batch, and their JSON: made when somebody first wants it, and once for all who do."""

import os
import time
from collections.abc import Mapping, Sequence
from itertools import compress, islice
from typing import Final

import msgspec
from msgspec.structs import replace

from logbus.batch import Batch, in_parts, select, there
from logbus.decoding import decoded
from sinks import objects
from sinks.event_times import clocks_of
from sinks.printable import inert_json

NAME_MAX: Final = 1024
FIELDS_MAX_BYTES: Final = 4096
LINE_MAX_BYTES: Final = 64 << 10
MESSAGE_MAX: Final = 16_000
"""Characters that are shown of a record whose line is longer."""
Stream = tuple[str, str, str]
"""Host, label and path."""


class Entry:
    """The records of `batch` that are there; `place`: how many records the hub had seen at its end."""

    __slots__ = ("__weakref__", "_lines", "batch", "count", "place")

    def __init__(self, batch: Batch, place: int) -> None:
        self.batch = batch
        self.place = place
        self.count = there(batch).count(1)
        self._lines: list[bytes] | None = None

    @property
    def stream(self) -> Stream:
        """Whose records they are."""
        return stream_of(self.batch)

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return len(self.batch.body)

    def lines(self) -> list[bytes]:
        """Return a JSON object for each record."""
        if self._lines is None:  # two threads may both make them: they are equal
            self._lines = list(map(_bounded, _lines_of(self.batch)))
        return self._lines


def stream_of(batch: Batch) -> Stream:
    """Return whose records a batch has."""
    return batch.host[:NAME_MAX], batch.label[:NAME_MAX], decoded(os.fsencode(batch.path[:NAME_MAX]))


def newest(batch: Batch, place: int, most: int) -> tuple[Entry, int]:
    """Return an entry of the newest `most` records of a batch, and how many older ones it lacks."""
    mask = there(batch)
    left_out = mask.count(1) - most
    if left_out <= 0:
        return Entry(batch, place), 0
    if batch.lengths is None:
        _, kept = in_parts(batch, (left_out, most))
        return Entry(kept, place), left_out
    older = islice(compress(range(len(mask)), mask), left_out)
    wanted = bytearray(mask)
    for number in older:
        wanted[number] = 0
    return Entry(select(batch, wanted), place), left_out


def _lines_of(batch: Batch) -> Sequence[bytes]:
    host, label, path = (each[:NAME_MAX] for each in (batch.host, batch.label, batch.path))
    batch = replace(batch, host=host, label=label, path=path, fields=_few(batch.fields))
    now_us = time.time_ns() // 1000
    begin = inert_json((objects.shared(batch, now_us) + b',"stream":"%b"' % batch.stream.encode()).decode()).encode()
    return objects.lines(batch, begin, clocks_of(batch, now_us), "none", shown=True).split(b"\n")[:-1]


def _few(fields: Mapping[str, str]) -> dict[str, str]:
    """Return an operator's labels, or none of them if they are too long to stand beside each record."""
    found = dict(fields)
    return found if len(msgspec.json.encode(found)) <= FIELDS_MAX_BYTES else {}


def _bounded(line: bytes) -> bytes:
    """Return a line that is not too long: with less of its message, if need be."""
    if len(line) <= LINE_MAX_BYTES:
        return line
    record = msgspec.json.decode(line)
    cut = {"message": record["message"][:MESSAGE_MAX], "cut": True}
    return inert_json(msgspec.json.encode(record | cut).decode()).encode()
