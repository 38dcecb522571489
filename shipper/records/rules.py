"""The rules for an input's records: the keys that a `Recorder` applies."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from logbus.config.patterns import compile_pattern
from logbus.errors import UsageError
from logbus.severity import Severity, parse_severity
from shipper.records.encoding import Name as EncodingName
from shipper.records.encoding import Newline, encoding_of
from shipper.records.filters import RateLimit, Selection
from shipper.records.levels import FormatName, Said, reader_of
from shipper.records.redaction.presets import Redact

if TYPE_CHECKING:
    from logbus.eventtime import TimeRules

LEAST_RECORD_BYTES = 1024
MOST_RECORD_BYTES = 1024 * 1024

MOST_LINES: Final = 10_000
LARGEST_BYTES: Final = 128 * 1024
"""A quarter of a read, or half of a decoded one: so a full read always contains a complete record."""


class Multiline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of `multiline`: a `preset`, or patterns for lines that `start`, `continue` or `end` a record.

    A record has at most `max_lines` and `max_bytes`. A file's last record ends when the file was quiet for `flush_s`.
    """

    preset: Literal["", "java", "python", "go", "dotnet", "node", "ruby", "php", "rust", "indent"] = ""
    start: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    end: str = ""
    max_lines: Annotated[int, msgspec.Meta(ge=2, le=MOST_LINES)] = 1000
    max_bytes: Annotated[int, msgspec.Meta(ge=512, le=LARGEST_BYTES)] = 64 * 1024
    flush_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 1.0

    def __post_init__(self) -> None:
        """Check that there is either a preset or patterns. Raises UsageError."""
        if bool(self.preset) == bool(self.start or self.continue_ or self.end):
            raise UsageError("use multiline", "it needs either a preset or patterns", "as in preset: java")
        for pattern in filter(None, (self.start, self.continue_, self.end)):
            compile_pattern(pattern)


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Record boundaries, severities, times, and which parts of records leave the host."""

    encoding: EncodingName = ""
    newline: Newline = "lf"
    format: FormatName = "auto"
    level_key: str = ""
    pattern: str = ""
    levels: dict[str, str] = {}
    default_severity: str = "info"
    inherit: bool = True
    time: Literal["auto", "off"] = "auto"
    timezone: str = ""
    time_key: str = ""
    time_format: str = ""
    multiline: Multiline | None = None
    keep: list[Selection] = []
    drop: list[Selection] = []
    rate_limit: RateLimit | list[RateLimit] | None = None
    redact: Redact | None = None
    max_record_bytes: Annotated[int, msgspec.Meta(ge=LEAST_RECORD_BYTES, le=MOST_RECORD_BYTES)] = MOST_RECORD_BYTES

    def __post_init__(self) -> None:
        """Check what types cannot express. Raises UsageError."""
        self.severity()
        reader_of(self.said())
        self._check_times()
        if self.encoding and self.newline != "lf":
            raise UsageError("use newline", f"with encoding: {self.encoding}, newline can only be lf", "remove newline")

    def _check_times(self) -> None:
        if self.time == "off" and (self.timezone or self.time_key or self.time_format):
            raise UsageError("use time", "with time: off, no other key about times has an effect", "remove one of them")
        if self.timezone or self.time_format:
            from logbus import eventtime  # noqa: PLC0415 - its patterns take 18 ms of a start that needs none

            if self.timezone:
                eventtime.zone_named(self.timezone)
            if self.time_format:
                eventtime.compile_format(self.time_format)

    def times(self, read_at_us: int) -> "TimeRules | None":
        """Return how to read the times of records read at `read_at_us`; None if that is off. Raises UsageError."""
        if self.time == "off":
            return None
        from logbus import eventtime  # noqa: PLC0415 - as above

        zone = eventtime.zone_named(self.timezone) if self.timezone else eventtime.host_zone()
        return eventtime.TimeRules(zone, self.time_key or None, self.time_format or None, read_at_us)

    def said(self) -> Said:
        """Return the keys about the format."""
        return Said(self.format, self.level_key, self.pattern, self.levels)

    def unwraps(self) -> bool:
        """Return True if the lines of a container runtime are read by what they hold."""
        return self.format in ("auto", "docker", "cri") and not encoding_of(self.encoding).decodes

    def rate_limits(self) -> list[RateLimit]:
        """Return the list of rate limits, which may be empty."""
        return self.rate_limit if isinstance(self.rate_limit, list) else [self.rate_limit] if self.rate_limit else []

    def severity(self) -> Severity:
        """Return the severity of records that state none."""
        return parse_severity(self.default_severity, "default_severity")
