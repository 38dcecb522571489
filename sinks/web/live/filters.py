"""Which records somebody wants to see: by severity, host, label, fields and text. In linear time, whatever is asked."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final

from msgspec import Struct

from logbus.batch import Batch, records, there
from logbus.config.patterns import Glob, Pattern, compile_glob, compile_pattern
from logbus.errors import UsageError
from logbus.severity import Severity, parse_severity
from sinks.where import Where

ALL: Final = frozenset(b"01234567")
FIELDS_MAX: Final = 20


class Filter(Struct, frozen=True):
    """The wanted `digits` of severities, globs for `host` and `label`, conditions for fields, and a pattern."""

    digits: frozenset[int] = ALL
    host: Glob | None = None
    label: Glob | None = None
    where: Where | None = None
    pattern: Pattern | None = None

    def mask(self, batch: Batch) -> bytes:
        """Return 1 for each wanted record of a batch and 0 for each other; those dropped on purpose are not wanted."""
        if not self.may_want(batch):
            return bytes(len(batch.levels))
        mask = there(batch)
        if self.digits != ALL:
            mask = bytes(one and level in self.digits for one, level in zip(mask, batch.levels, strict=True))
        if self.pattern and 1 in mask:
            mask = _matching(mask, batch, self.pattern)
        return self.where.narrowed(mask, batch) if self.where and 1 in mask else mask

    def may_want(self, head: Batch) -> bool:
        """Return True unless nothing of a batch can be wanted, whatever its text is."""
        if (self.host and not self.host(head.host)) or (self.label and not self.label(head.label)):
            return False
        return not self.digits.isdisjoint(head.levels)

    def searches(self, head: Batch) -> bool:
        """Return True if some records of a batch may be wanted, and others not."""
        return bool(self.pattern or self.where or self.digits != ALL) and self.may_want(head)


def _matching(mask: bytes, batch: Batch, pattern: Pattern) -> bytes:
    """Return `mask` with 0 also for each record in which a pattern matches nowhere.

    A match never extends beyond a line: where each record ends with one, one search passes over all that have none.
    What matches an empty text also matches behind the end of a line, so that is searched record by record.
    """
    is_plain = pattern.search(b"") is None
    if is_plain and batch.lengths is None and not pattern.search(batch.body):
        return bytes(len(mask))
    ends = list(accumulate(map(len, records(batch))))
    if not is_plain or any(batch.body[end - 1 : end] != b"\n" for end in ends[:-1]):
        each = zip(mask, records(batch), strict=True)
        return bytes(one and pattern.search(record) is not None for one, record in each)
    return _matching_at_once(mask, batch.body, ends, pattern)


def _matching_at_once(mask: bytes, body: bytes, ends: list[int], pattern: Pattern) -> bytes:
    found, at = bytearray(len(mask)), 0
    while at < len(body) and (match := pattern.search(body, at)):
        number = min(bisect_right(ends, match.start()), len(ends) - 1)
        found[number], at = mask[number], ends[number]
    return bytes(found)


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
