"""Filters (records dropped, not kept, or beyond a rate limit), and fields from paths."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Struct

from logbus.config.patterns import compile_pattern
from logbus.errors import UsageError, counted
from logbus.severity import Severity, parse_severity

WINDOW_S: Final = 1.0

Limit = Annotated[int, msgspec.Meta(gt=0)]


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Selects records: every given condition has to match.

    `min`: this severity and worse; `severities`: exactly these; `contains`: this text; `pattern`: a match in a line;
    `field`: a name of a field -> a glob that its text matches.
    """

    min: str = ""
    severities: list[str] = []
    contains: str = ""
    pattern: str = ""
    field: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Check severities, pattern and globs. Raises UsageError."""
        if not (self.min or self.severities or self.contains or self.pattern or self.field):
            known = "give min, severities, contains, pattern or field"
            raise UsageError("select records", "there is no condition", known)
        self.digits()
        if self.pattern:
            compile_pattern(self.pattern)
        if self.field:
            from logbus.fields import matching  # noqa: PLC0415 - what parses fields is imported where somebody asks

            matching.conditions(self.field)

    def digits(self) -> bytes:
        """Return the ASCII digits of the severities selected. Raises UsageError."""
        least = parse_severity(self.min, "min") if self.min else Severity.DEBUG
        exactly = {parse_severity(each, "severities:") for each in self.severities} or set(Severity)
        return b"".join(b"%d" % level for level in sorted(exactly) if level <= least)


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A limit of records and bytes per second, for all files of the input together.

    `severities`: only records of these count and are dropped; without it, all records.
    """

    records_per_s: Limit | None = None
    bytes_per_s: Limit | None = None
    severities: list[str] = []

    def __post_init__(self) -> None:
        """Check that there is a limit. Raises UsageError."""
        if self.records_per_s is None and self.bytes_per_s is None:
            raise UsageError("use rate_limit", "it limits nothing", "give records_per_s, bytes_per_s or both")
        self.digits()

    def digits(self) -> bytes:
        """Return the ASCII digits of the severities limited. Raises UsageError."""
        return b"".join(b"%d" % parse_severity(each, "severities:") for each in self.severities) or b"01234567"


def selected(selection: Selection, levels: bytes, body: bytes, ends: Sequence[int]) -> bytes:
    """Return for each record of `body`, of which each ends at one of `ends`, 1 if `selection` selects it, else 0."""
    digits = selection.digits()
    mask = bytes(level in digits for level in range(256))
    masks = [levels.translate(mask)]
    if selection.contains:
        text = selection.contains.encode()
        masks.append(holding(lambda at: body.find(text, at), ends, len(text)))
    if selection.pattern:
        search = compile_pattern(selection.pattern).search
        masks.append(holding(lambda at: -1 if (found := search(body, at)) is None else found.start(), ends))
    found = bytes(map(min, *masks)) if len(masks) > 1 else masks[0]
    return _with_fields(found, body, ends, selection.field) if selection.field and 1 in found else found


def _with_fields(mask: bytes, body: bytes, ends: Sequence[int], globs: Mapping[str, str]) -> bytes:
    from logbus.fields import matching  # noqa: PLC0415 - as above

    records = (body[start:end] for start, end in pairwise((0, *ends)))
    return matching.narrowed(mask, records, matching.conditions(globs))


def any_selected(selections: Iterable[Selection], levels: bytes, body: bytes, ends: Sequence[int]) -> bytes:
    """Return for each record 1 if one of `selections` selects it, else 0."""
    masks = [selected(each, levels, body, ends) for each in selections]
    return bytes(map(max, *masks)) if len(masks) > 1 else masks[0]


def holding(next_from: Callable[[int], int], ends: Sequence[int], size: int = 0) -> bytes:
    """Return for each record 1 if a place is in it, with `size` bytes, else 0. `next_from` finds a place, or -1.

    It is asked once for each record that holds one, and once more.
    """
    mask = bytearray(len(ends))
    record = at = 0
    while record < len(ends) and (place := next_from(at)) >= 0:
        record = bisect_right(ends, place, record)
        at = place + 1
        if record < len(ends) and place + size <= ends[record]:
            mask[record] = 1
            at = ends[record]
            record += 1
    return bytes(mask)


class Window(Struct):
    """What has passed a limit in this second; `digits`: the limited severities, as ASCII digits."""

    limit: RateLimit
    digits: bytes
    records: int = 0
    size: int = 0

    def has_room(self, size: int) -> bool:
        """Return True if a record of `size` bytes may pass."""
        records, size_limit = self.limit.records_per_s, self.limit.bytes_per_s
        return (records is None or self.records < records) and (size_limit is None or self.size + size <= size_limit)


class Limiter:
    """Counts what passes in each second, and what was dropped since the last summary; `due`: a summary is due."""

    def __init__(self, limits: list[RateLimit]) -> None:
        self._windows = [Window(each, each.digits()) for each in limits]
        self._began = float("-inf")
        self._dropped = self._dropped_bytes = 0
        self.due = False

    def begin(self, now: float) -> None:
        """Set the time, in seconds, of the records that follow."""
        if now >= self._began + WINDOW_S:
            self._began = now
            for window in self._windows:
                window.records = window.size = 0
            self.due = self._dropped > 0

    def passes(self, level: int, size: int) -> bool:
        """Return True if a record of `size` bytes passes every limit for its level; count it either way."""
        windows = [window for window in self._windows if level in window.digits]
        if all(window.has_room(size) for window in windows):
            for window in windows:
                window.records += 1
                window.size += size
            return True
        self._dropped += 1
        self._dropped_bytes += size
        return False

    def summary(self) -> bytes:
        """Return a record with the counts of dropped records and bytes, and reset them."""
        dropped = f"{counted(self._dropped, 'record')}, {counted(self._dropped_bytes, 'byte')}"
        self._dropped = self._dropped_bytes = 0
        self.due = False
        return f"logbus: rate_limit dropped {dropped}\n".encode()
