"""Whether a block may hold wanted records, by its row. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from sinks.index.reading import Name, Row
from sinks.search.asking import ALL_DIGITS, Query, Source
from sinks.search.files.placeholders import unfiltered

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
"""A name that every format writes as it is."""
TELL: Final = ("prefix", "json")
"""The formats whose records say their hosts and labels."""


class Wanted(Struct, frozen=True):
    """What is wanted of one file. `names`: of its origins; `filters`: those that records have to pass themselves."""

    query: Query
    names: Mapping[int, Name]
    filters: tuple[str, ...]

    def of(self, row: Row) -> bool:
        """Return False if nothing in a block is wanted. Raises Unusable."""
        return self._in_time(row) and self._severe(row) and (not self.filters or self._named(row))

    def _in_time(self, row: Row) -> bool:
        if not row.settled or row.first_event_us is None or row.last_event_us is None:
            return True
        since_us, until_us = self.query.since_us, self.query.until_us
        return (since_us is None or row.last_event_us >= since_us) and (
            until_us is None or row.first_event_us < until_us
        )

    def _severe(self, row: Row) -> bool:
        if self.query.digits == ALL_DIGITS:
            return True
        return any(count and digit in self.query.digits for digit, count in enumerate(row.severities(), ord("0")))

    def _named(self, row: Row) -> bool:
        parts = row.told_parts()
        return parts is None or any(self._passes(self.names.get(part[0])) for part in parts)

    def _passes(self, name: Name | None) -> bool:
        """Return True if records of this origin may pass the filters; what is not known for certain may."""
        if name is None:
            return True
        values = {"host": name.host, "label": name.label}
        return all(not _PLAIN.fullmatch(values[each]) or self.query.names[each](values[each]) for each in self.filters)


def filters_of(query: Query, source: Source) -> tuple[str, ...]:
    """Return the filters that go by what records say, and by origins alike."""
    if source.layout not in TELL:
        return ()
    return tuple(each for each in unfiltered(query.names, source.told) if each in ("host", "label"))


def takes_every_row(query: Query, source: Source) -> bool:
    """Return True if no row of a file can tell that nothing in its block is wanted."""
    return not query.is_timed and query.digits == ALL_DIGITS and not filters_of(query, source)


def common(names: Iterable[Name | None]) -> Name | None:
    """Return the one name that all have, None if they differ or it is not written as it is."""
    several = set(names)
    one = several.pop() if len(several) == 1 else None
    return one if one and all(map(_PLAIN.fullmatch, one)) else None
