"""The keys of an alert sink: rules, where their messages go, and how many there may be."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Final

import msgspec

from logbus.config.patterns import compile_glob, compile_pattern
from logbus.errors import UsageError, did_you_mean
from logbus.severity import Severity, parse_severity
from sinks.alert.destinations import Destination
from sinks.alert.templates import check_template

ANY: Final = "*"
LABELS: Final = "fields."
"""Before the name of an operator's label."""
ANY_FOREIGN: Final = ""
"""Among bindings: all messages of other programs."""
DAY_S: Final = 86_400.0
Span = Annotated[float, msgspec.Meta(ge=1, le=30 * DAY_S)]
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_GROUP: Final = re.compile(r"host|label|fields\..{1,128}")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule: which records it counts, when they are an incident, when that is over, and what is said about it.

    A record counts if everything given matches: `min` or `severities`, `host`, `label`, `where`, `pattern`. An incident
    begins with `count` of them `within_s`, or with none of them for `absent_s`; it ends after `recover_s` without one.
    """

    name: str
    min: str | None = None
    severities: list[str] | None = None
    host: str = ANY
    label: str = ANY
    where: dict[str, str] = {}
    pattern: str = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 1
    within_s: Span | None = None
    absent_s: Span | None = None
    recover_s: Span = 300
    group_by: list[str] = []
    severity: str = "err"
    text: str = ""
    to: list[str] = []

    def __post_init__(self) -> None:
        """Check words, globs, pattern and template, and what goes together. Raises UsageError."""
        if not _NAME.fullmatch(self.name):
            raise _wrong(f"{self.name!r} is no name of a rule", "use A-Z, a-z, 0-9, dots, - and _, 64 at most")
        wanted_severities(self)
        parse_severity(self.severity)
        for glob in (self.host, self.label, *self.where.values()):
            compile_glob(glob)
        if self.pattern:
            compile_pattern(self.pattern)
        check_template(self.text)
        self._check_times()
        if len(set(self.group_by)) < len(self.group_by):
            raise _wrong("group_by names something twice", "remove one")
        for each in self.group_by:
            if not _GROUP.fullmatch(each):
                raise _wrong(f"group_by {each!r} is unknown", "it is host, label or fields.NAME, a label of shippers")

    def _check_times(self) -> None:
        if self.count > 1 and self.within_s is None:
            raise _wrong(f"count {self.count} has no time", "add within_s, as in within_s: 1min")
        if self.absent_s is not None and (self.count > 1 or self.within_s is not None):
            raise _wrong("absent_s and count or within_s are both given", "use a rule for each")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of an alert sink: `rules`, and where `to` send messages, by name.

    `most_per_hour`: of messages, all in all; `repeat_s`: after which a reminder follows while an incident lasts.
    """

    rules: Annotated[list[Rule], msgspec.Meta(min_length=1, max_length=200)]
    to: dict[str, Destination]
    most_per_hour: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 20
    repeat_s: Annotated[float, msgspec.Meta(ge=60, le=30 * DAY_S)] | None = None

    def __post_init__(self) -> None:
        """Check that names are unique, and lead somewhere. Raises UsageError."""
        if not self.to:
            raise _wrong("to names no destination", "add one, as in to: {ops: {command: [/usr/local/bin/page]}}")
        for name in self.to:
            if not _NAME.fullmatch(name):
                raise _wrong(f"{name!r} is no name of a destination", "use A-Z, a-z, 0-9, dots, - and _, 64 at most")
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise _wrong(f"two rules are called {name}", "state is kept by name: give each its own")
        for rule in self.rules:
            for name in rule.to:
                if name not in self.to:
                    hint = did_you_mean(name, self.to) or f"there is {', '.join(self.to)}"
                    raise _wrong(f"the rule {rule.name} sends to {name!r}, which is not under to", hint)


def wanted_severities(rule: Rule) -> list[Severity]:
    """Return the severities that a rule counts, worst first. Raises UsageError."""
    if rule.min is not None and rule.severities is not None:
        raise _wrong("min and severities are both given", "remove one")
    if rule.min is not None:
        least = parse_severity(rule.min, "min")
        return [severity for severity in Severity if severity <= least]
    if rule.severities is not None:
        return sorted({parse_severity(each, "severities:") for each in rule.severities})
    return list(Severity)


def destinations_of(settings: Settings, rule: str | None) -> list[str]:
    """Return the names of the destinations of a rule's messages; all of them if it names none, or for None."""
    named = next((each.to for each in settings.rules if each.name == rule), [])
    return named or list(settings.to)


def described(settings: Settings) -> Iterator[str]:
    """Yield a line about each rule, then one about each destination, without secrets."""
    for rule in settings.rules:
        yield f"rule {rule.name}: {condition_of(rule)}, to {', '.join(destinations_of(settings, rule.name))}"
    for name, each in settings.to.items():
        yield f"to {name}: {each.shown()}"


def bindings(settings: Settings) -> tuple[str, ...]:
    """Return the topic patterns: one per severity if all rules state some, and ANY_FOREIGN; () for everything."""
    wanted = sorted(set(chain.from_iterable(wanted_severities(rule) for rule in settings.rules)))
    if len(wanted) == len(Severity):
        return ()
    return (ANY_FOREIGN, *(f"*.*.#.{severity.word}.#" for severity in wanted))


def check(settings: Settings) -> Iterator[str]:
    """Return lines about rules and destinations. Raises UsageError if a secret or a certificate cannot be used now."""
    for each in settings.to.values():
        each.check()
    return described(settings)


def condition_of(rule: Rule) -> str:
    """Return what makes a rule's incident, in words."""
    by = f", by {' and '.join(rule.group_by)}" if rule.group_by else ""
    if rule.absent_s is not None:
        return f"no record for {rule.absent_s:g} s{by}"
    if rule.within_s is None:
        return f"each record, over after {rule.recover_s:g} s without one{by}"
    return f"{rule.count} within {rule.within_s:g} s, over after {rule.recover_s:g} s without one{by}"


def _wrong(flaw: str, hint: str) -> UsageError:
    return UsageError("use the alert sink's settings", flaw, hint)
