"""What is said about an input's records: the keys that a `Recorder` follows."""

from typing import Annotated

import msgspec

from logbus.errors import UsageError
from logbus.severity import Severity, parse_severity
from shipper.records.encoding import Name as EncodingName
from shipper.records.filters import RateLimit, Selection
from shipper.records.levels import FormatName, Said, reader_of
from shipper.records.multiline import Multiline
from shipper.records.redaction import Redact

LEAST_RECORD_BYTES = 1024
MOST_RECORD_BYTES = 1024 * 1024


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where records end, how severe they are, and what of them leaves the host."""

    encoding: EncodingName = ""
    format: FormatName = "auto"
    level_key: str = ""
    pattern: str = ""
    levels: dict[str, str] = {}
    default_severity: str = "info"
    multiline: Multiline | None = None
    keep: list[Selection] = []
    drop: list[Selection] = []
    rate_limit: RateLimit | list[RateLimit] | None = None
    redact: Redact | None = None
    max_record_bytes: Annotated[int, msgspec.Meta(ge=LEAST_RECORD_BYTES, le=MOST_RECORD_BYTES)] = MOST_RECORD_BYTES

    def __post_init__(self) -> None:
        """Raise UsageError for what types do not express."""
        try:
            self.severity()
        except UsageError as error:
            cause = f"default_severity {self.default_severity!r} is no severity"
            raise UsageError("use the severity", cause, error.hint) from error
        reader_of(self.said())

    def said(self) -> Said:
        """Return what is said about the format."""
        return Said(self.format, self.level_key, self.pattern, self.levels)

    def rate_limits(self) -> list[RateLimit]:
        """Return the rate limits, none or several."""
        return self.rate_limit if isinstance(self.rate_limit, list) else [self.rate_limit] if self.rate_limit else []

    def severity(self) -> Severity:
        """Return the severity of records that state none."""
        return parse_severity(self.default_severity)
