"""What is only counted because nobody could see it: the rest of what comes, in the long run."""

from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, Head
from sinks.web.live.filters import filter_of
from sinks.web.live.flow import Flow
from sinks.web.live.hub import Hub
from support.watching import EVERYTHING, Source, look, look_at_all, messages, publish

LEVELS = st.lists(st.sampled_from(b"01234567"), min_size=1, max_size=9).map(bytes)


def head_of(batch: Batch) -> Head:
    """Return a batch without its body."""
    return Head(b"", batch.levels, batch.host, batch.label, batch.path, batch.stream, batch.offset, batch.end)


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 3)), min_size=1, max_size=50))
def test_no_more_is_admitted_than_the_rate_and_what_may_come_at_once(several: list[tuple[int, float]]) -> None:
    """Except for the end of the last batch; and as much at once is always admitted after a while."""
    flow, now_s, admitted, first_s = Flow(100, 1_000), 0.0, 0, several[0][1]
    for size_bytes, pause_s in several:
        now_s += pause_s
        admitted += size_bytes * flow.admits(size_bytes, now_s)
    assert admitted <= 1_000 + 100 * (now_s - first_s) + 500
    assert flow.admits(1_000, now_s + 15)


@given(st.lists(st.tuples(LEVELS, st.booleans(), st.integers(0, 30)), max_size=30))
def test_records_that_are_only_counted_are_skipped_exactly(steps: list[tuple[bytes, bool, int]]) -> None:
    """Shown and skipped are all that came, in every severity, whichever batches came without their bodies."""
    hub, source = Hub(kept_bytes=300, records_max=7), Source()
    viewer = look(hub, EVERYTHING)
    shown = skipped = 0
    rates = [0] * 8
    for levels, is_bare, most in [*steps, (b"6", False, 1_000)]:
        batch = source.batch(levels)
        publish(hub, head_of(batch) if is_bare else batch)
        taken = hub.take(viewer, most)
        shown += len(messages(taken))
        skipped += sum(taken.skipped.values())
        rates = [before + now for before, now in zip(rates, hub.rates(viewer), strict=True)]
    every = b"".join([levels for levels, _, _ in steps]) + b"6"
    assert shown + skipped == len(every)
    assert rates == [every.count(b"%d" % digit) for digit in range(8)]


def test_what_no_filter_wants_is_not_counted_as_skipped() -> None:
    """A batch of another host, or without the wanted severities, is nothing that was missed."""
    hub = Hub()
    viewers = [look(hub, filter_of(asked, [])) for asked in ({"host": "db-*"}, {"min": "err"})]
    hub.publish(head_of(Source().batch(b"66")))
    look_at_all(hub)
    assert [hub.take(viewer, 9).skipped for viewer in viewers] == [{}, {}]


def test_what_is_only_counted_takes_no_turn() -> None:
    """It is counted at once, unless a batch before it is still to be looked at."""
    hub, source = Hub(), Source()
    viewer = look(hub, EVERYTHING)
    hub.publish(head_of(source.batch(b"66")))
    assert hub.turn(0.0) is None
    assert sum(hub.take(viewer, 9).skipped.values()) == 2
    hub.publish(source.batch(b"3"))
    hub.publish(head_of(source.batch(b"6")))
    assert not hub.take(viewer, 9).skipped
    look_at_all(hub)
    taken = hub.take(viewer, 9)
    assert (len(messages(taken)), sum(taken.skipped.values())) == (1, 1)


def test_only_what_nobody_searches_is_skimmed() -> None:
    """Beyond the flow, a batch is read all the same if a filter has to look for some of its records in it."""
    hub, batch = Hub(), Source().batch(b"63")
    flood = Head(b"", b"6", "web-1", "app", "", batch.stream, 0, 1 << 26)
    assert not hub.skims(flood, 0.0)
    assert hub.skims(head_of(batch), 0.0)
    for asked in ({"text": "order"}, {"min": "err"}):
        viewer = look(hub, filter_of(asked, []))
        assert not hub.skims(head_of(batch), 0.0)
        hub.leave(viewer)
    for asked in ({"text": "order", "host": "db-1"}, {"min": "crit"}, {"host": "web-1"}):
        viewer = look(hub, filter_of(asked, []))
        assert hub.skims(head_of(batch), 0.0)
        hub.leave(viewer)
    assert not hub.skims(head_of(batch), 60.0)


def test_a_record_that_was_only_counted_is_not_found() -> None:
    """A link to it is answered by the archive."""
    hub, source = Hub(), Source()
    hub.publish(head_of(source.batch(b"66")))
    assert hub.find(source.batch(b"6").stream, 0) is None
