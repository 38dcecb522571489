"""One group of one rule: how many of its records there were, and whether an incident is open. Pure."""

from typing import Final

import msgspec

SLOTS: Final = 60
"""A window is counted in so many parts: it may be longer by one of them, never shorter."""


class Match(msgspec.Struct, frozen=True):
    """Records of one batch that a rule counts: so many of one `group`, and the first of them as `sample`."""

    rule: str
    group: dict[str, str]
    count: int
    host: str = ""
    label: str = ""
    sample: str = ""


class Group(msgspec.Struct):
    """What is known of the records of a rule that have `group` in common. Its attributes are written here only.

    `slots`: how many there were in each part of the window, by its number. `begun_s`: when the open incident began, or
    None. `said_s`: when its last message was made, None if it was held back. Times are seconds since 1970.
    """

    rule: str
    group: dict[str, str]
    last_s: float
    first_s: float = 0.0
    count: int = 0
    host: str = ""
    label: str = ""
    sample: str = ""
    slots: dict[int, int] = {}
    begun_s: float | None = None
    said_s: float | None = None

    def add(self, match: Match, now_s: float, within_s: float | None) -> None:
        """Count records."""
        if self.begun_s is not None:
            self.count += match.count
            self.last_s = now_s
            return
        self.host, self.label, self.sample = match.host, match.label, match.sample
        self.last_s = now_s
        if within_s is None:
            self.first_s, self.count = now_s, match.count
            return
        part = int(now_s * SLOTS / within_s)
        self.slots[part] = self.slots.get(part, 0) + match.count
        self.slide(now_s, within_s)

    def slide(self, now_s: float, within_s: float) -> None:
        """Forget what is no longer in the window."""
        oldest = int(now_s * SLOTS / within_s) - SLOTS
        self.slots = {part: count for part, count in self.slots.items() if part >= oldest}
        self.count = sum(self.slots.values())
        self.first_s = min(now_s, min(self.slots, default=0) * within_s / SLOTS)

    def begin(self, now_s: float) -> None:
        """Open an incident."""
        self.begun_s, self.said_s, self.slots = now_s, None, {}

    def say(self, now_s: float) -> None:
        """Note that a message about it was made."""
        self.said_s = now_s

    def end(self) -> None:
        """Close the incident."""
        self.begun_s = self.said_s = None
        self.count = 0

    def resume(self, now_s: float) -> None:
        """Go on after a restart: a clock that was set back must not keep an incident open."""
        self.last_s = min(self.last_s, now_s)
        if self.begun_s is not None:
            self.begun_s = min(self.begun_s, now_s)
        if self.said_s is not None:
            self.said_s = min(self.said_s, now_s)
