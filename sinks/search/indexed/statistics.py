"""How many lines and bytes an archive has of each host, label, severity and hour, by its index alone. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Final, TypeVar

from msgspec import Struct, field

from logbus.errors import UsageError
from logbus.severity import Severity
from sinks.index.reading import Name, Row
from sinks.search.asking import Source
from sinks.search.results.showing import local

GROUPS: Final = ("host", "label", "severity", "hour")
GROUPS_MAX: Final = 100_000
"""More is not kept in memory."""
OTHERS: Final = "(others)"
UNKNOWN: Final = "-"
HOUR_US: Final = 3_600_000_000
_EVERYBODY: Final = (1,) * 8
Key = tuple[str, ...]
_T = TypeVar("_T")


class Sum(Struct):
    """Lines, and bytes of content."""

    lines: int = 0
    size_bytes: int = 0

    def add(self, lines: int, size_bytes: int) -> None:
        """Add some."""
        self.lines += lines
        self.size_bytes += size_bytes


class Statistics(Struct):
    """The sums by some groups; `unindexed_bytes` of files, as they are on the disk, of which no row tells."""

    groups: Sequence[str]
    zone: tzinfo
    sums: dict[Key, Sum] = field(default_factory=dict)
    unindexed_bytes: int = 0
    _hours: dict[int, str] = field(default_factory=dict)

    def add(self, row: Row, names: Mapping[int, Name], source: Source) -> None:
        """Add a block. Raises Unusable."""
        counts = row.severities()
        whole = max(1, sum(counts))
        hours = _hours(row)
        for name, mine in _dealt(counts, dict(_shares(row, names, source)), Name("", "")):
            for hour, several in _dealt(mine, hours, min(hours)):
                for digit, lines in enumerate(several):
                    if lines:
                        self._add(name, digit, hour, lines, row.content_bytes * lines // whole)

    def ranked(self) -> list[tuple[Key, Sum]]:
        """Return the sums: by hour, if that is the first group, or else those of the most lines first."""
        if self.groups[0] == "hour":
            return sorted(self.sums.items())
        return sorted(self.sums.items(), key=lambda item: (-item[1].lines, item[0]))

    def _add(self, name: Name, digit: int, hour: int, lines: int, size_bytes: int) -> None:
        cells = {
            "host": name.host,
            "label": name.label,
            "severity": Severity(digit).word,
            "hour": self._shown(hour),
        }
        key = tuple(cells[each] or UNKNOWN for each in self.groups)
        if key not in self.sums and len(self.sums) >= GROUPS_MAX:
            key = (OTHERS,) * len(key)
        self.sums.setdefault(key, Sum()).add(lines, size_bytes)

    def _shown(self, hour: int) -> str:
        """Return an hour since 1970 in UTC as it is called in the zone."""
        if hour not in self._hours:
            self._hours[hour] = f"{local(hour * HOUR_US, self.zone):%Y-%m-%d %H:00}"
        return self._hours[hour]


def _hours(row: Row) -> Mapping[int, Sequence[int]]:
    """Return the hours of a block's records with their numbers; without those, the one in which it was first read."""
    told = dict(row.told_hours() or ()) if row.settled else {}
    return told or {row.first_read_us // HOUR_US: _EVERYBODY}


def groups_in(text: str) -> tuple[str, ...]:
    """Return the names in a list such as `host,hour`. Raises UsageError."""
    names = tuple(dict.fromkeys(each.strip() for each in text.split(",")))
    if unknown := [each for each in names if each not in GROUPS]:
        raise UsageError("show statistics", f"--by {unknown[0]!r} is no group", f"use some of {', '.join(GROUPS)}")
    return names


def uncovered_bytes(rows: Iterable[Row], size_bytes: int) -> int:
    """Return how many bytes of an output of that size have no row."""
    return max(0, size_bytes - sum(row.end - row.begin for row in rows))


def _shares(row: Row, names: Mapping[int, Name], source: Source) -> Iterator[tuple[Name, Sequence[int]]]:
    """Yield whose lines are in a block, and how many of each severity, in proportion."""
    host, label = source.told.get("host", ""), source.told.get("label", "")
    found: dict[Name, list[int]] = {}
    for origin, _, _, counts in (row.told_parts() or ()) if not (host and label) else ():
        own = names.get(origin, Name("", ""))
        sums = found.setdefault(Name(host or own.host, label or own.label), [0] * 8)
        sums[:] = map(int.__add__, sums, counts)
    yield from found.items() if found else ((Name(host, label), _EVERYBODY),)


def _dealt(counts: Sequence[int], shares: Mapping[_T, Sequence[int]], others: _T) -> Iterator[tuple[_T, list[int]]]:
    """Yield whose are how many of the lines of each severity: exactly so, if the shares add up to them.

    What nobody has a share of is that of `others`.
    """
    left = [sum(each) for each in zip(*shares.values(), strict=True)]
    rest = list(counts)
    for name, share in shares.items():
        mine = [count * part // whole if whole else 0 for count, part, whole in zip(rest, share, left, strict=True)]
        rest = [count - part for count, part in zip(rest, mine, strict=True)]
        left = [count - part for count, part in zip(left, share, strict=True)]
        yield name, mine
    yield others, rest
