"""Messages of other programs: how their bodies are unpacked, when one is a record as a whole, and when it was sent.

Nothing here is ever wrong: what is not what its properties say is taken as it came. It can only be too large.
"""

import re
import zlib
from contextlib import suppress
from typing import Final

import msgspec

from logbus.errors import WireError
from logbus.wire import frames
from logbus.wire.bounds import DECODE_MAX_BYTES
from logbus.wire.message import Message
from logbus.wire.times import Times

_CHARSET: Final = "utf-8"
"""Spring and Celery name it beside an encoding, or in place of one."""
_SEPARATORS: Final = re.compile(r"[:,]")
_GZIP: Final = 16 + zlib.MAX_WBITS
_JSON: Final = re.compile(r"application/(?:[\w.-]+\+)?json", re.ASCII)
_ENVELOPE: Final = "application/vnd.masstransit+json"
_EARLIEST_S: Final = 631_152_000
"""1990: before that, a clock was not set."""
_MILLISECONDS_FROM: Final = 10**11
"""The year 5138 in seconds, 1973 in milliseconds, which JavaScript counts in."""
_LATEST_S: Final = 10**10


class _Enveloped(msgspec.Struct):
    message: msgspec.Raw = msgspec.Raw()


_envelope: Final = msgspec.json.Decoder(_Enveloped)
_any_value: Final = msgspec.json.Decoder(msgspec.Raw)


def unpacked(message: Message) -> bytes:
    """Return the body, decompressed if it is what its encoding says. Raises WireError if it is too large then."""
    body = message.body
    encodings = _SEPARATORS.split(_lower(message.content_encoding))
    told = {each.strip() for each in encodings} - {"", _CHARSET}
    if told == {"zstd"} and frames.content_bytes(body) is not None:
        with suppress(frames.NoFrame):
            return frames.decompress(body, DECODE_MAX_BYTES)
    elif told in ({"gzip"}, {"x-gzip"}):
        return _gunzipped(body)
    return body


def _gunzipped(body: bytes) -> bytes:
    """Return the content of one gzip member; `body` itself if it is no such thing, or something follows."""
    decompressor = zlib.decompressobj(_GZIP)
    try:
        found = decompressor.decompress(body, DECODE_MAX_BYTES + 1)
    except zlib.error:
        return body
    if len(found) > DECODE_MAX_BYTES:
        raise WireError(f"its body does not decompress to at most {DECODE_MAX_BYTES} bytes")
    return found if decompressor.eof and not decompressor.unused_data else body


def is_one_record(content_type: object, body: bytes) -> bool:
    """Return True if a body of several lines is one JSON value, by its type; not if its first line is one already."""
    end = body.find(b"\n")
    if end < 0 or end == len(body) - 1 or not _JSON.fullmatch(_media_type(content_type)):
        return False
    first, _, rest = body.lstrip(b" \t\r\n").partition(b"\n")
    return not _is_value(first) or not rest.strip(b" \t\r\n")


def _is_value(line: bytes) -> bool:
    try:
        _any_value.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def enveloped(content_type: object, body: bytes) -> bytes:
    """Return the object under `message` in an envelope of MassTransit; b"" if there is none."""
    if _media_type(content_type) != _ENVELOPE:
        return b""
    try:
        inner = bytes(_envelope.decode(body).message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b""
    return inner if inner.startswith(b"{") else b""


def on_one_line(value: bytes) -> bytes:
    """Return a JSON value without its line ends, which are only between its tokens."""
    return value.replace(b"\r", b" ").replace(b"\n", b" ")


def sent_at(timestamp: object) -> Times | None:
    """Return the times of a message with this timestamp; None without one, or with one that cannot be."""
    if not isinstance(timestamp, int):
        return None
    in_ms = timestamp >= _MILLISECONDS_FROM
    if not _EARLIEST_S <= (timestamp // 1000 if in_ms else timestamp) <= _LATEST_S:
        return None
    time_us = timestamp * (1_000 if in_ms else 1_000_000)
    return Times("", time_us, time_us)


def _media_type(content_type: object) -> str:
    return _lower(content_type).partition(";")[0].strip()


def _lower(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""
