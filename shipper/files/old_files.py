"""Files that were last written long before the first start of their input: `ignore_older` leaves them out.

The limit of an input is a fixed time. So a file that was written while the shipper was down is never too old, and an
ignored one is read from its start once it is written to.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from logbus import telemetry
from logbus.errors import counted
from shipper.files.discovery import Found
from shipper.files.identity import key_of
from shipper.settings import Input

logger = logging.getLogger("shipper.old_files")

NS: int = 1_000_000_000
UNITS = ((86_400, "day"), (3_600, "hour"))
UNTIL = "once it is written to, it is read from its start"


def limit_ns(entry: Input, first_start_ns: int) -> int:
    """Return the time before which an input's unknown files are too old, in ns since 1970."""
    return first_start_ns - int((entry.ignore_older or 0) * NS)


def age(entry: Input) -> str:
    """Return `ignore_older` as text, in days, hours or seconds."""
    age_s = entry.ignore_older or 0
    unit_s, unit = next((each for each in UNITS if age_s % each[0] == 0), (1, "second"))
    return counted(int(age_s / unit_s), unit)


def moment(time_ns: int) -> str:
    """Return a time in ns since 1970 as text, in UTC."""
    try:
        return datetime.fromtimestamp(time_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # a time that somebody gave a file with `touch`
        return f"{time_ns // NS} s since 1970"


class OldFiles:
    """Decides which files are too old, counts each once, and remembers it, so that no scan opens it again."""

    def __init__(self) -> None:
        self._limits_ns: dict[int, int] = {}
        self._ignored: dict[tuple[int, int], int] = {}
        self._counts: Counter[int] = Counter()

    def begin(self, first_starts_ns: Iterable[tuple[Input, int]]) -> None:
        """Take the times when inputs with `ignore_older` first started."""
        self._limits_ns = {id(entry): limit_ns(entry, time_ns) for entry, time_ns in first_starts_ns}

    def ignored_before(self, found: Found) -> bool:
        """Return True for a file that was ignored, and has not been written to since."""
        return self._ignored.get(key_of(found.status)) == found.status.st_mtime_ns

    def ignore(self, found: Found) -> bool:
        """Return True for an unknown file that is too old, and count it."""
        mtime_ns = found.status.st_mtime_ns
        if mtime_ns >= self._limits_ns.get(id(found.input), mtime_ns):
            return False
        key = key_of(found.status)
        if key not in self._ignored:
            telemetry.count("logbus_ignored_files")
            self._counts[id(found.input)] += 1
        self._ignored[key] = mtime_ns
        return True

    def report(self, inputs: Iterable[Input]) -> None:
        """Report how many files of each input are ignored."""
        for each in inputs:
            if count := self._counts[id(each)]:
                logger.warning(
                    "%s: ignoring %s last written before %s (ignore_older: %s before the first start); %s",
                    ", ".join(each.paths),
                    counted(count, "file"),
                    moment(self._limits_ns[id(each)]),
                    age(each),
                    UNTIL,
                )


def why_ignored(entry: Input, mtime_ns: int, first_start_ns: int) -> str:
    """Return why a file that is not known is ignored; "" if it is not. `first_start_ns`: of its input."""
    limit = limit_ns(entry, first_start_ns)
    if not entry.ignore_older or mtime_ns >= limit:
        return ""
    ago = f"ignore_older: {age(entry)} before the first start of its input"
    return f"it is ignored: it was last written at {moment(mtime_ns)}, before {moment(limit)} ({ago})"
