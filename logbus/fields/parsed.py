"""What is known of a record once it is parsed."""

from collections.abc import Mapping

import msgspec

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
"""A value as JSON has them; under a column or in a logfmt pair always text."""


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """A record's `message`, which is what a person wants to read of it, and its `fields`.

    `format` is the spelling that matched: `json`, `logfmt`, the name of a format with columns, or `text`. `stream` is
    `stdout` or `stderr` for what a container runtime wrapped, otherwise "".
    """

    message: bytes
    fields: Mapping[str, Value]
    format: str
    stream: str = ""
