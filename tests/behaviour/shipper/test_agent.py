"""Agent: the order of reading, publishing and saving."""

import logging
import os
from pathlib import Path

import pytest

from logbus import telemetry
from shipper.steps.reading import PAUSE_S, SLICES_A_STEP, SMALL_BYTES
from support.shores import Shore


def test_a_batch_says_where_it_is_from(shore: Shore) -> None:
    """Host, label, absolute path, offsets, fields, levels: everything a sink needs."""
    path = shore.write("app.log", b"INFO: a\nERROR: b\n")
    shore.start(fields={"team": "x"})
    (batch,) = shore.publisher.batches
    assert (batch.host, batch.label, batch.path, batch.offset, batch.end) == ("h", "app", str(path), 0, 17)
    assert (batch.levels, batch.fields, batch.partial) == (b"63", {"team": "x"}, False)
    assert len(batch.stream) == 16
    assert batch.read_at_us > 1_600_000_000_000_000


def test_bytes_arrive_as_they_are(shore: Shore) -> None:
    """B4, B5, B8, B9, B10: CRLF, blanks, NULs, latin-1, UTF-16, a BOM, odd separators: verbatim."""
    data = b"\xef\xbb\xbfa\r\n\n  b \t\n" + "é\n".encode("latin-1") + "ü\n".encode("utf-16") + b"\0" * 1_048_576
    data += b"\nafter\x0b\x0c\x1c\x85\xe2\x80\xa8\r\xff\xfe\n"
    shore.write("app.log", data)
    shore.start()
    assert shore.lives() == [data]


def test_what_it_follows_resumes_and_finishes_is_logged(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """With --verbose, an operator sees what becomes of each file."""
    caplog.set_level(logging.INFO)
    path = shore.write("app.log", b"one\n")
    shore.start()
    assert f"following {path} from byte 0" in caplog.text
    shore.run()
    shore.stop()
    shore.start()
    assert f"resuming {path} from byte 4" in caplog.text
    assert "finished" not in caplog.text
    path.unlink()
    shore.run()
    shore.run(100.0)
    assert caplog.text.count(f"finished {path}: all of its 4 bytes are confirmed") == 1


def test_once_a_minute_it_logs_what_it_shipped(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """And nothing while there is nothing to ship."""
    caplog.set_level(logging.INFO, "shipper.activity")
    shore.write("app.log", b"one\ntwo\n")
    shore.start()
    for _ in range(30):
        shore.run(10.0)
    assert caplog.messages == [
        "shipped in the last 60 s: records 2, bytes 8; files followed: 1, bytes behind: 0, batches unconfirmed: 0",
    ]


def test_the_id_is_on_disk_before_the_first_batch(shore: Shore) -> None:
    """A crash right after the first publish finds the same id."""
    shore.write("app.log", b"one\n")
    shore.publisher.holding = True
    shore.start()
    shore.crash()
    shore.start()
    assert {batch.stream for batch in shore.publisher.batches} == {shore.publisher.batches[0].stream}
    assert len(shore.publisher.batches) == 2


def test_the_registry_moves_with_confirms_only(shore: Shore) -> None:
    """C2: what is published and not confirmed is not saved, and is sent again after a crash."""
    shore.write("app.log", b"one\n")
    shore.publisher.holding = True
    shore.start()
    stream = shore.publisher.batches[0].stream
    shore.run()
    assert shore.offset_of(stream) == 0
    shore.publisher.confirmed = list(shore.publisher.held)
    shore.run()
    assert shore.offset_of(stream) == 4


def test_confirms_behind_a_gap_do_not_count(shore: Shore) -> None:
    """C3: N+1 confirmed before N, then killed: N is sent again."""
    shore.publisher.holding = True
    shore.start()
    for line in (b"one\n", b"two\n"):
        shore.write("app.log", line)
        shore.run()
    shore.publisher.confirmed = [shore.publisher.held[1]]
    shore.run()
    shore.crash()
    shore.start()
    assert shore.publisher.batches[-1].body == b"one\ntwo\n"


def test_a_full_window_stops_reading(shore: Shore) -> None:
    """D11: while the window is full nothing is read: the file is the buffer."""
    shore.write("app.log", b"x" * 99 + b"\n")
    shore.publisher.holding, shore.publisher.window = True, 0
    shore.start()
    assert shore.publisher.batches == []
    shore.publisher.window = 1
    shore.run(0.0)
    assert len(shore.publisher.batches) == 1


def test_a_step_is_bounded_and_fair(shore: Shore) -> None:
    """B12: one step publishes a large slice or so many small ones; a busy file does not keep quiet ones waiting."""
    shore.write("busy.log", (b"y" * 1023 + b"\n") * 20_000)
    quiet = [f"quiet{number}" for number in range(SLICES_A_STEP + 4)]
    for name in quiet:
        shore.write(f"{name}.log", b"line\n")
    shore.publisher.window = 0
    agent = shore.start()
    shore.publisher.window = 1000
    steps: list[int] = []
    for _ in range(3):
        agent.step(shore.now)
        steps.append(len(shore.publisher.batches) - sum(steps))
    assert steps == [1, SLICES_A_STEP, 5]
    assert [batch.label for batch in shore.publisher.batches] == ["busy", *quiet, "busy"]


def test_a_few_lines_wait_for_the_confirm_of_those_before(shore: Shore) -> None:
    """A steady trickle makes a batch for each confirm, not for each line; after PAUSE_S without one, another."""
    shore.publisher.holding = True
    shore.write("app.log", b"line 1\n")
    agent = shore.start()
    shore.write("app.log", b"line 2\n")
    shore.run(2.0)
    shore.write("app.log", b"line 3\n")
    agent.reload()
    assert agent.step(shore.now + PAUSE_S / 2) == pytest.approx(PAUSE_S / 2)
    assert [batch.body for batch in shore.publisher.batches] == [b"line 1\n", b"line 2\n"]
    shore.run(PAUSE_S)
    assert [batch.body for batch in shore.publisher.batches[2:]] == [b"line 3\n"]
    shore.write("app.log", b"line 4\n")
    agent.reload()
    agent.step(shore.now)
    shore.publisher.confirmed, shore.publisher.held = shore.publisher.held, []
    agent.step(shore.now)
    assert [batch.body for batch in shore.publisher.batches[3:]] == [b"line 4\n"]


def test_many_lines_wait_for_no_confirm(shore: Shore) -> None:
    """Of a backlog as many batches are under way as the window takes."""
    shore.publisher.holding = True
    shore.write("app.log", b"line 1\n")
    agent = shore.start()
    shore.write("app.log", b"0123456\n" * (SMALL_BYTES // 8))
    agent.reload()
    agent.step(shore.now)
    assert len(shore.publisher.batches) == 2


def test_once_ships_what_is_there_and_finishes(shore: Shore) -> None:
    """With `once`, an unfinished last line goes too, and the end is when all is confirmed and saved."""
    shore.write("a.log", b"one\ntwo")
    shore.write("b.log", b"three\n")
    shore.publisher.holding = True
    agent = shore.start(once=True)
    shore.run()
    assert sorted(shore.lives()) == [b"one\ntwo", b"three\n"]
    assert not agent.finished()
    shore.publisher.confirmed, shore.publisher.held = shore.publisher.held, []
    shore.run(0.0)
    assert agent.finished()
    assert agent.failures == 0
    shore.stop()
    shore.write("a.log", b" more\nnext\n")
    shore.publisher.holding = False
    shore.start(once=True)
    assert sorted(shore.lives()) == [b"one\ntwo more\nnext\n", b"three\n"]


def test_once_with_nothing_to_ship_finishes(shore: Shore) -> None:
    """Empty files are done at once."""
    shore.write("a.log", b"")
    assert shore.start(once=True).finished()


def test_drain_reads_no_more_and_waits_for_confirms(shore: Shore) -> None:
    """C15: SIGTERM under load: what is published is awaited and saved, nothing more is read."""
    shore.write("a.log", b"one\n")
    shore.publisher.holding = True
    agent = shore.start()
    agent.drain()
    shore.write("a.log", b"two\n")
    shore.run()
    assert not agent.finished()
    shore.publisher.confirmed, shore.publisher.held = shore.publisher.held, []
    shore.run(0.0)
    assert agent.finished()
    assert shore.lives() == [b"one\n"]
    assert shore.offset_of(shore.publisher.batches[0].stream) == 4


def test_from_end_begins_behind_what_is_there(shore: Shore) -> None:
    """D14: files present at the first start from their end, later ones from 0, and no restart changes that."""
    shore.write("a.log", b"old\nunfin")
    shore.start(start="end")
    shore.stop()
    shore.write("a.log", b"ished\nnew\n")
    shore.write("b.log", b"later\n")
    shore.start(start="end")
    shore.write("c.log", b"last\n")
    shore.run()
    bodies = {Path(batch.path).name: batch.body for batch in shore.publisher.batches}
    assert bodies == {"a.log": b"unfinished\nnew\n", "b.log": b"later\n", "c.log": b"last\n"}


def test_from_end_begins_behind_copies_as_well(shore: Shore) -> None:
    """D14: a copy that is there at the first start is as old as its original."""
    for name in ("a.log", "a.log.1"):
        shore.write(name, b"old\n")
    shore.start("a.log*", start="end")
    for _ in range(3):
        shore.run(6.0)
    assert shore.publisher.batches == []
    shore.write("a.log", b"new\n")
    shore.run()
    assert [batch.body for batch in shore.publisher.batches] == [b"new\n"]


def test_a_missing_file_is_waited_for(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """D16: said once, shipped when it appears."""
    shore.start("app.log")
    shore.run()
    shore.run()
    assert len(caplog.records) == 1
    assert "waiting" in caplog.text
    shore.write("app.log", b"here\n")
    shore.run()
    assert shore.lives() == [b"here\n"]


@pytest.mark.parametrize("name", ["a b.log", "a\nb.log", "\udcff.log", "🪵.log", "n" * 251 + ".log", "[1]*.log"])
def test_any_file_name_is_shipped(shore: Shore, name: str) -> None:
    """D17: the path of a batch is the name's bytes, losslessly."""
    shore.write(name, b"x\n")
    shore.start()
    assert Path(shore.publisher.batches[0].path).name == name
    assert shore.publisher.batches[0].label == name.replace("\udcff", "\ufffd").split(".", maxsplit=1)[0]


def test_files_that_are_none_are_left_alone(shore: Shore) -> None:
    """D8: FIFOs, devices and directories in a glob neither block nor ship."""
    os.mkfifo(shore.logs / "fifo.log")
    (shore.logs / "zero.log").symlink_to("/dev/zero")
    (shore.logs / "dir.log").mkdir()
    shore.write("a.log", b"x\n")
    shore.start()
    shore.run()
    assert shore.lives() == [b"x\n"]


def test_compressed_bytes_are_left_alone(shore: Shore) -> None:
    """A6, B15: what begins like a compressed file is skipped, whatever its name."""
    shore.write("a.log", b"\x1f\x8b\x08\0\0\0\0\0\0\0\n")
    shore.write("b.log", b"x\n")
    shore.start()
    shore.run()
    assert shore.lives() == [b"x\n"]


def test_a_directory_made_and_filled_at_once(shore: Shore) -> None:
    """D6: mkdir -p a/b/c and a write before any watch could be set."""
    shore.start("**/*.log")
    (shore.logs / "a" / "b" / "c").mkdir(parents=True)
    shore.write("a/b/c/x.log", b"found\n")
    shore.run()
    assert shore.lives() == [b"found\n"]


def test_more_files_than_descriptors(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """D4: quiet files are closed and opened again by identity, which is said once; each line once."""
    for number in range(30):
        shore.write(f"{number}.log", b"one %d\n" % number)
    shore.start(budget=3)
    shore.run()
    assert len(shore.open_files()) <= 3
    for number in range(30):
        shore.write(f"{number}.log", b"two %d\n" % number)
    shore.run()
    shore.run()
    assert sorted(shore.lives()) == sorted(b"one %d\ntwo %d\n" % (number, number) for number in range(30))
    assert caplog.text.count("more files than the limit of 3 open files") == 1


def test_a_registry_that_cannot_be_written_holds_new_streams(shore: Shore) -> None:
    """C6: nothing of a stream is published before its id is saved; when there is room again it goes on alone."""
    shore.start()
    shore.registry.fill_disk()
    for number in range(100):
        shore.write(f"{number:050d}.log", b"x %d\n" % number)
    shore.run()
    assert len(shore.publisher.batches) < 100
    shore.registry.free_disk()
    shore.run()
    shore.run()
    shore.run(0.0)
    assert len(shore.publisher.batches) == 100


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_tried_again(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """D7: one warning that says what to do; read after chmod."""
    path = shore.write("a.log", b"x\n")
    path.chmod(0)
    shore.start()
    shore.run()
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    path.chmod(0o644)
    shore.run()
    assert shore.lives() == [b"x\n"]


def test_idle_steps_wait(shore: Shore) -> None:
    """With nothing to do a step says how long: no spinning."""
    shore.write("a.log", b"x\n")
    agent = shore.start()
    shore.run()
    assert agent.step(shore.now) >= 0.2


def test_a_full_window_waits_for_a_confirm(shore: Shore) -> None:
    """E1: with lines to read and no room to publish them (no broker, say) steps wait: no spinning."""
    shore.publisher.window = 0
    shore.write("a.log", b"x\n")
    agent = shore.start()
    assert min(agent.step(shore.now) for _ in range(5)) > 0


def test_what_is_there_is_never_forgotten(shore: Shore) -> None:
    """C11: after an hour entries are looked at: a quiet file's and a renamed one's stay, a deleted one's goes."""
    for name in ("quiet.log", "renamed.log", "deleted.log"):
        shore.write(name, b"line 1\n")
    shore.start(forget_after_days=1)
    (shore.logs / "renamed.log").rename(shore.logs / "old")
    (shore.logs / "deleted.log").unlink()
    for _ in range(10):
        shore.run(40.0)
    shore.change_registry("UPDATE streams SET updated_s = updated_s - 100000")  # a day ago
    shore.run(3600.0)
    streams = {Path(batch.path).name: batch.stream for batch in shore.publisher.batches}
    assert {name: shore.registry.has(stream) for name, stream in streams.items()} == {
        "quiet.log": True,
        "renamed.log": True,
        "deleted.log": False,
    }


def test_unread_bytes_of_deleted_files_are_limited(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """A24: beyond hold_deleted_bytes the oldest of what was deleted unread is dropped, counted and said."""
    shore.publisher.window = 0
    shore.start(hold_deleted_bytes=10)
    for turn in range(3):
        path = shore.write("a.log", b"turn %d\n" % turn)
        shore.run()
        path.unlink()
        shore.run()
    assert telemetry.value("logbus_held_lives") == 1
    assert telemetry.value("logbus_held_bytes") == 7
    assert "dropped" in caplog.text
    shore.publisher.window = 100
    shore.run()
    assert shore.lives() == [b"turn 2\n"]


def test_deleted_files_are_held_without_a_limit(shore: Shore) -> None:
    """A24, D11: all unread lives stay open, as many as there are, and nothing of them is lost."""
    shore.publisher.window = 0
    shore.start()
    for turn in range(10):
        path = shore.write("a.log", b"turn %d\n" % turn)
        shore.run()
        path.unlink()
        shore.run(10.0)
    assert telemetry.value("logbus_held_lives") == 10
    shore.publisher.window = 100
    shore.run()
    assert shore.lives() == [b"turn %d\n" % turn for turn in range(10)]
