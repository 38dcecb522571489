"""An AMQP message, as our own code sees it: no type of an AMQP library, and nothing checked yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
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
    headers: Mapping[str, object] = field(default_factory=dict)
