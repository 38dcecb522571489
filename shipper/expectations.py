"""The `tests` section of shipper.yml: the records that a configuration is expected to make of some text."""

from datetime import UTC
from typing import Annotated

import msgspec

from logbus.errors import UsageError
from logbus.severity import parse_severity


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One record: every given key has to match.

    `text`: the published text, without its last newline; `contains`: a part of it; `lines`: how many lines of the file
    it consists of; `dropped`: nothing of it is published; `time`: its event time, in ISO 8601; `message`: what a person
    wants to read of the published text; `fields`: names of fields -> their texts.
    """

    severity: str = ""
    text: str | None = None
    contains: str = ""
    lines: int | None = None
    dropped: bool = False
    time: str = ""
    message: str | None = None
    fields: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Check severity and time. Raises UsageError."""
        if self.severity:
            parse_severity(self.severity)
        if self.time and not _is_time(self.time):
            raise UsageError("expect this", f"{self.time!r} is no time", 'as in "2026-11-24T10:00:00.5Z"')
        if self.dropped and (self.text or self.contains or self.message or self.fields):
            raise UsageError("expect this", "a record that is dropped has no text", "remove one of the two")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text of a file at `path`, handled by the input with the label or number `input`, and the expected records."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    text: Annotated[str, msgspec.Meta(min_length=1)]
    records: list[Expected]
    input: str | int = ""
    path: str = "/var/log/test.log"
    routing_key: str = ""
    fields: dict[str, str] = {}


def _is_time(text: str) -> bool:
    from logbus.eventtime import time_of  # noqa: PLC0415 - its patterns take 18 ms of a start that needs none

    return time_of(text, UTC) is not None
