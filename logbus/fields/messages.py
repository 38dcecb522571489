"""Which field of an object or of pairs is its message."""

from collections.abc import Mapping
from typing import Final

from logbus.decoding import decoded
from logbus.fields.parsed import Value

KEYS: Final = (
    "message", "msg", "@message", "@m", "renderedmessage", "@mt", "messagetemplate", "short_message", "event",
    "textpayload", "log", "text", "body",
)  # fmt: skip
"""The keys of a message, in any case, the first ones first. `message`: zerolog, logstash, ECS, log4j2, journald; `msg`:
pino, bunyan, zap, logrus, slog, MongoDB, Caddy; `@message`: hclog; `@m`, `@mt`, `RenderedMessage`: Serilog;
`short_message`: GELF; `event`: structlog; `textPayload`: Google Cloud; `log`: Docker, Fluent Bit; `Body`:
OpenTelemetry."""
NESTED: Final = (
    ("fields", "message"),
    ("record", "message"),
    ("jsonpayload", "message"),
    ("jsonpayload", "msg"),
    ("body", "stringvalue"),
    ("event", "message"),
    ("message", "text"),
)
"""Those in an object: Rust's tracing, loguru, Google Cloud, OpenTelemetry, Splunk's collector."""
_BYTE_MAX: Final = 255


def message_in(fields: Mapping[str, Value]) -> bytes | None:
    """Return the first text under a key of a message that is not empty, or None."""
    text = fields.get("message") or fields.get("msg")
    if not text or not isinstance(text, str):
        text = _in_any_case(fields).removesuffix("\n")
    return text.encode() if text else None


def _in_any_case(fields: Mapping[str, Value]) -> str:
    lowered = _lowered(fields)
    for outer, inner in NESTED[:2]:  # loguru's `text` is the whole line
        if text := _text(_inside(lowered, outer).get(inner)):
            return text
    for key in KEYS:
        if text := _text(lowered.get(key)):
            return text
    for outer, inner in NESTED[2:]:
        if text := _text(_inside(lowered, outer).get(inner)):
            return text
    return _from_bytes(fields.get("MESSAGE"))


def _lowered(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return fields by their names in lower case; of names that only differ in case, the first counts."""
    return {key.lower(): value for key, value in reversed([*fields.items()])}


def _inside(lowered: Mapping[str, Value], name: str) -> Mapping[str, Value]:
    value = lowered.get(name)
    return _lowered(value) if isinstance(value, dict) else {}


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _from_bytes(value: Value) -> str:
    """Return journald's message that is not printable text: an array of its bytes."""
    if not isinstance(value, list) or not all(type(each) is int and 0 <= each <= _BYTE_MAX for each in value):
        return ""
    return decoded(bytes(value))  # type: ignore[arg-type] # checked above
