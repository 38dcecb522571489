"""Conversion between pika's messages and ours; header decoding that no message can crash.

Headers are whatever somebody published. pika decodes them while it reads the frame, and crashes on some: a timestamp
beyond the year 9999 (OverflowError), tables nested thousands deep (RecursionError). The message would be redelivered
after each reconnect and crash every bound sink. So pika's decoder of a value is replaced here, once, by one that
returns timestamps as numbers, and None for what is nested deeper than anybody needs. Measured on pika 1.4.4.
"""

import struct

import pika
import pika.data

from logbus.wire.message import Message

TRANSIENT, PERSISTENT = 1, 2
MAX_DEPTH = 32
INT64_MAX = 2**63 - 1

_decode_value = pika.data.decode_value
_depth = [0]
_uint8 = struct.Struct(">B").unpack_from
_uint32 = struct.Struct(">I").unpack_from
_int64 = struct.Struct(">q").unpack_from


def _decode_short(encoded: bytes, offset: int) -> tuple[str | bytes, int]:
    """Decode a short string as pika does, in half the time: a batch has twenty."""
    begin = offset + 1
    end = begin + _uint8(encoded, offset)[0]
    try:
        return encoded[begin:end].decode(), end
    except UnicodeDecodeError:
        return encoded[begin:end], end


def _decode_safely(encoded: bytes, offset: int) -> tuple[object, int]:
    """Decode one header value of a frame; return it and the offset of the next. The usual kinds come first."""
    kind = encoded[offset : offset + 1]
    if kind in {b"S", b"x"}:
        begin = offset + 5
        end = begin + _uint32(encoded, offset + 1)[0]
        value = encoded[begin:end]
        try:
            return value.decode() if kind == b"S" else value, end
        except UnicodeDecodeError:
            return value, end
    if kind == b"l":
        return _int64(encoded, offset + 1)[0], offset + 9
    if kind == b"T":
        return min(struct.unpack_from(">Q", encoded, offset + 1)[0], INT64_MAX), offset + 9
    if kind in {b"F", b"A"} and _depth[0] >= MAX_DEPTH:
        return None, offset + 5 + int(struct.unpack_from(">I", encoded, offset + 1)[0])
    _depth[0] += 1
    try:
        return _decode_value(encoded, offset)
    finally:
        _depth[0] -= 1


pika.data.decode_value = _decode_safely
pika.data.decode_short_string = _decode_short


def properties_of(message: Message, *, lasting: bool = True) -> pika.BasicProperties:
    """Return a message's properties for pika: persistent, unless it is not `lasting`."""
    return pika.BasicProperties(  # type: ignore[no-untyped-call] # unannotated in pika
        type=message.type,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        message_id=message.message_id,
        timestamp=message.timestamp,
        app_id=message.app_id,
        user_id=message.user_id,
        reply_to=message.reply_to,
        correlation_id=message.correlation_id,
        headers=dict(message.headers),
        delivery_mode=PERSISTENT if lasting else TRANSIENT,
    )


def message_of(routing_key: str, properties: pika.BasicProperties, body: bytes) -> Message:
    """Return pika's delivery as a Message."""
    return Message(
        body=body,
        routing_key=routing_key,
        type=properties.type,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        message_id=properties.message_id,
        timestamp=properties.timestamp,
        app_id=properties.app_id,
        user_id=properties.user_id,
        reply_to=properties.reply_to,
        correlation_id=properties.correlation_id,
        headers=properties.headers or {},
    )
