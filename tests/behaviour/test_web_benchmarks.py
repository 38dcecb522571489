"""What the benchmarks of the page count is what was sent: a wrong ruler would hide a loss."""

import socket
import threading

import pytest

from benchmarks.beside_page import IN_BACKLOG, IN_BURST
from benchmarks.feed import HOSTS, RECORD_BYTES, RECORDS, Feed, due_times
from benchmarks.fleet import status
from benchmarks.web import MOST, PACE, RATE, TASK_MS, UNACCOUNTED, missed, percentile
from benchmarks.web_sink import Looker
from logbus.batch import decode
from logbus.fleet.status import decode as decode_status
from logbus.fleet.status import encode as encode_status

GOOD = {UNACCOUNTED: 0.0, TASK_MS: 200.0, PACE: float(RATE), IN_BURST: 0.95, IN_BACKLOG: 0.95}


def test_the_feed_publishes_exactly_so_many_records_a_second() -> None:
    """In each second as many batches are due as make the rate, evenly."""
    due_s = list(due_times(50_000, 2.0))
    assert len(due_s) * RECORDS == 100_000
    assert sum(at < 1.0 for at in due_s) * RECORDS == 50_000
    assert due_s == sorted(due_s)


def test_the_batches_of_the_feed_are_a_shippers() -> None:
    """They decode, those of one host follow each other without a gap, and all records are as long as each other."""
    feed = Feed()
    batches = [decode(feed.message(number)) for number in range(3 * HOSTS)]
    assert {len(line) for batch in batches for line in batch.body.splitlines(keepends=True)} == {RECORD_BYTES}
    assert {len(batch.levels) for batch in batches} == {RECORDS}
    for host in range(HOSTS):
        mine = batches[host::HOSTS]
        assert {batch.host for batch in mine} == {f"host-{host}"}
        assert [batch.offset for batch in mine] == [0, *(batch.end for batch in mine[:-1])]


def test_a_simulated_host_says_what_a_shipper_says() -> None:
    """Its status decodes, and grows by 200 records from turn to turn."""
    first, second = (decode_status(encode_status(status(7, turn, 1))) for turn in (1, 2))
    assert (first.host, first.role, first.state) == ("web-0007", "shipper", "running")
    assert second.records - first.records == 200
    assert sum(second.severities) == sum(part.records for part in second.inputs) == second.records


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_looker_counts_events_however_they_are_cut(cut: int) -> None:
    """Shown and skipped records are counted once, wherever the network cuts what the page sends."""
    record = rb'{"host":"a","stream":"0000000000000001","offset":0,"message":"no \",\"stream\":\"x"}'
    events = b"event: hello\ndata: {}\n\nid: a-1-0\nevent: records\ndata: [%b,%b]\n\n" % (record, record)
    events += b'event: skipped\ndata: {"total":40,"streams":[],"others":40}\n\n'
    with socket.create_server(("127.0.0.1", 0)) as listening:
        looker = Looker(f"http://127.0.0.1:{listening.getsockname()[1]}")
        serving = threading.Thread(target=serve, args=(listening, events, cut))
        serving.start()
        looker.run()
        serving.join()
    assert (looker.shown, looker.skipped, looker.accounted) == (2, 40, 42)
    assert looker.ready.is_set()


def serve(listening: socket.socket, events: bytes, cut: int) -> None:
    """Answer one request with events, in chunks of so many bytes."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for begin in range(0, len(events), cut):
            piece = events[begin : begin + cut]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")


def test_goals_that_are_met_are_not_named() -> None:
    """Figures right at their limits are good."""
    assert list(missed({**GOOD, **MOST})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (UNACCOUNTED, 1.0),
        *((name, most + 1) for name, most in MOST.items()),
        (IN_BURST, 0.94),
        (IN_BACKLOG, 0.94),
        (PACE, 9.0),
    ],
)
def test_a_goal_that_is_missed_is_named(name: str, value: float) -> None:
    """One record that nobody was told of is enough, and so is any limit that is passed."""
    (said,) = missed({**GOOD, name: value})
    assert said.startswith(name)


def test_a_percentile_of_nothing_is_nothing() -> None:
    """A tab without long tasks has none of 0 ms; of some, the p95 is one that was measured."""
    assert percentile([], 95) == 0.0
    assert percentile([float(each) for each in range(1, 101)], 95) == 96.0
