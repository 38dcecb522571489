"""Bounds on any message, whatever its type, encoding and headers: checked before it is decoded.

A message beyond them goes to the dead letters, as an excerpt. The limits leave room for everything that a shipper
makes, and for what RabbitMQ 4 accepts by default.
"""

from collections.abc import Mapping
from typing import Final, Self

from logbus.errors import WireError

DECODE_MAX_BYTES: Final = 16 * 1024 * 1024
"""The largest body, compressed or not."""
FOREIGN_MAX_LINES: Final = 131_072
MAX_VALUES: Final = 1_024
"""Headers, nested values included; a batch has 13, and at most 64 fields."""
EXCERPT_BYTES: Final = 64 * 1024


class Excerpt(bytes):
    """The beginning of a body; `whole_bytes` is the length of the whole."""

    whole_bytes: int

    def __new__(cls, beginning: bytes, whole_bytes: int) -> Self:
        """Return an excerpt of at most `EXCERPT_BYTES`."""
        excerpt = super().__new__(cls, beginning[:EXCERPT_BYTES])
        excerpt.whole_bytes = whole_bytes
        return excerpt


def hold(body: bytes, headers: Mapping[str, object]) -> None:
    """Raise WireError for a message that is too large to decode."""
    size_bytes = body.whole_bytes if isinstance(body, Excerpt) else len(body)
    if size_bytes > DECODE_MAX_BYTES or isinstance(body, Excerpt):
        raise WireError(f"its body has {size_bytes} bytes, and {DECODE_MAX_BYTES} are accepted")
    if values_in(headers) > MAX_VALUES:
        raise WireError(f"it has more than {MAX_VALUES} headers")


def values_in(value: object) -> int:
    """Return the number of values in headers, nested ones included."""
    if isinstance(value, (dict, list)):
        inside = value.values() if isinstance(value, dict) else value
        return len(value) + sum(values_in(each) for each in inside if isinstance(each, (dict, list)))
    return 0
