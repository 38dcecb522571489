"""The headers of a batch: values that anyone may have written, with types and bounds checked before use.

pika returns a long string as `str` if it is UTF-8 and as `bytes` if not, a byte array as `bytes`, integers of any width
as (a kind of) `int`, tables as `dict`. Other languages choose other types for the same thing, so text and bytes are
accepted either way. An error names the header and its type, never the value: that may be large, or worse.
"""

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from logbus.errors import WireError
from logbus.wire.times import MAX_ZONE_BYTES, Times

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 8_192
MAX_FIELDS = 64
MAX_FIELDS_BYTES = 16 * 1024
MAX_TABLE_BYTES = 120 * 1024
"""Limit for the headers we make: AMQP's header frame is 128 KiB, and properties need some of it."""
MAX_INT = 2**62
_DECODER: Final = msgspec.json.Decoder(dict[str, str])

_KINDS: dict[type, str] = {
    type(None): "nothing",
    bool: "true or false",
    int: "a whole number",
    str: "text",
    bytes: "bytes",
    dict: "a table",
    list: "a list",
}


def required(headers: Mapping[str, object], name: str) -> object:
    """Return a header's value. Raises WireError when it is missing."""
    if name not in headers:
        raise WireError(f"the header {name!r} is missing")
    return headers[name]


def integer(name: str, value: object) -> int:
    """Return an integer from 0 to 2**62. Raises WireError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, value, "a whole number")
    if not 0 <= value <= MAX_INT:
        raise WireError(f"the header {name!r} is outside 0 to 2**62")
    return int(value)


def flag(name: str, value: object) -> bool:
    """Return a boolean. Raises WireError."""
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def raw(name: str, value: object, max_bytes: int) -> bytes:
    """Return a string or a byte array of at most `max_bytes` as bytes. Raises WireError."""
    if not isinstance(value, (str, bytes)):
        raise _wrong(name, value, "text or bytes")
    if len(value) > max_bytes:
        raise WireError(f"the header {name!r} is longer than {max_bytes} bytes")
    try:
        value = value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError:
        raise WireError(f"the header {name!r} is not valid text") from None
    if len(value) > max_bytes:
        raise WireError(f"the header {name!r} is longer than {max_bytes} bytes")
    return value


def text(name: str, value: object, max_bytes: int = MAX_NAME_BYTES) -> str:
    """Return text whose UTF-8 is at most `max_bytes` long. Raises WireError."""
    if isinstance(value, str) and len(value) <= max_bytes and value.isascii():
        return str(value)
    try:
        return raw(name, value, max_bytes).decode()
    except UnicodeDecodeError:
        raise WireError(f"the header {name!r} is not UTF-8") from None


def path(name: str, value: object) -> str:
    """Return a file's path, as `os.fsdecode` gives it, from text or bytes. Raises WireError."""
    if isinstance(value, str) and len(value) <= MAX_PATH_BYTES and value.isascii():
        return str(value)
    return os.fsdecode(raw(name, value, MAX_PATH_BYTES))


def path_header(value: str) -> str | bytes:
    """Return the value for the header `path`: text if the path is UTF-8, otherwise bytes."""
    name = os.fsencode(value)
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name


def fields(name: str, value: object) -> dict[str, str]:
    """Return the operator's labels: a table of text to text, bounded in number and size. Raises WireError."""
    if not isinstance(value, dict):
        raise _wrong(name, value, "a table")
    if len(value) > MAX_FIELDS:
        raise WireError(f"the header {name!r} holds more than {MAX_FIELDS} entries")
    if not value:
        return {}
    table = {text(name, key): text(f"{name} value", each, MAX_FIELDS_BYTES) for key, each in value.items()}
    if sum(len(key.encode()) + len(each.encode()) for key, each in table.items()) > MAX_FIELDS_BYTES:
        raise WireError(f"the header {name!r} is longer than {MAX_FIELDS_BYTES} bytes")
    return table


def fields_text(fields: Mapping[str, str]) -> str:
    """Return the labels as a JSON object: what drops tables, as RabbitMQ's streams do, keeps text."""
    return msgspec.json.encode(fields).decode()


def fields_of_text(value: object) -> dict[str, str]:
    """Return the labels from `fields_text`. Raises WireError."""
    try:
        table = _DECODER.decode(raw("fields_json", value, 6 * MAX_FIELDS_BYTES))  # escapes take up to 6 for 1
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise WireError("the header 'fields_json' is not a JSON object of text") from None
    return fields("fields_json", table)


def times_headers(times: Times) -> dict[str, object]:
    """Return the headers that carry event times."""
    table: dict[str, object] = {
        "timezone": text("timezone", times.zone, MAX_ZONE_BYTES),
        "first_event_us": integer("first_event_us", max(times.first_us, 0)),
        "last_event_us": integer("last_event_us", max(times.last_us, 0)),
    }
    told = {"time_key": times.key, "time_format": times.format}
    return table | {name: text(name, value, MAX_NAME_BYTES) for name, value in told.items() if value}


def times(table: Mapping[str, object]) -> Times | None:
    """Return the event times of a batch; None if it has no `timezone`, or an empty one. Raises WireError."""
    zone = text("timezone", table.get("timezone", ""), MAX_ZONE_BYTES)
    if not zone:
        return None
    return Times(
        zone,
        integer("first_event_us", required(table, "first_event_us")),
        integer("last_event_us", required(table, "last_event_us")),
        text("time_key", table.get("time_key", "")),
        text("time_format", table.get("time_format", "")),
    )


def table_bytes(table: Mapping[str, object]) -> int:
    """Return the size of `table` on the wire, integers counted as 64 bits wide."""
    return 4 + sum(1 + len(name.encode()) + _value_bytes(value) for name, value in table.items())


def _value_bytes(value: object) -> int:
    if isinstance(value, str):
        return 5 + len(value.encode())
    if isinstance(value, bytes):
        return 5 + len(value)
    return 1 + table_bytes(value) if isinstance(value, dict) else 9


def _wrong(name: str, value: object, wanted: str) -> WireError:
    kind = next((words for each, words in _KINDS.items() if isinstance(value, each)), type(value).__name__)
    return WireError(f"the header {name!r} holds {kind}, not {wanted}")
