"""Records as JSON objects, one a line, for sinks that write them. Pure.

What all records of a batch share is encoded once, the text of all at once, and one join makes the lines: a record costs
a few pointers, and no call.
"""

import os
from itertools import accumulate, compress
from typing import TYPE_CHECKING

import msgspec

from logbus.batch import Batch, records, there
from logbus.decoding import decoded
from logbus.severity import Severity
from sinks.event_times import Clocks, clocks
from sinks.parsed import Which, fields_as_json
from sinks.printable import inert_json, is_plain
from sinks.texts import texts

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEVERITIES = {ord(f"{severity:d}"): f',"severity":"{severity.word}","message":"'.encode() for severity in Severity}
_NO_CONTROLS = bytes([*b"\t\n", *range(0x20, 0x100)])


def shared(batch: Batch, now_us: int) -> bytes:
    """Return the beginning of each object: what all records of a batch have in common."""
    [read_time] = clocks([batch.read_at_us or now_us])
    common: dict[str, object] = {
        "host": batch.host,
        "label": batch.label,
        "path": decoded(os.fsencode(batch.path)),
        "read_time": read_time.decode(),
    }
    if batch.fields:
        common["fields"] = dict(batch.fields)
    return msgspec.json.encode(common)[:-1]


def lines(batch: Batch, begin: bytes, when: Clocks, which: Which, *, shown: bool = False) -> bytes:
    """Return each record behind `begin`: its severity, message, event time and, of `which` records, the fields.

    `when`: their event times. `shown`, on a console: with offsets, and without anything that a terminal would obey.
    """
    text = _text(batch, inert=shown)
    messages = text.split(b"\n")[: len(batch.levels)]
    severities = list(map(_SEVERITIES.__getitem__, batch.levels))
    parsed = _parsed(batch, which, inert=shown)
    columns: list[Iterable[bytes]] = [severities, messages, *_times(when), *([parsed] if any(parsed) else ())]
    if shown:
        columns.insert(0, _offsets(batch, messages if text == batch.body.removesuffix(b"\n") else None))
    if 0 in (mask := there(batch)):
        columns = [compress(column, mask) for column in columns]
    begin = begin + b',"offset":' if shown else begin
    return _joined(begin, [list(column) for column in columns], b"}\n" if any(parsed) else b'Z"}\n')


def _times(when: Clocks) -> tuple[list[bytes], ...]:
    """Return the columns of both times, up to the last Z."""
    begins = {each: (b'","time":"%b.' % each, b'Z","event_time":"%b.' % each) for each in set(when.seconds)}
    both = list(map(begins.__getitem__, when.seconds))
    return [one for one, _ in both], when.fractions, [other for _, other in both], when.fractions


def _parsed(batch: Batch, which: Which, *, inert: bool) -> list[bytes]:
    """Return what is behind the last Z of each object, up to its end; all empty if no record has fields."""
    found = fields_as_json(batch, which)
    if not any(found):
        return found
    if inert and not is_plain(joined := b"\n".join(found)):
        found = inert_json(joined.decode()).encode().split(b"\n")
    return [b'Z","parsed":' + each if each else b'Z"' for each in found]


def _joined(begin: bytes, columns: list[list[bytes]], end: bytes) -> bytes:
    count, step = len(columns[0]), len(columns) + 1
    if not count:
        return b""
    cells = [end + begin] * (step * count)
    cells[0] = begin
    for place, column in enumerate(columns, 1):
        cells[place::step] = column
    cells.append(end)
    return b"".join(cells)


def _text(batch: Batch, *, inert: bool) -> bytes:
    """Return the records' texts, a line each, escaped for JSON: all at once if there are no control characters."""
    plain = is_plain(batch.body)
    if batch.lengths is None and (plain or not batch.body.translate(None, _NO_CONTROLS)):
        text = _escaped(batch.body.removesuffix(b"\n"))
    else:
        text = b"\n".join(msgspec.json.encode(each or "")[1:-1] for each in texts(batch))
    return inert_json(text.decode()).encode() if inert and not plain else text


def _escaped(body: bytes) -> bytes:
    body = body if body.isascii() else decoded(body).encode()
    return body.replace(b"\\", rb"\\").replace(b'"', rb"\"").replace(b"\t", rb"\t")


def _offsets(batch: Batch, lines: list[bytes] | None) -> list[bytes]:
    """Return the offset of each record in its source; null without a position. `lines`: the records, if at hand."""
    count = len(batch.levels)
    if not batch.stream:
        return [b"null"] * count
    if batch.lengths is not None:
        sizes: Iterable[int] = batch.lengths.sources
    else:
        sizes = [len(each) + 1 for each in lines] if lines else map(len, records(batch))
    numbers = msgspec.json.encode(list(accumulate(sizes, initial=batch.offset)))  # four times as fast as str of each
    return numbers[1:-1].split(b",")[:count]
