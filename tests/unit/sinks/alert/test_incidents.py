"""The rules' state machine: one incident is one message, never more than the limit, and none is lost."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.alert.group import Group, Match
from sinks.alert.incidents import MOST_GROUPS, OTHERS, Incidents
from sinks.alert.limit import HOUR_S, SUMMARY_AFTER_S, Held, Limit
from sinks.alert.notices import Notice
from sinks.alert.settings import Rule
from support import examples

START_S = 1_795_490_466.0
AT_ONCE = Rule(name="errors")
RATE = Rule(name="many", count=10, within_s=60.0)
SILENT = Rule(name="silent", absent_s=600.0)


class Watch:
    """Rules that are shown matches at given seconds after the start; what they tell is kept with its time."""

    def __init__(self, *rules: Rule, most: int = 1000, repeat_s: float | None = None) -> None:
        self.rules = rules
        self.most = most
        self.repeat_s = repeat_s
        self.told: list[tuple[float, Notice]] = []
        self.resume(Held(), [], 0.0)

    def resume(self, held: Held, groups: Iterable[Group], at_s: float) -> None:
        """Begin at a time with what was remembered."""
        self.limit = Limit(self.most, held, START_S + at_s)
        self.incidents = Incidents(self.rules, self.limit, groups, START_S + at_s, self.repeat_s)

    def restart(self, at_s: float) -> None:
        """Begin again at a time."""
        self.resume(self.limit.state(), self.incidents.groups(), at_s)

    def see(self, at_s: float, count: int = 1, rule: str = "", **group: str) -> list[Notice]:
        """Show some records; return what is told."""
        match = Match(rule or self.rules[0].name, group, count, host=group.get("host", "web-1"), sample="a line")
        return self._note(at_s, self.incidents.seen(match, START_S + at_s))

    def tick(self, at_s: float) -> list[Notice]:
        """Let time pass; return what is told."""
        return self._note(at_s, self.incidents.tick(START_S + at_s))

    def _note(self, at_s: float, notices: Iterable[Notice]) -> list[Notice]:
        found = list(notices)
        self.told += [(at_s, each) for each in found]
        return found


def kinds(notices: Iterable[Notice]) -> list[str]:
    """Return the kinds of notices."""
    return [each.kind for each in notices]


def test_one_incident_is_one_message_and_one_when_it_is_over() -> None:
    """However many records there are, a person hears of them twice."""
    watch = Watch(AT_ONCE)
    assert kinds(watch.see(0.0)) == ["begun"]
    for second in range(1, 100):
        assert watch.see(float(second)) == []
        assert watch.tick(float(second)) == []
    assert watch.tick(398.9) == []
    (over,) = watch.tick(399.0)
    assert (over.kind, over.count, over.last_s - over.first_s) == ("over", 100, 99.0)
    assert kinds(watch.see(400.0)) == ["begun"]


def test_a_rate_counts_a_window_that_slides() -> None:
    """Ten within a minute are an incident, and nine in each of many minutes are none."""
    watch = Watch(RATE)
    for minute in range(10):
        assert watch.see(minute * 70.0, 9) == []
    (begun,) = watch.see(9 * 70.0 + 59.0)
    assert (begun.kind, begun.count) == ("begun", 10)


def test_records_across_the_border_of_a_window_count_together() -> None:
    """Five at the end of one minute, and five at the beginning of the next, are ten within a minute."""
    watch = Watch(RATE)
    assert watch.see(55.0, 5) == []
    assert kinds(watch.see(65.0, 5)) == ["begun"]


def test_silence_from_the_start_is_an_incident() -> None:
    """Also if there never was a record."""
    watch = Watch(SILENT)
    assert watch.tick(599.0) == []
    (begun,) = watch.tick(600.0)
    assert begun.absent_s == 600.0
    assert watch.tick(10_000.0) == []
    assert kinds(watch.see(10_001.0)) == ["over"]
    assert kinds(watch.tick(10_601.0)) == ["begun"]


def test_each_host_that_was_heard_of_may_fall_silent() -> None:
    """With group_by, a host is known from its first record on."""
    watch = Watch(Rule(name="silent", absent_s=600.0, group_by=["host"]))
    assert watch.tick(599.0) == []
    watch.see(600.0, host="web-1")
    watch.see(700.0, host="web-2")
    (begun,) = watch.tick(1200.0)
    assert begun.group == {"host": "web-1"}


def test_a_host_that_is_silent_for_a_week_is_forgotten() -> None:
    """It was switched off, and nobody wants to hear of that for ever."""
    watch = Watch(Rule(name="silent", absent_s=600.0, group_by=["host"]))
    watch.see(0.0, host="web-1")
    assert kinds(watch.tick(600.0)) == ["begun"]
    assert watch.tick(8 * 86_400.0) == []
    assert watch.incidents.groups() == []


def test_groups_are_incidents_of_their_own() -> None:
    """Two hosts are two messages, and the end of one says nothing of the other."""
    watch = Watch(Rule(name="errors", group_by=["host"]))
    assert [each.group for each in watch.see(0.0, host="a") + watch.see(200.0, host="b")] == [
        {"host": "a"},
        {"host": "b"},
    ]
    (over,) = watch.tick(300.0)
    assert over.group == {"host": "a"}


def test_reminders_follow_while_it_lasts() -> None:
    """Each repeat_s one, if it is asked for."""
    watch = Watch(AT_ONCE, repeat_s=600.0)
    told = [kinds([*watch.see(float(at)), *watch.tick(float(at))]) for at in range(0, 1300, 100)]
    assert [at for at, found in enumerate(told) if found] == [0, 6, 12]
    assert told[6] == ["lasting"]


def test_what_the_limit_holds_back_is_told_in_one_summary() -> None:
    """Of 50 hosts, nine have a message of their own, and one summary within the limit tells of the other 41."""
    watch = Watch(Rule(name="errors", group_by=["host"], recover_s=7200.0), most=10)
    for number in range(50):
        watch.see(1.0, host=f"web-{number}")
    assert watch.tick(SUMMARY_AFTER_S) == []
    (summary,) = watch.tick(1.0 + SUMMARY_AFTER_S)
    assert (summary.kind, summary.count, summary.rules) == ("summary", 41, {"errors": 41})
    assert len(watch.told) == 10


def test_made_up_hosts_share_one_group_when_there_are_too_many() -> None:
    """They fill no memory, and none of them stays unseen."""
    watch = Watch(Rule(name="errors", group_by=["host"]), most=2)
    for number in range(3 * MOST_GROUPS):
        watch.see(0.0, host=f"made-up-{number}")
    groups = watch.incidents.groups()
    assert len(groups) <= MOST_GROUPS + 1
    assert groups[-1].group == {"host": OTHERS}
    assert groups[-1].count == 3 * MOST_GROUPS - len(groups) + 1


def test_a_quiet_rule_remembers_nothing() -> None:
    """A group whose window has passed is forgotten."""
    watch = Watch(Rule(name="many", count=10, within_s=60.0, group_by=["host"]))
    watch.see(0.0, host="a")
    watch.tick(30.0)
    assert len(watch.incidents.groups()) == 1
    watch.tick(62.0)
    assert watch.incidents.groups() == []


def test_a_restart_forgets_nothing_and_ends_nothing() -> None:
    """An incident stays open, and the time while nobody listened does not count as silence."""
    watch = Watch(AT_ONCE)
    watch.see(0.0)
    watch.restart(5000.0)
    assert watch.tick(5001.0) == []
    assert watch.see(5002.0) == []
    assert kinds(watch.tick(5302.0)) == ["over"]


def test_a_restart_does_not_lengthen_the_limit() -> None:
    """What was sent before it counts."""
    watch = Watch(Rule(name="errors", group_by=["host"]), most=3)
    told = [*watch.see(0.0, host="a"), *watch.see(0.0, host="b")]
    watch.restart(1.0)
    assert len(told) == 2
    assert watch.see(2.0, host="c") == []


def test_a_clock_that_was_set_back_keeps_nothing_open() -> None:
    """Times in the future count as now."""
    watch = Watch(AT_ONCE)
    watch.see(10_000.0)
    watch.restart(0.0)
    assert kinds(watch.tick(300.0)) == ["over"]


def test_what_belongs_to_a_rule_that_is_gone_is_forgotten() -> None:
    """Its incident neither lasts nor ends."""
    watch = Watch(AT_ONCE)
    watch.see(0.0)
    watch.rules = (RATE,)
    watch.restart(1.0)
    assert watch.tick(1000.0) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 30.0, 59.0, 61.0, 300.0, 1800.0]),
        st.sampled_from(["errors", "many", "silent", "tick", "restart"]),
        st.sampled_from("abcdefgh"),
        st.integers(1, 12),
    ),
    max_size=120,
)
ALL = tuple(
    Rule(name=each.name, count=each.count, within_s=each.within_s, absent_s=each.absent_s, group_by=["host"])
    for each in (AT_ONCE, RATE, SILENT)
)


@pytest.mark.parametrize("most", [2, 3, 10])
@settings(max_examples=examples(150))
@given(steps=STEPS)
def test_never_more_than_the_limit_none_closed_twice_none_lost(
    most: int, steps: Sequence[tuple[float, str, str, int]]
) -> None:
    """In any hour there are at most so many messages, and each incident that began is told, alone or in a summary."""
    watch = Watch(*ALL, most=most, repeat_s=120.0)
    free = Watch(*ALL)  # the same without a limit: what there is to tell
    at_s = 0.0
    for wait_s, what, host, count in steps:
        at_s += wait_s
        for each in (watch, free):
            if what == "restart":
                each.restart(at_s)
            elif what != "tick":
                each.see(at_s, count, what, host=host)
            each.tick(at_s)
    for _ in range(3):  # what is held back comes with the next hours
        at_s += HOUR_S + SUMMARY_AFTER_S
        watch.tick(at_s)
        free.tick(at_s)
    _hold_to_limit([at for at, _ in watch.told], most)
    _hold_to_pairs([each for _, each in watch.told])
    assert _begun(watch.told) == _begun(free.told)


def _hold_to_limit(times_s: Sequence[float], most: int) -> None:
    for first in times_s:
        assert sum(first <= each < first + HOUR_S for each in times_s) <= most


def _hold_to_pairs(notices: Iterable[Notice]) -> None:
    open_now = Counter[tuple[str, str]]()
    for each in notices:
        key = (each.rule, str(each.group))
        if each.kind == "begun":
            open_now[key] = 1
        elif each.kind == "over":
            assert open_now[key] == 1, each
            open_now[key] = 0


def _begun(told: Iterable[tuple[float, Notice]]) -> Counter[str]:
    found = Counter[str]()
    for _, each in told:
        found.update({each.rule: 1} if each.kind == "begun" else each.rules)
    return found
