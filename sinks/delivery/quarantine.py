"""What a dead letter keeps of a message: all of anything a shipper may have made, the beginning of anything larger."""

from typing import Final

from msgspec.structs import replace

from logbus.batch import MAX_BODY_BYTES, Message
from logbus.wire.bounds import MAX_VALUES, Excerpt, values_in

WHOLE_BYTES_HEADER: Final = "logbus-whole-bytes"
"""The length of the whole body, on an excerpt of it."""


def letter_of(message: Message) -> Message:
    """Return the dead letter for `message`; an excerpt states the length of the whole."""
    body = message.body
    if not isinstance(body, Excerpt):
        body = Excerpt(body, len(body)) if len(body) > MAX_BODY_BYTES else body
    headers = dict(message.headers) if values_in(message.headers) <= MAX_VALUES else {}
    if isinstance(body, Excerpt):
        headers = {**headers, WHOLE_BYTES_HEADER: body.whole_bytes}
    return replace(message, body=body, headers=headers)
