"""Which records somebody wants to see: by severity, host, label, fields and text. In linear time, whatever is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from logbus.batch import Batch, records
from logbus.config.patterns import Glob, Pattern, compile_glob, compile_pattern
from logbus.errors import UsageError
from logbus.severity import Severity, parse_severity
from sinks.where import Where

ALL: Final = frozenset(b"01234567")
FIELDS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Filter:
    """The wanted `digits` of severities, globs for `host` and `label`, conditions for fields, and a pattern."""

    digits: frozenset[int] = ALL
    host: Glob | None = None
    label: Glob | None = None
    where: Where | None = None
    pattern: Pattern | None = None

    def mask(self, batch: Batch) -> bytes:
        """Return 1 for each wanted record of a batch and 0 for each other; those dropped on purpose are not wanted."""
        if (self.host and not self.host(batch.host)) or (self.label and not self.label(batch.label)):
            return bytes(len(batch.levels))
        mask = there(batch)
        if self.digits != ALL:
            mask = bytes(one and level in self.digits for one, level in zip(mask, batch.levels, strict=True))
        if self.pattern and 1 in mask:
            search = self.pattern.search
            each = zip(mask, records(batch), strict=True)
            mask = bytes(one and search(record) is not None for one, record in each)
        return self.where.narrowed(mask, batch) if self.where and 1 in mask else mask


def there(batch: Batch) -> bytes:
    """Return 1 for each record of a batch that was not dropped on purpose."""
    return b"\1" * len(batch.levels) if batch.lengths is None else bytes(size > 0 for size, _ in batch.lengths)


def filter_of(asked: Mapping[str, str], fields: Iterable[str]) -> Filter:
    """Return the filter that a URL asks for: min, severity, host, label, text; `fields` as NAME=GLOB.

    Raises UsageError.
    """
    conditions = _conditions(fields)
    return Filter(
        digits_of(asked.get("min", ""), asked.get("severity", "")),
        _glob(asked.get("host", "")),
        _glob(asked.get("label", "")),
        Where(conditions) if conditions else None,
        compile_pattern(asked["text"]) if asked.get("text") else None,
    )


def digits_of(least: str, several: str) -> frozenset[int]:
    """Return the digits of the severities from `least` on, or of the list `several`. Raises UsageError."""
    wanted = ALL
    if least:
        wanted &= {ord(f"{each:d}") for each in Severity if each <= parse_severity(least, "min")}
    if several:
        wanted &= {ord(f"{parse_severity(each, 'severity'):d}") for each in several.split(",")}
    return wanted


def _glob(text: str) -> Glob | None:
    return None if text in {"", "*"} else compile_glob(text)


def _conditions(fields: Iterable[str]) -> dict[str, str]:
    found = dict[str, str]()
    for each in fields:
        name, sign, glob = each.partition("=")
        if not (name and sign):
            raise UsageError("filter by a field", f"{each!r} is no NAME=GLOB", "as in http.status=5*")
        found[name] = glob
    if len(found) > FIELDS_MAX:
        raise UsageError("filter by fields", f"there are more than {FIELDS_MAX}")
    return found
