"""The rules' state machine: matches and time go in, notices come out. Pure: the caller has the clock.

    quiet --count within_s, or nothing for absent_s--> open --recover_s without a match, or a match again--> quiet

One incident is one message when it begins and one when it is over, and reminders, if they are asked for. What the limit
does not allow is counted, and told in one summary: an incident is in exactly one of its own message and a summary.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sinks.alert.group import Group, Match
from sinks.alert.limit import Limit
from sinks.alert.notices import NAME_CHARACTERS, Kind, Notice
from sinks.alert.settings import LABELS, Rule

MOST_GROUPS: Final = 10_000
"""Of all rules. Made-up hosts cannot fill the memory: what is beyond a rule's share is one more group, of `OTHERS`."""
MOST_OF_A_RULE: Final = 1000
OTHERS: Final = "(others)"
FORGET_S: Final = 7 * 86_400.0
"""After so long, a group that has gone silent for good, such as a host, is forgotten."""
_Key = tuple[str, tuple[str, ...]]


class Incidents:
    """The groups of all rules, from `now_s` (seconds since 1970) on, with what was remembered of them."""

    def __init__(
        self, rules: Sequence[Rule], limit: Limit, remembered: Iterable[Group], now_s: float, repeat_s: float | None
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._limit = limit
        self._repeat_s = repeat_s
        self._started_s = now_s
        self._share = max(1, min(MOST_OF_A_RULE, MOST_GROUPS // len(rules)))
        self._groups: dict[_Key, Group] = {}
        self._sizes = dict.fromkeys(self._rules, 0)
        for group in remembered:
            if group.rule in self._rules and [*group.group] == self._rules[group.rule].group_by:
                group.resume(now_s)
                self._keep(group)
        for rule in rules:
            if rule.absent_s is not None and not rule.group_by:
                self._group_of(Match(rule.name, {}, 0), now_s)

    def groups(self) -> list[Group]:
        """Return what to remember."""
        return list(self._groups.values())

    def open(self) -> int:
        """Return how many incidents are open."""
        return sum(group.begun_s is not None for group in self._groups.values())

    def seen(self, match: Match, now_s: float) -> Iterator[Notice]:
        """Count the records of a match, and yield what is to be told."""
        rule = self._rules[match.rule]
        group = self._group_of(match, now_s)
        if rule.absent_s is not None and group.begun_s is not None:
            yield from self._end(group, rule, now_s)
        group.add(match, now_s, rule.within_s)
        if rule.absent_s is None and group.begun_s is None and group.count >= rule.count:
            yield from self._begin(group, rule, now_s)

    def tick(self, now_s: float) -> Iterator[Notice]:
        """Yield what is to be told because time has passed; forget groups without an incident."""
        for key, group in list(self._groups.items()):
            rule = self._rules[group.rule]
            since_s = now_s - max(group.last_s, self._started_s)
            yield from self._absent(group, rule, since_s, now_s)
            yield from self._over(group, rule, since_s, now_s)
            yield from self._remind(group, rule, now_s)
            if self._is_idle(group, rule, now_s):
                del self._groups[key]
                self._sizes[group.rule] -= 1
        if summary := self._limit.summary(now_s):
            yield summary

    def _absent(self, group: Group, rule: Rule, since_s: float, now_s: float) -> Iterator[Notice]:
        if rule.absent_s is not None and group.begun_s is None and since_s >= rule.absent_s:
            yield from self._begin(group, rule, now_s)

    def _over(self, group: Group, rule: Rule, since_s: float, now_s: float) -> Iterator[Notice]:
        if rule.absent_s is None and group.begun_s is not None and since_s >= rule.recover_s:
            yield from self._end(group, rule, now_s)

    def _remind(self, group: Group, rule: Rule, now_s: float) -> Iterator[Notice]:
        due = self._repeat_s is not None and group.said_s is not None and now_s - group.said_s >= self._repeat_s
        if due and self._limit.take(now_s):
            group.say(now_s)
            yield notice_of("lasting", group, rule)

    def _is_idle(self, group: Group, rule: Rule, now_s: float) -> bool:
        if rule.absent_s is not None:
            return bool(rule.group_by) and now_s - group.last_s > max(FORGET_S, 2 * rule.absent_s)
        if group.begun_s is not None:
            return False
        if rule.within_s is not None:
            group.slide(now_s, rule.within_s)
        return rule.within_s is None or not group.slots

    def _begin(self, group: Group, rule: Rule, now_s: float) -> Iterator[Notice]:
        group.begin(now_s)
        if self._limit.take(now_s):
            group.say(now_s)
            yield notice_of("begun", group, rule)
        else:
            self._limit.hold(rule.name, now_s)

    def _end(self, group: Group, rule: Rule, now_s: float) -> Iterator[Notice]:
        told = group.said_s is not None
        if told and self._limit.take(now_s):
            yield notice_of("over", group, rule)
        else:
            self._limit.hold_end(now_s)
        group.end()

    def _group_of(self, match: Match, now_s: float) -> Group:
        """Return the group of a match; beyond the rule's share, that of all others."""
        key = (match.rule, tuple(match.group.values()))
        if key in self._groups:
            return self._groups[key]
        names = match.group
        if self._sizes[match.rule] >= self._share:
            names = dict.fromkeys(match.group, OTHERS)
        return self._keep(Group(match.rule, dict(names), last_s=now_s, host=match.host, label=match.label))

    def _keep(self, group: Group) -> Group:
        key = (group.rule, tuple(group.group.values()))
        self._sizes[group.rule] += key not in self._groups
        return self._groups.setdefault(key, group)


def group_of(rule: Rule, host: str, label: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return what the records of a batch have in common, by name; "" for a label that the batch does not have."""
    known = {"host": host, "label": label}
    return {
        each: (known[each] if each in known else fields.get(each.removeprefix(LABELS), ""))[:NAME_CHARACTERS]
        for each in rule.group_by
    }


def notice_of(kind: Kind, group: Group, rule: Rule) -> Notice:
    """Return what there is to tell about a group."""
    return Notice(
        kind=kind,
        rule=rule.name,
        severity=rule.severity,
        host=group.host,
        label=group.label,
        group=dict(group.group),
        count=group.count,
        first_s=group.first_s or group.last_s,
        last_s=group.last_s,
        sample=group.sample,
        absent_s=rule.absent_s,
        text=rule.text,
    )
