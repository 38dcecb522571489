"""The keys of a console sink."""

from typing import Literal

import msgspec

from logbus.config.patterns import compile_glob, compile_pattern
from sinks.parsed import Which


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a console sink.

    `format`; which records: globs for `host`, `label` and each `field`, a pattern `grep`; `parsed`: whose fields are
    shown as JSON. As text: `raw`, or else which `fields`; the time in `utc`, with its `date`, as `read_time`; `color`.
    """

    format: Literal["text", "json"] = "text"
    host: str = "*"
    label: str = "*"
    grep: str = ""
    field: dict[str, str] = {}
    parsed: Which = "objects"
    raw: bool = False
    fields: list[str] = []
    utc: bool = False
    date: bool = False
    read_time: bool = False
    color: Literal["auto", "always", "never"] = "auto"

    def __post_init__(self) -> None:
        """Check pattern and globs. Raises UsageError."""
        if self.grep:
            compile_pattern(self.grep)
        for glob in self.field.values():
            compile_glob(glob)
