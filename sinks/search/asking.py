"""What an operator asks for, and what is found. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path

import msgspec
from msgspec import Struct, field

from logbus.config.patterns import Glob
from logbus.fields.matching import Conditions
from logbus.severity import Severity, parse_severity
from sinks.search.files.opening import Identity
from sinks.search.matching import Matcher

ALL_DIGITS = frozenset(b"01234567")


class Query(Struct, frozen=True):
    """Which records are wanted.

    `since_us` and the time before `until_us`, in microseconds since 1970; `digits` of severities; `fields`; globs for
    `names` (host, label, path); how many records `before` and `after` each are shown with it. `zone`: of times that
    state none. `needs_times`: whether anybody asks when a record happened.
    """

    matcher: Matcher | None = None
    invert: bool = False
    since_us: int | None = None
    until_us: int | None = None
    digits: frozenset[int] = ALL_DIGITS
    fields: Conditions = ()
    names: Mapping[str, Glob] = field(default_factory=dict)
    before: int = 0
    after: int = 0
    zone: tzinfo = UTC
    needs_times: bool = True

    @property
    def takes_all(self) -> bool:
        """Whether a block without any match may have wanted records."""
        return self.matcher is None or self.invert or bool(self.before or self.after)

    @property
    def is_timed(self) -> bool:
        """Whether the time of a record matters."""
        return self.since_us is not None or self.until_us is not None

    def is_in_time(self, time_us: int) -> bool:
        """Return True if a record that happened then is wanted."""
        return (self.since_us is None or time_us >= self.since_us) and (
            self.until_us is None or time_us < self.until_us
        )


class Source(Struct, frozen=True):
    """A file to search; `told`: what its path tells, by placeholder. `follow`: its path may be a link.

    `layout` is the format of the sink that wrote it, "" if unknown.
    """

    path: Path
    identity: Identity
    size_bytes: int
    changed_us: int
    told: Mapping[str, str] = field(default_factory=dict)
    layout: str = ""
    follow: bool = False


class Found(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that was found, or (`is_hit` false) is shown because it is near one.

    `key_us`: its place in the order; `source`: the number of its file; `offset` in the decompressed content; `line`
    counts from 1, 0 if unknown; `digit` of its severity.
    """

    key_us: int
    time_us: int
    source: int
    offset: int
    line: int
    digit: int
    is_hit: bool
    data: bytes


def digits_of(least: str | None, several: Iterable[str] = ()) -> frozenset[int]:
    """Return the digits of the severities from `least` on, or of just `several`. Raises UsageError."""
    wanted = ALL_DIGITS
    if least is not None:
        wanted &= {ord(f"{each:d}") for each in Severity if each <= parse_severity(least, "--min")}
    if several:
        wanted &= {ord(f"{parse_severity(each, '--severity'):d}") for each in several}
    return wanted
