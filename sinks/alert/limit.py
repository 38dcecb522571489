"""How many messages there may be in an hour, and what becomes of the others. Pure: the caller has the clock."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sinks.alert.notices import Notice

HOUR_S: Final = 3600.0
SUMMARY_AFTER_S: Final = 60.0
"""So long, what is held back is collected for one summary."""
RULES_MAX: Final = 20
"""A summary names so many rules; the others are counted together."""
OTHERS: Final = "others"


class Held(msgspec.Struct, frozen=True):
    """When messages were made; what was held back since `since_s`: of each rule, and how many ends."""

    made_s: list[float] = []
    rules: dict[str, int] = {}
    over: int = 0
    since_s: float = 0.0


class Limit:
    """Allows `most` messages in any hour; the last of them is kept for the summary of what was held back."""

    def __init__(self, most: int, held: Held, now_s: float) -> None:
        self._most = most
        self._made_s: list[float] = [min(each, now_s) for each in held.made_s]
        self._rules = dict(held.rules)
        self._over = held.over
        self._since_s = min(held.since_s, now_s)

    def state(self) -> Held:
        """Return what to remember."""
        return Held(list(self._made_s), dict(self._rules), self._over, self._since_s)

    def take(self, now_s: float) -> bool:
        """Return True if a message may be made now; it then counts."""
        return self._take(now_s, self._most - 1)

    def hold(self, rule: str, now_s: float) -> None:
        """Count an incident that begins without a message."""
        self._begin_holding(now_s)
        name = rule if rule in self._rules or len(self._rules) < RULES_MAX else OTHERS
        self._rules[name] = self._rules.get(name, 0) + 1

    def hold_end(self, now_s: float) -> None:
        """Count the end of an incident without a message."""
        self._begin_holding(now_s)
        self._over += 1

    def summary(self, now_s: float) -> Notice | None:
        """Return what was held back as one message, if there is anything, it is due, and there is room for it."""
        if not (self._rules or self._over) or now_s < self._since_s + SUMMARY_AFTER_S:
            return None
        if not self._take(now_s, self._most):
            return None
        found = Notice(
            kind="summary",
            rule="",
            count=sum(self._rules.values()),
            over=self._over,
            rules=dict(self._rules),
            first_s=self._since_s,
            last_s=now_s,
        )
        self._rules, self._over = {}, 0
        return found

    def _begin_holding(self, now_s: float) -> None:
        if not (self._rules or self._over):
            self._since_s = now_s

    def _take(self, now_s: float, most: int) -> bool:
        self._made_s = _of_last_hour(self._made_s, now_s)
        if len(self._made_s) >= most:
            return False
        self._made_s.append(now_s)
        return True


def _of_last_hour(times_s: Sequence[float], now_s: float) -> list[float]:
    return [each for each in times_s if each > now_s - HOUR_S]
