"""The wire contract, version 1: a Batch to an AMQP message and back. Pure: no I/O, no AMQP library.

The public description is docs/wire-format.md; implementations in other languages follow it.

`encode` takes our own batches: one that breaks the contract is a programming error, ValueError. `decode` takes
anything: every field of a message is hostile until checked, and a broken contract is a WireError, nothing else.
Both apply the same rules, with one exception: only `decode` counts the lines, which takes a pass over the body; our
own levels were made from the lines, one each. A message that does not claim to be a batch is *foreign*. It is never
wrong, only too large: its body is lines, its severity is classified here, and it has no position.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from logbus import VERSION
from logbus.errors import WireError, counted
from logbus.severity import UNSTATED, Severity, classify, stated
from logbus.wire import bounds, foreign, frames, headers, lengths
from logbus.wire.batch import (
    Batch,
    Head,
    Span,
    count_lines,
    in_parts,
    levels_of,
    records,
    split,
    split_records,
    there,
    trim,
)
from logbus.wire.bounds import DECODE_MAX_BYTES, FOREIGN_MAX_LINES
from logbus.wire.lengths import Lengths
from logbus.wire.message import Message, word
from logbus.wire.selecting import select

__all__ = [
    "DECODE_MAX_BYTES",
    "MAX_BODY_BYTES",
    "MAX_RECORDS",
    "MAX_RECORDS_WITH_LENGTHS",
    "TYPE",
    "Batch",
    "Head",
    "Lengths",
    "Message",
    "Span",
    "decode",
    "encode",
    "head_of",
    "in_parts",
    "levels_of",
    "of_bounded_records",
    "records",
    "routing_key",
    "select",
    "split",
    "split_records",
    "there",
    "trim",
    "word",
]

TYPE = "logbus.batch.v1"
MAX_RECORDS = 65_536
MAX_RECORDS_WITH_LENGTHS = 12_288
MAX_BODY_BYTES = 2 * 1024 * 1024
"""Limit for the batches we make; `logbus.wire.bounds` has the limits for those we accept."""
COMPRESS_MIN_BYTES = 1_024

_Kind = TypeVar("_Kind", bound=Batch)
_VERSIONED = re.compile(r"logbus\.batch\.v([0-9]+)")
_STREAM = re.compile(r"[0-9a-f]{16}")
_DIGITS = b"01234567"


def encode(
    batch: Batch,
    *,
    user_id: str | None = None,
    compress_min_bytes: int = COMPRESS_MIN_BYTES,
    level: int = 1,
) -> Message:
    """Return the message that carries `batch`; `user_id` is the AMQP user that publishes it.

    A body of `compress_min_bytes` or more is sent as one Zstandard frame if that is smaller. Raises ValueError when
    the batch breaks the contract, or when its headers would not fit into AMQP's header frame.
    """
    try:
        table = _headers(batch)
        _hold_to_rules(batch)
    except WireError as error:
        raise ValueError(error.cause) from None
    frame = frames.compress(batch.body, level) if len(batch.body) >= compress_min_bytes else batch.body
    compressed = len(frame) < len(batch.body)
    return Message(
        body=frame if compressed else batch.body,
        routing_key=routing_key(batch.host, batch.label, batch.levels),
        type=TYPE,
        content_type="text/plain",
        content_encoding="zstd" if compressed else None,
        message_id=f"{batch.stream}:{batch.offset}",
        timestamp=batch.read_at_us // 1_000_000,
        app_id=f"logbus/{VERSION}",
        user_id=user_id,
        headers=table,
    )


def decode(message: Message) -> Batch:
    """Return the batch in `message`. Raises WireError when it is too large, or claims to be a batch and is not."""
    bounds.hold(message.body, message.headers)
    version = _VERSIONED.fullmatch(message.type) if isinstance(message.type, str) else None
    if version is None:
        return _decode_foreign(message)
    if message.type != TYPE:
        raise WireError(f"it is a batch of version {version[1][:20]}, and version 1 is the only one known here")
    batch = _decode_batch(message, Batch)
    _hold_to_rules(batch)
    if batch.lengths is None:
        _hold_to_lines(batch)
    return batch


def head_of(message: Message) -> Head | None:
    """Return the batch in `message` without its body; None if it is not compressed, or its headers make no batch."""
    if message.type != TYPE or not message.content_encoding:
        return None
    try:
        bounds.hold(message.body, message.headers)
        head = _decode_batch(message, Head)
        _hold_to_headers(head)
    except WireError:
        return None
    return head


def of_bounded_records(batch: Batch) -> list[Batch]:
    """Return a verbatim batch with a position, cut into parts if it has more records than a message may hold."""
    if len(batch.levels) <= MAX_RECORDS:
        return [batch]
    middle = len(batch.body) // 2
    cut = batch.body.find(b"\n", middle) + 1
    if cut in (0, len(batch.body)):
        cut = batch.body.rfind(b"\n", 0, middle) + 1
    halves = (batch.offset, batch.offset + cut), (batch.offset + cut, batch.end)
    return [part for first, last in halves for part in of_bounded_records(trim(batch, first, last))]


def routing_key(host: str, label: str, levels: bytes) -> str:
    """Return `<host>.<label>.<severity>...`: each severity that occurs in `levels`, most severe first."""
    severities = [Severity(digit - ord("0")).word for digit in _DIGITS if digit in levels]
    return ".".join([word(host), word(label), *severities])


def _headers(batch: Batch) -> dict[str, object]:
    table: dict[str, object] = {
        "host": headers.text("host", batch.host),
        "label": headers.text("label", batch.label),
        "path": headers.path_header(batch.path),
        "stream": batch.stream,
        "offset": batch.offset,
        "end": batch.end,
        "records": len(batch.levels),
        "levels": batch.levels,
        "read_at_us": headers.integer("read_at_us", batch.read_at_us),
        "fields": headers.fields("fields", dict(batch.fields)),
    }
    if batch.times:
        table |= headers.times_headers(batch.times)
    if batch.lengths is not None:
        table["lengths"] = lengths.pack(batch.lengths)
    if batch.partial:
        table["partial"] = True
    _add_fields_text(table, batch.fields)
    if headers.table_bytes(table) > headers.MAX_TABLE_BYTES:
        raise ValueError(f"the headers are longer than {headers.MAX_TABLE_BYTES} bytes")
    return table


def _add_fields_text(table: dict[str, object], fields: Mapping[str, str]) -> None:
    """Add the fields as text, if there are any, and room for them beside the other headers."""
    if fields:
        found = {"fields_json": headers.fields_text(fields)}
        if headers.table_bytes(table) + headers.table_bytes(found) <= headers.MAX_TABLE_BYTES:
            table |= found


def _decode_foreign(message: Message) -> Batch:
    body = foreign.unpacked(message)
    lines = count_lines(body)
    if lines > FOREIGN_MAX_LINES:
        raise WireError(f"its body has {lines} lines, and {FOREIGN_MAX_LINES} are accepted")
    whole = foreign.is_one_record(message.content_type, body)
    levels = classify(foreign.on_one_line(body) if whole else body)
    if len(levels) == 1 and (inner := foreign.enveloped(message.content_type, body)):
        levels = stated(foreign.on_one_line(inner)).replace(UNSTATED, levels)
    return Batch(
        body,
        levels,
        lengths=Lengths([len(body)], [len(body)]) if whole else None,
        times=foreign.sent_at(message.timestamp),
        user=_user(message),
        encoded=message.body if body is not message.body and frames.content_bytes(message.body) is not None else None,
    )


def _decode_batch(message: Message, kind: type[_Kind]) -> _Kind:
    table = message.headers
    levels = headers.raw("levels", headers.required(table, "levels"), MAX_RECORDS)
    count = headers.integer("records", headers.required(table, "records"))
    if count != len(levels):
        raise WireError(
            f"{counted(count, 'record is', 'records are')} announced, and levels are given for {len(levels)}"
        )
    packed = table.get("lengths")
    return kind(
        levels=levels,
        host=headers.text("host", headers.required(table, "host")),
        label=headers.text("label", headers.required(table, "label")),
        path=headers.path("path", table.get("path", "")),
        stream=headers.text("stream", headers.required(table, "stream")),
        offset=headers.integer("offset", headers.required(table, "offset")),
        end=headers.integer("end", headers.required(table, "end")),
        read_at_us=headers.integer("read_at_us", table.get("read_at_us", 0)),
        fields=_fields(table),
        lengths=None if packed is None else _lengths(packed),
        partial=headers.flag("partial", table.get("partial", False)),
        times=headers.times(table),
        user=_user(message),
        body=b"" if kind is Head else _body(message),  # decompressed last, once all else is known to be well-formed
        encoded=message.body if message.content_encoding and kind is not Head else None,
    )


def _fields(table: Mapping[str, object]) -> dict[str, str]:
    """Return the operator's labels from their table, or from their text: RabbitMQ's streams drop tables."""
    if "fields" in table:
        return headers.fields("fields", table["fields"])
    return headers.fields_of_text(table["fields_json"]) if "fields_json" in table else {}


def _lengths(value: object) -> Lengths:
    return lengths.unpack(headers.raw("lengths", value, headers.MAX_TABLE_BYTES))


def _body(message: Message) -> bytes:
    if message.content_encoding == "zstd":
        return frames.decompress(message.body, DECODE_MAX_BYTES)
    if message.content_encoding:
        raise WireError("its content_encoding is neither zstd nor absent")
    return message.body


def _user(message: Message) -> str:
    return message.user_id if isinstance(message.user_id, str) else ""


def _hold_to_rules(batch: Batch) -> None:
    """Raise WireError when `batch` breaks the contract."""
    _hold_to_headers(batch)
    if len(batch.body) > DECODE_MAX_BYTES:
        raise WireError(f"its body is longer than {DECODE_MAX_BYTES} bytes")
    if batch.lengths is not None:
        _hold_to_lengths(batch, batch.lengths)
    elif batch.end - batch.offset != len(batch.body):
        raise WireError(f"its body has {counted(len(batch.body), 'byte')}, its position {batch.end - batch.offset}")


def _hold_to_headers(batch: Batch) -> None:
    if not _STREAM.fullmatch(batch.stream):
        raise WireError("its stream is not 16 hexadecimal digits")
    if not 0 <= batch.offset < batch.end <= headers.MAX_INT:
        raise WireError(f"its position [{batch.offset}, {batch.end}) is none")
    if len(batch.levels) > MAX_RECORDS or batch.levels.translate(None, _DIGITS):
        raise WireError(f"its levels are not at most {MAX_RECORDS} digits from 0 to 7")


def _hold_to_lines(batch: Batch) -> None:
    lines = count_lines(batch.body)
    if lines != len(batch.levels):
        raise WireError(f"its body has {counted(lines, 'line')}, and levels are given for {len(batch.levels)}")


def _hold_to_lengths(batch: Batch, each: Lengths) -> None:
    if len(each) != len(batch.levels) or len(each) > MAX_RECORDS_WITH_LENGTHS:
        raise WireError(f"its {len(each)} lengths are not one for each of at most {MAX_RECORDS_WITH_LENGTHS} records")
    if sum(each.sizes) != len(batch.body):
        raise WireError("its lengths do not add up to its body")
    if min(each.sources, default=0) < 1 or sum(each.sources) != batch.end - batch.offset:
        raise WireError("its lengths do not add up to its position")
