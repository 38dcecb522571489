"""Whose filter runs when: a costly one costs neither publisher nor others, and what it has not seen is counted."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from sinks.web.http.live import skipped_as_json
from sinks.web.live.filters import Filter, filter_of
from sinks.web.live.hub import Hub, Place
from sinks.web.live.viewer import BURST_S, SHARE
from support import nothing
from support.watching import EVERYTHING, Source, look, look_at_all, messages, no_time, publish

OF_WEB_1 = ("web-1", "app", "/a.log")


@dataclass(slots=True)
class Costly:
    """A glob that matches every host, and takes time of a clock of its own."""

    takes_s: float
    now_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str) -> bool:
        """Match, after a while."""
        self.asked.append(host)
        self.now_s += self.takes_s
        return True

    def clock(self) -> float:
        """Return the time."""
        return self.now_s


def test_who_publishes_runs_no_filter() -> None:
    """Publishing asks no filter anything, and somebody who begins to look runs none, either."""
    hub, glob = Hub(), Costly(1.0)
    hub.publish(Source().batch(b"666"))
    viewer = hub.look(Filter(host=glob), nothing)
    hub.publish(Source().batch(b"666"))
    assert glob.asked == []
    look_at_all(hub)
    assert glob.asked == ["web-1"] * 2
    assert len(messages(hub.take(viewer, 100))) == 6


def test_a_costly_filter_gets_its_share_and_the_others_see_all() -> None:
    """Beside a filter that takes far longer than it may, another misses nothing; what that one does is counted."""
    hub, source, glob = Hub(kept_bytes=1_000), Source(), Costly(SHARE)
    cheap, costly = look(hub, EVERYTHING), look(hub, Filter(host=glob))
    seen: list[str] = []
    skipped = shown = 0
    for number in range(1, 201):
        hub.publish(source.batch(b"66"))
        glob.now_s = max(glob.now_s, number * 0.1)
        while turn := hub.turn(glob.now_s):
            hub.look_at(turn, glob.clock)
        seen += messages(hub.take(cheap, 1_000))
        taken = hub.take(costly, 1_000)
        shown += len(messages(taken))
        skipped += taken.skipped.get(OF_WEB_1, 0)
    assert seen == [f"record {number}" for number in range(400)]
    assert len(glob.asked) * SHARE <= BURST_S + SHARE * glob.now_s + 2 * SHARE
    assert skipped > 200
    look_at_all_later(hub, glob.now_s)
    assert shown + skipped + len(messages(hub.take(costly, 1_000))) == 400


def look_at_all_later(hub: Hub, now_s: float) -> None:
    """Run all filters, so late that all of them may run."""
    while turn := hub.turn(now_s + 1e6):
        hub.look_at(turn, lambda: now_s + 1e6)


def test_a_filter_that_used_its_time_waits_until_it_is_forgiven() -> None:
    """A filter that took more than it may at once has no turn, and has one as soon as its share makes up for that."""
    hub, glob = Hub(), Costly(BURST_S + SHARE)
    viewer = hub.look(Filter(host=glob), nothing)
    for _ in range(2):
        hub.publish(Source().batch(b"6"))
    turn = hub.turn(0.0)
    assert turn
    hub.look_at(turn, glob.clock)
    assert viewer.is_behind
    assert hub.turn(glob.now_s) is None
    assert viewer.wait_s(glob.now_s) == 1.0
    assert hub.turn(glob.now_s + 1.0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.lists(st.sampled_from(b"01234567"), min_size=1, max_size=9)),
        st.tuples(st.just("look"), st.integers(1, 4)),
        st.tuples(st.just("hold"), st.integers(1, 3)),
        st.tuples(st.just("take"), st.integers(0, 9)),
    ),
    max_size=60,
)


@given(STEPS, st.sampled_from(["", "err"]))
def test_shown_skipped_and_unwanted_are_all_that_was_sent(steps: list[tuple[str, object]], least: str) -> None:
    """Whenever filters run, each record is shown once and in order, unwanted, or counted, not seen by a filter or not.

    To hold a turn is to publish while a filter runs.
    """
    hub, source = Hub(kept_bytes=150, records_max=7), Source()
    viewer = hub.look(filter_of({"min": least}, []), nothing)
    sums = Counter[str]()
    shown: list[int] = []

    def send(levels: object) -> None:
        assert isinstance(levels, list)
        hub.publish(source.batch(bytes(levels)))
        sums["sent"] += len(levels)

    def see(most: int, meanwhile: int = 0) -> None:
        for _ in range(most):
            if turn := hub.turn(0.0):
                sums["unwanted"] += sum(bool(least) and level > ord("3") for level in turn.kept.levels)
                for _ in range(meanwhile):
                    send(list(b"3434343"))
                hub.look_at(turn, no_time)

    def take(most: int) -> None:
        taken = hub.take(viewer, most)
        shown.extend(int(each.split()[-1]) for each in messages(taken))
        sums["skipped"] += sum(taken.skipped.values())
        assert taken.unseen <= sum(taken.skipped.values())

    for name, given_ in [*steps, ("look", 10_000), ("take", 10_000)]:
        if name == "publish":
            send(given_)
        else:
            assert isinstance(given_, int)
            doing = {"look": (see, (given_,)), "take": (take, (given_,)), "hold": (see, (1, given_))}
            act, numbers = doing[name]
            act(*numbers)
    assert len(shown) + sums["skipped"] + sums["unwanted"] == sums["sent"]
    assert shown == sorted(set(shown))
    assert sum(hub.rates(viewer)) == sums["sent"] - sums["unwanted"]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
    st.integers(0, 12),
    st.integers(0, 30),
    st.lists(st.integers(1, 9), max_size=12),
)
def test_who_comes_back_sees_nothing_twice_and_is_told_what_is_gone(
    before: list[int], turns: int, taken_first: int, after: list[int]
) -> None:
    """However far the filter was, after a lost connection all is shown once, or counted as missed or skipped."""
    hub, source = Hub(kept_bytes=200), Source()
    first = hub.look(EVERYTHING, nothing)
    for count in before:
        hub.publish(source.batch(b"6" * count))
    for _ in range(turns):
        if turn := hub.turn(0.0):
            hub.look_at(turn, no_time)
    taken = hub.take(first, taken_first)
    hub.leave(first)
    second = hub.look(EVERYTHING, nothing, Place(hub.name, taken.place, taken.into))
    for count in after:
        hub.publish(source.batch(b"6" * count))
    look_at_all(hub)
    rest = hub.take(second, 1_000)
    shown = [int(each.split()[-1]) for each in messages(taken) + messages(rest)]
    assert shown == sorted(set(shown))
    assert second.missed is not None
    gone = sum(taken.skipped.values()) + second.missed + sum(rest.skipped.values())
    assert len(shown) + gone >= sum(before) + sum(after)
    if not taken.skipped:
        assert len(shown) + gone - (taken.into if second.missed else 0) == sum(before) + sum(after)


def test_the_latest_are_shown_when_all_was_looked_at() -> None:
    """Somebody who comes anew sees nothing until the filter has found the latest records, and then just these."""
    hub, source = Hub(), Source()
    for _ in range(3):
        publish(hub, source.batch(b"6" * 100))
    viewer = hub.look(EVERYTHING, nothing)
    turn = hub.turn(0.0)
    assert turn
    hub.look_at(turn, no_time)
    assert messages(hub.take(viewer, 1_000)) == []
    look_at_all(hub)
    assert messages(hub.take(viewer, 1_000)) == [f"record {number}" for number in range(100, 300)]


def test_what_no_filter_saw_is_said() -> None:
    """The browser is told how many of the skipped records were not even looked at, and whose they are."""
    hub, source = Hub(kept_bytes=30), Source()
    viewer = hub.look(EVERYTHING, nothing)
    for _ in range(3):
        hub.publish(source.batch(b"666"))
    taken = hub.take(viewer, 10)
    assert (taken.skipped, taken.unseen) == ({OF_WEB_1: 6}, 6)
    assert b'"total":6,"unseen":6' in skipped_as_json(taken)
