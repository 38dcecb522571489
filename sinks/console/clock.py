"""Times as people read them: a time of day, in local time or UTC, with its date or without."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

LAST_S: Final = 253_402_214_400
"""9999-12-31, in seconds since 1970: no time zone leads beyond the year."""
_DAY_CHARACTERS: Final = 10


class Clock:
    """Shows times, in microseconds since 1970."""

    def __init__(self, *, utc: bool, date: bool) -> None:
        self._zone = UTC if utc else None
        self._begin = 0 if date else _DAY_CHARACTERS + 1
        self._format = b"%b.%03dZ " if utc else b"%b.%03d "
        self.width = len(self.stamps([0])[0])

    def stamps(self, times: Sequence[int]) -> list[bytes]:
        """Return each time to the millisecond, and a blank behind it."""
        found, seconds = [], dict[int, bytes]()
        for time_us in times:
            second, fraction = divmod(time_us, 1_000_000)
            text = seconds.get(second)
            if text is None:
                text = seconds[second] = self._second(second)[self._begin :].encode()
            found.append(self._format % (text, fraction // 1000))
        return found

    def days(self, times: Sequence[int]) -> list[str]:
        """Return the day of each time."""
        known = {second: self._second(second)[:_DAY_CHARACTERS] for second in {each // 1_000_000 for each in times}}
        return [known[each // 1_000_000] for each in times]

    def _second(self, second: int) -> str:
        return datetime.fromtimestamp(min(max(second, 0), LAST_S), self._zone).isoformat(" ")[:19]
