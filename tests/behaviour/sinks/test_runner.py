"""The runner: what is written when, in which order it is committed, and what comes twice."""

import logging
import os
import time

import pytest
from msgspec.structs import replace

from logbus import telemetry
from logbus.batch import Batch, Head, Lengths, Message, encode
from logbus.errors import OutputError
from sinks.delivery import order
from sinks.delivery import runner as module
from sinks.ledger.ledger import Ledger, LedgerUnsaved
from sinks.sink import BatchRefused, OutputClosed
from support.stages import Stage


class Recorder:
    """A sink that notes what is done to it, and fails when told to."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.failures: list[Exception] = []

    def write(self, batch: Batch) -> None:
        """Note the body, or fail."""
        if self.failures:
            raise self.failures.pop()
        self.done.append(batch.body)

    def commit(self) -> None:
        """Note it."""
        self.done.append("commit")

    def close(self) -> None:
        """Note it."""
        self.done.append("close")


def test_a_trickle_is_written_at_once_and_committed_soon(stage: Stage) -> None:
    """A line is in the file after one step, and acknowledged 200 ms later."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    assert runner.step(10.0) == pytest.approx(0.2)
    assert stage.read() == b"one\n"
    assert stage.queue.unacked == 1
    runner.step(10.2)
    assert stage.queue.unacked == 0


def test_a_flood_is_committed_by_size(stage: Stage) -> None:
    """After commit_bytes, or commit_batches, it does not wait; and one step never takes more than that."""
    runner = stage.start(commit_bytes=10)
    stage.queue.put(*[stage.batch(b"12345\n", i * 6) for i in range(4)])
    assert runner.step(0.0) == 0.0
    assert stage.queue.unacked == 2
    runner = stage.start(commit_batches=1)
    stage.queue.reconnect()
    runner.step(0.0)
    assert stage.queue.unacked == 1


def test_the_order_of_a_commit(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """F1: write, sync the data, save the ledger, and only then acknowledge."""
    order = []

    def noting(owner: object, name: str) -> None:
        inner = getattr(owner, name)

        def noted(*args: object) -> object:
            order.append(name)
            return inner(*args)

        monkeypatch.setattr(owner, name, noted)

    runner = stage.start()
    noting(os, "write")
    noting(os, "fdatasync")
    noting(Ledger, "commit")
    noting(stage.queue, "ack")
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.step(1.0)
    assert order == ["write", "fdatasync", "commit", "ack"]


def test_what_comes_again_is_trimmed(stage: Stage) -> None:
    """G2, G6: of an overlapping batch the new part alone is written, whatever the redelivered flag says."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"0123\n5678\n"), stage.batch(b"5678\nabcd\n", 5), stage.batch(b"0123\n5678\nabcd\n"))
    runner.step(0.0)
    runner.step(1.0)
    runner = stage.start()
    stage.queue.put(stage.batch(b"5678\nabcd\nefgh\n", 5))
    runner.step(0.0)
    runner.step(1.0)
    assert stage.read() == b"0123\n5678\nabcd\nefgh\n"
    assert stage.queue.unacked == 0


def test_a_batch_before_its_predecessor_waits_for_it(stage: Stage) -> None:
    """G3, G10: N+1 and N+2 arrive before N; they are written behind it, and acknowledged with it."""
    before = telemetry.value("logbus_reordered_batches")
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"end\n", 12), stage.batch(b"3rd\n", 8))
    runner.step(0.0)
    runner.step(1.0)
    assert stage.read() == b"one\n"
    assert stage.queue.unacked == 2
    stage.queue.put(stage.batch(b"two\n", 4))
    runner.step(1.0)
    assert stage.read() == b"one\ntwo\n3rd\nend\n"
    runner.step(2.0)
    assert stage.queue.unacked == 0
    assert telemetry.value("logbus_reordered_batches") == before + 2


def test_a_predecessor_that_does_not_come_is_given_up(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """G3: at the deadline what waits is written, said and counted; what comes late is still written, once."""
    before, gap = telemetry.value("logbus_unordered_batches"), telemetry.value("logbus_gap_bytes")
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"end\n", 8))
    runner.step(0.0)
    assert runner.step(0.5) == pytest.approx(order.GAP_S - 0.5)
    runner.step(order.GAP_S)
    assert stage.read() == b"one\nend\n"
    stage.queue.put(stage.batch(b"one\ntwo\nend\n"), stage.batch(b"3rd\n", 12))
    runner.step(order.GAP_S)
    assert stage.read() == b"one\nend\ntwo\n3rd\n"
    assert telemetry.value("logbus_unordered_batches") == before + 1
    assert telemetry.value("logbus_gap_bytes") == gap + 4
    assert ": 4 bytes before byte 8 did not arrive in time" in caplog.text


def test_a_stream_first_seen_in_the_middle_waits_a_little(stage: Stage) -> None:
    """Its beginning may have been nacked; but it may as well have been shipped before this sink was bound."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"two\n", 4), stage.batch(b"two\n", 4, stream="f" * 16))
    runner.step(0.0)
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(1.0)
    assert stage.read() == b"one\ntwo\n"
    runner.step(order.FIRST_S)
    assert stage.read() == b"one\ntwo\ntwo\n"


def test_too_many_early_batches_wait_no_longer(stage: Stage) -> None:
    """The prefetch is never filled with what waits: the stream that waits longest goes on without its predecessor."""
    runner = stage.start(hold_batches=2)
    gapped = [stage.batch(b"%d\n" % i, 2 * i, stream=f"{i:016x}") for i in (1, 2, 3)]
    for now, batch in enumerate(gapped):
        stage.queue.put(batch)
        runner.step(now / 10)
    assert stage.read() == b"1\n"


def test_a_sink_of_parts_never_waits(stage: Stage) -> None:
    """A severity sink's batches have no predecessors: nothing waits, and nothing counts as missing."""
    gap = telemetry.value("logbus_gap_bytes")
    runner = stage.start(hold_batches=None)
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"end\n", 8))
    runner.step(0.0)
    assert stage.read() == b"one\nend\n"
    assert telemetry.value("logbus_gap_bytes") == gap


def test_behind_a_queue_that_drops_every_gap_is_counted(stage: Stage) -> None:
    """`drop_oldest`: nothing waits for what RabbitMQ has dropped, which is counted."""
    gap = telemetry.value("logbus_gap_bytes")
    runner = stage.start(hold_batches=0)
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"end\n", 12))
    runner.step(0.0)
    assert stage.read() == b"one\nend\n"
    assert telemetry.value("logbus_gap_bytes") == gap + 8


def test_what_waits_survives_an_outage(stage: Stage) -> None:
    """F3, G3: an error while the batches that waited are written repeats and loses nothing, and keeps the order."""
    sink = Recorder()
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"3rd\n", 8))
    runner = stage.start(make_sink=lambda _context: sink)
    runner.step(0.0)
    runner.step(1.0)
    sink.failures = [OutputError("write", "the disk is full")]
    stage.queue.put(stage.batch(b"two\n", 4), stage.batch(b"end\n", 12))
    for now in (1.1, 2.0, 3.0):
        runner.step(now)
    assert b"".join(each for each in sink.done if isinstance(each, bytes)) == b"one\ntwo\n3rd\nend\n"
    assert stage.queue.unacked == 0


def test_foreign_batches_are_all_written(stage: Stage) -> None:
    """E29: what has no position is never taken for a duplicate."""
    stage.queue.put(Message(b"same\n"), Message(b"same\n"))
    stage.start().step(0.0)
    assert stage.read() == b"same\nsame\n"


def test_forged_positions_hide_nobodys_lines(stage: Stage) -> None:
    """S8, S9: another user's batch with the same host and stream does not make a real line count as written."""
    forged = encode(stage.batch(b"evil\n"), user_id="eve")
    absurd = encode(stage.batch(b"x", end=1 << 62, lengths=Lengths.of(((1, 1 << 62),))), user_id="shipper")
    stage.queue.put(forged, absurd, encode(stage.batch(b"real\n"), user_id="shipper"))
    stage.start().step(0.0)
    assert stage.read() == b"evil\nreal\n"
    assert "absurd" in stage.queue.quarantined[0][1]


def test_a_forged_jump_is_said_and_hides_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """S9: an offset far ahead waits a while, is said and counted as a gap; what is real is written all the same."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"evil\n", 1 << 52))
    runner.step(0.0)
    stage.queue.put(stage.batch(b"two\n", 4))
    runner.step(0.1)
    assert stage.read() == b"one\ntwo\n"
    runner.step(order.GAP_S)
    stage.queue.put(stage.batch(b"3rd\n", 8))
    runner.step(order.GAP_S)
    assert stage.read() == b"one\ntwo\nevil\n3rd\n"
    assert f"before byte {1 << 52} did not arrive in time" in caplog.text


def test_an_undecodable_message_is_set_aside(stage: Stage) -> None:
    """E28: it goes to the dead letters with its reason, and the next one is written."""
    broken = replace(encode(stage.batch(b"x\n")), headers={})
    stage.queue.put(broken, stage.batch(b"next\n"))
    runner = stage.start()
    runner.step(0.0)
    runner.step(1.0)
    assert stage.read() == b"next\n"
    assert [(message, "missing" in reason) for message, reason in stage.queue.quarantined] == [(broken, True)]
    assert stage.queue.unacked == 0


def test_a_batch_that_the_sink_refuses_is_set_aside(stage: Stage) -> None:
    """One batch that can never be written does not stop the others."""
    sink = Recorder()
    sink.failures = [BatchRefused("write it", "its name is a directory")]
    stage.queue.put(stage.batch(b"bad\n"), stage.batch(b"good\n", 4))
    stage.start(make_sink=lambda _context: sink).step(0.0)
    assert sink.done == [b"good\n"]
    assert stage.queue.quarantined[0][1] == "its name is a directory"


def test_an_outage_is_waited_out(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """F3: tried again after 0.1 s, doubled up to 30 s; said once when it begins and once when it ends.

    In a long one, deliveries are given back between two attempts: they would time out, and take memory.
    """
    sink = Recorder()
    sink.failures = [OutputError("write", "the disk is full") for _ in range(12)]
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"two\n", 4))
    runner = stage.start(make_sink=lambda _context: sink)
    now, waits = 0.0, []
    while sink.failures:
        waits.append(round(runner.step(now), 3))
        assert runner.step(now + waits[-1] / 2) > 0, "not before its time"
        now += waits[-1]
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == 30.0
    assert stage.queue.paused
    assert stage.queue.unacked == 0
    runner.step(now)
    runner.step(now + 1)
    assert sink.done == [b"one\n", b"two\n", "commit"]
    assert stage.queue.unacked == 0
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_what_arrives_in_an_outage_is_given_back_beyond_a_bound(stage: Stage) -> None:
    """RabbitMQ bounds how many messages it hands out, not how large they are: a second of them may fill the memory."""
    sink = Recorder()
    sink.failures = [OutputError("write", "the disk is full")]
    one, two = stage.batch(b"one\n"), stage.batch(b"two\n", 4)
    body_bytes = len(encode(one).body)
    stage.queue.put(one)
    runner = stage.start(make_sink=lambda _context: sink, arrived_max_bytes=body_bytes)
    runner.step(0.0)
    stage.queue.put(two)
    runner.step(0.01)
    within_the_bound = not stage.queue.paused
    assert within_the_bound
    stage.queue.put(stage.batch(b"three\n", 8))
    runner.step(0.02)
    assert stage.queue.paused
    runner.step(1.0)
    runner.step(2.0)
    assert sink.done == [b"one\n", b"two\n", b"three\n", "commit"]


def test_a_ledger_that_cannot_be_saved_is_waited_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """C6: the data is safe by then and is not written again; nothing is acknowledged before the ledger is saved."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", _unsaved)  # stands for a full disk
        runner.step(1.0)
        stage.queue.put(stage.batch(b"two\n", 4))
        runner.step(2.0)
        assert stage.queue.unacked == 1
    runner.step(3.0)
    runner.step(4.0)
    assert stage.queue.unacked == 0
    assert stage.read() == b"one\ntwo\n"


def _unsaved(_ledger: object, _marks: object) -> None:
    raise LedgerUnsaved("use the ledger", "the disk is full")


def test_after_a_reconnect_nothing_is_written_twice(stage: Stage) -> None:
    """G1, E25: what was written but not committed comes again, is trimmed, and is acknowledged by its new tag."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"two\n", 4))
    runner.step(0.0)
    stage.queue.reconnect()
    runner.step(0.1)
    runner.step(0.5)
    assert stage.read() == b"one\ntwo\n"
    assert stage.queue.unacked == 0


def test_a_reconnect_during_an_outage_writes_once(stage: Stage) -> None:
    """Deliveries put back for later are forgotten with their epoch: they come again."""
    sink = Recorder()
    sink.failures = [OutputError("write", "the disk is full")]
    runner = stage.start(make_sink=lambda _context: sink)
    stage.queue.put(Message(b"one\n"), Message(b"two\n"))
    runner.step(0.0)
    stage.queue.reconnect()
    runner.step(1.0)
    runner.step(2.0)
    assert sink.done == [b"one\n", b"two\n", "commit"]
    assert stage.queue.unacked == 0


def test_drain_commits_what_is_written(stage: Stage) -> None:
    """SIGTERM: nothing more is taken, what is written is committed, and then it has finished."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.drain()
    assert not runner.finished()
    stage.queue.put(stage.batch(b"two\n", 4))
    runner.step(0.01)
    assert runner.finished()
    assert stage.read() == b"one\n"
    assert stage.queue.unacked == 0


def test_a_reader_that_goes_away_ends_it(stage: Stage) -> None:
    """F9: what was not shown is not acknowledged, and there is nothing left to do."""
    sink = Recorder()
    sink.failures = [OutputClosed()]
    runner = stage.start(make_sink=lambda _context: sink)
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    assert runner.finished()
    assert stage.queue.unacked == 1


def test_an_idle_runner_asks_for_no_step(stage: Stage) -> None:
    """It is woken by deliveries, not by a clock."""
    assert stage.start().step(0.0) == module.IDLE_S


def test_once_a_minute_it_logs_what_it_wrote(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Records, bytes and how old the last batch is; and nothing while nothing arrives."""
    caplog.set_level(logging.INFO, "sinks.activity")
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\ntwo\n", read_at_us=int((time.time() + 3600) * 1e6)))
    for now in range(0, 300, 5):
        runner.step(float(now))
    expected = "written in the last 60 s: records 2, bytes 8, the last one read 0.0 s ago; batches waiting: 0"
    assert caplog.messages == [expected]


class Skimmer(Recorder):
    """A sink that only counts every other batch."""

    def skims(self, head: Head) -> bool:
        """Skim batches by where they begin."""
        return head.offset % 4000 == 2000

    def pass_over(self, head: Head) -> None:
        """Note the levels."""
        assert (head.body, head.encoded) == (b"", None)  # nothing that takes memory
        self.done.append((head.offset, head.levels))


def test_a_sink_that_skims_is_given_heads_in_order_and_once(stage: Stage) -> None:
    """What it only counts takes its place among the others, waits for its predecessor, and does not come twice."""
    bodies = [b"%d" % number * 1999 + b"\n" for number in range(4)]
    batches = [stage.batch(body, 2000 * number) for number, body in enumerate(bodies)]
    sink = Skimmer()
    runner = stage.start(make_sink=lambda _: sink)
    stage.queue.put(*(batches[number] for number in (0, 2, 1, 1, 3, 3)))
    runner.step(0.0)
    assert sink.done[:4] == [bodies[0], (2000, b"6"), bodies[2], (6000, b"6")]
    stage.queue.put(stage.batch(bodies[0] + bodies[1], 6000))  # of which the first half was counted
    runner.step(0.1)
    assert sink.done[4] == bodies[1]


def test_the_text_of_a_batch_that_comes_again_is_not_decompressed(stage: Stage) -> None:
    """A sink that would only count it needs no more than its head to know that it has it, and acknowledges it."""
    sink = Skimmer()
    runner = stage.start(make_sink=lambda _: sink)
    counted = encode(stage.batch(b"x" * 1999 + b"\n", 2000))
    stage.queue.put(stage.batch(b"w" * 1999 + b"\n", 0), counted, replace(counted, body=b"no frame"))
    runner.step(0.0)
    assert sink.done[1:] == [(2000, b"6")]
    assert not stage.queue.quarantined
    runner.step(1.0)
    assert stage.queue.unacked == 0


def test_a_head_that_breaks_the_contract_is_set_aside(stage: Stage) -> None:
    """What a sink would only count is held to the rules as far as its headers tell."""
    sink = Skimmer()
    runner = stage.start(make_sink=lambda _: sink)
    wrong = encode(stage.batch(b"x" * 1999 + b"\n", 2000))
    stage.queue.put(replace(wrong, headers={**wrong.headers, "levels": b"9"}))
    runner.step(0.0)
    assert len(stage.queue.quarantined) == 1
    assert sink.done == []
