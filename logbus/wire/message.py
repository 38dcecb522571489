"""An AMQP message, as our own code sees it: no type of an AMQP library, and nothing checked yet."""

import functools
import re
from collections.abc import Mapping

from msgspec import Struct, field

MAX_WORD_BYTES = 64
_NOT_IN_A_WORD = re.compile(r"[^A-Za-z0-9_-]")


class Message(Struct, frozen=True):
    """An AMQP message, independent of pika; header values have the types that pika accepts and returns."""

    body: bytes
    routing_key: str = ""
    type: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    message_id: str | None = None
    timestamp: int | None = None
    app_id: str | None = None
    user_id: str | None = None
    reply_to: str | None = None
    correlation_id: str | None = None
    headers: Mapping[str, object] = field(default_factory=dict)


@functools.lru_cache(1024)
def word(text: str) -> str:
    """Return `text` as one word of a routing key, which no dot, star or hash can turn into several."""
    return _NOT_IN_A_WORD.sub("_", text)[:MAX_WORD_BYTES] or "_"
