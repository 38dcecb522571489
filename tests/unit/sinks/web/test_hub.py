"""The hub: every record that somebody wants is shown or counted as skipped, however much comes and slow they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, Lengths, select
from logbus.errors import UsageError
from logbus.severity import classify
from sinks.web.live.entry import LINE_MAX_BYTES, MESSAGE_MAX, Entry, newest
from sinks.web.live.filters import filter_of
from sinks.web.live.hub import VIEWERS_MAX, Hub, Place
from support.watching import EVERYTHING, STREAM, Source, look, messages, publish, rest_of

LEVELS = st.lists(st.sampled_from(b"01234567"), min_size=1, max_size=60).map(bytes)
STEPS = st.lists(st.tuples(LEVELS, st.integers(0, 40), st.booleans()), max_size=30)


@given(STEPS, st.sampled_from(["", "err", "warning"]))
def test_shown_and_skipped_are_all_that_was_sent(steps: list[tuple[bytes, int, bool]], least: str) -> None:
    """However slowly somebody takes, each wanted record is shown once and in order, or counted by its stream."""
    hub = Hub(kept_bytes=200, records_max=5)
    viewer = look(hub, filter_of({"min": least}, []))
    sources = {False: Source("web-1"), True: Source("web-2")}
    limit = {"": 8, "err": 4, "warning": 5}[least]
    sent, skipped, rates = {"web-1": 0, "web-2": 0}, {"web-1": 0, "web-2": 0}, [0] * 8
    shown: list[str] = []
    for levels, most, second in [*steps, (b"0", 1_000, False)]:
        publish(hub, sources[second].batch(levels))
        sent[sources[second].host] += sum(level < ord("0") + limit for level in levels)
        taken = hub.take(viewer, most)
        lines = [json.loads(line) for part in taken.parts for line in part.entry.lines()[part.start : part.stop]]
        shown += [f"{each['host']} {each['message']}" for each in lines]
        for (host, _, _), count in taken.skipped.items():
            skipped[host] += count
        rates = [before + now for before, now in zip(rates, hub.rates(viewer), strict=True)]
    for host, count in sent.items():
        of_host = [each for each in shown if each.startswith(host)]
        assert len(of_host) + skipped[host] == count
        assert of_host == sorted(set(of_host), key=lambda each: int(each.split()[-1]))
    assert sum(rates) == sum(sent.values())


def test_the_oldest_of_several_batches_are_skipped() -> None:
    """Of three batches that wait together, the oldest records beyond the most are dropped, and exactly counted."""
    hub, source = Hub(records_max=25), Source()
    viewer = look(hub, EVERYTHING)
    for _ in range(3):
        publish(hub, source.batch(b"6" * 10))
    taken = hub.take(viewer, 100)
    assert taken.skipped == {("web-1", "app", "/a.log"): 5}
    assert messages(taken) == [f"record {number}" for number in range(5, 30)]


@given(st.lists(LEVELS, min_size=1, max_size=10), st.integers(0, 60))
def test_a_lost_connection_goes_on_where_it_was(several: list[bytes], taken_first: int) -> None:
    """What came meanwhile is shown, and nothing twice, even if the connection broke within a batch."""
    hub, source = Hub(), Source()
    viewer = look(hub, EVERYTHING)
    for levels in several:
        publish(hub, source.batch(levels))
    first = hub.take(viewer, taken_first)
    hub.leave(viewer)
    again = look(hub, EVERYTHING, Place(hub.name, first.place, first.into))
    assert again.missed == 0
    total = sum(map(len, several))
    assert messages(first) + rest_of(hub, again) == [f"record {number}" for number in range(total)]


def test_what_is_not_kept_any_more_is_counted() -> None:
    """Somebody who was away for longer than the hub keeps is told how many records came meanwhile."""
    hub, source = Hub(kept_bytes=100), Source()
    for _ in range(30):
        publish(hub, source.batch(b"66"))
    viewer = look(hub, EVERYTHING, Place(hub.name, 10, 0))
    assert viewer.missed
    assert viewer.missed + len(rest_of(hub, viewer)) == 50


def test_after_a_restart_nobody_knows_how_many_were_missed() -> None:
    """The place of another hub says nothing: the latest records are shown, and that some may be missing."""
    hub = Hub()
    publish(hub, Source().batch(b"666"))
    viewer = look(hub, EVERYTHING, Place("00000000", 7, 0))
    assert viewer.missed is None
    assert len(rest_of(hub, viewer)) == 3


def test_a_batch_is_made_json_once_for_all_who_see_all_of_it() -> None:
    """Two who filter nothing get the very same lines; nothing is made before anybody takes it."""
    hub = Hub()
    viewers = [look(hub, EVERYTHING) for _ in range(2)]
    publish(hub, Source().batch(b"66"))
    one, other = (hub.take(viewer, 10).parts[0].entry for viewer in viewers)
    assert one is other


def test_only_so_many_look() -> None:
    """One more than may look is refused, until another leaves."""
    hub = Hub()
    viewers = [look(hub, EVERYTHING) for _ in range(VIEWERS_MAX)]
    with pytest.raises(UsageError, match="look already"):
        look(hub, EVERYTHING)
    hub.leave(viewers[0])
    look(hub, EVERYTHING)


def test_a_record_is_found_by_its_place() -> None:
    """A record that is kept is found by stream and offset; an offset within a record is no record's."""
    hub, source = Hub(), Source()
    publish(hub, source.batch(b"666"))
    found = hub.find(STREAM, len(b"record 0\n"))
    assert found is not None
    assert json.loads(found)["message"] == "record 1"
    assert hub.find(STREAM, 3) is None
    assert hub.find("f" * 16, 0) is None


def test_a_giant_is_cut() -> None:
    """A record that is too long for a page is shown in part, and says so."""
    giant = Batch(b"\x00" * LINE_MAX_BYTES + b"\n", b"6")
    [line] = Entry(giant, 1).lines()
    assert len(line) <= 2 * LINE_MAX_BYTES
    shown = json.loads(line)
    assert (len(shown["message"]), shown["cut"]) == (MESSAGE_MAX, True)


def test_names_that_are_not_text_are_shown() -> None:
    """A path that is not UTF-8, and dropped records, harm nobody."""
    batch = Batch(b"a\nb\n", b"66", path="/\udcff.log", lengths=Lengths.of(((2, 2), (0, 5), (2, 2))), host="h" * 5000)
    batch = Batch(b"a\nb\n", b"666", batch.host, "", batch.path, STREAM, 0, 9, lengths=batch.lengths)
    entry = Entry(batch, 2)
    shown = [json.loads(line) for line in entry.lines()]
    assert [each["message"] for each in shown] == ["a", "b"]
    assert [each["offset"] for each in shown] == [0, 7]
    assert entry.stream[2] == "/\\xff.log"


@given(
    st.lists(st.sampled_from([b"INFO a", b"", b"ERROR b"]), min_size=1, max_size=8), st.integers(1, 9), st.booleans()
)
def test_the_newest_of_a_batch_are_its_last(lines: list[bytes], most: int, whole: bool) -> None:
    """As they are among all of its records, with their places; also where some were dropped."""
    body = b"\n".join(lines) + b"\n"
    batch = Batch(body, classify(body), "h", "l", "/x", "f" * 16, 100, 100 + len(body), 1)
    batch = batch if whole else select(batch, bytes(number % 2 for number in range(len(lines))))
    entry, left_out = newest(batch, 1, most)
    everything = Entry(batch, 1).lines()
    assert entry.lines() == everything[-most:]
    assert left_out == len(everything) - entry.count
