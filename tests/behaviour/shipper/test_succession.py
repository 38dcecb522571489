"""Lives of one path wait for each other."""

import os
import shutil
from pathlib import Path

import pytest

from shipper.records.redaction.presets import Redact
from shipper.records.rules import Multiline
from support.shores import Shore


def test_a_life_that_vanishes_in_the_middle_of_a_queue(shore: Shore) -> None:
    """A2, A24: what waited for it goes on waiting for the older one that it waited for itself."""
    old = b"".join(b"old %d\n" % number for number in range(1000))
    path = shore.write("a.log", old)
    shore.publisher.window = 0
    shore.start("*.log", budget=1, max_record_bytes=1024)
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log", b"gone\n")
    shore.run()
    shore.write("b.log", b"other 1\n")
    shore.run()
    path.unlink()
    shore.write("a.log", b"new 1\n")
    shore.run()
    shore.publisher.window = 1000
    shore.run()
    published = [batch.body for batch in shore.publisher.batches if batch.path == str(path)]
    assert b"".join(published) == old + b"new 1\n"


def test_a_new_file_does_not_wait_for_one_that_rests(shore: Shore) -> None:
    """A4: an older life of the path is looked at at once when a new one begins, not when its turn comes."""
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    path.rename(shore.logs / "a.log.1")
    for _ in range(100):
        shore.run(1.0)
    shore.write("a.log.1", b"one 2\n")
    shore.write("a.log", b"two 1\n")
    for _ in range(3):
        shore.run(1.0)
    assert [batch.body for batch in shore.publisher.batches] == [b"one 1\n", b"one 2\n", b"two 1\n"]


@pytest.mark.parametrize("window", [0, 1000])
def test_a_link_that_goes_back_and_then_on(shore: Shore, window: int) -> None:
    """A18: a target that the link means again is the one that the next target comes after, also if others wait."""
    targets = targets_beside(shore)
    swap(shore, targets[0])
    shore.publisher.window = window
    shore.start()
    for path in (targets[1], targets[0]):
        swap(shore, path)
        shore.run()
    shore.publisher.window = 1000
    shore.run()
    with targets[0].open("ab") as file:
        file.write(b"a 2\n")
    swap(shore, targets[2])
    shore.run()
    assert [batch.body for batch in shore.publisher.batches] == [b"a 1\n", b"b 1\n", b"a 2\n", b"c 1\n"]


def targets_beside(shore: Shore) -> list[Path]:
    """Make three files beside the logs, of a line each."""
    targets = [shore.folder / name for name in "abc"]
    for path in targets:
        path.write_bytes(b"%s 1\n" % path.name.encode())
    return targets


def swap(shore: Shore, target: Path) -> None:
    """Let the link `current.log` mean `target`."""
    (shore.logs / "fresh").symlink_to(target)
    (shore.logs / "fresh").rename(shore.logs / "current.log")


def copied_and_truncated_unread(shore: Shore, first: bytes, copy: Path, then: bytes) -> Path:
    """Publish a.log, which fills the window; copy and truncate it, and write to it; return its path."""
    path: Path = shore.write("a.log", first)
    shore.publisher.holding, shore.publisher.window = True, 1
    shore.start("a.log")
    shutil.copyfile(path, copy)
    path.write_bytes(then)
    return path


def test_a_life_in_a_truncated_file_that_nobody_read_before_a_crash(shore: Shore) -> None:
    """A15, D11: its file is known though no input names it any more, and it comes after the life in the copy."""
    copy = shore.logs / "a.log.1"
    path = copied_and_truncated_unread(shore, b"old 1\n", copy, b"new 1\n")
    shore.run()
    shore.crash()
    copy.rename(shore.logs / "a.log.2")
    path.rename(copy)
    for _ in range(2):
        shore.start("a.log")
        shore.crash()
    shore.publisher.holding = False
    shore.start("a.log")
    assert shore.lives() == [b"old 1\n", b"new 1\n"]


def test_a_life_in_a_truncated_file_that_a_slow_writer_goes_on_with(shore: Shore) -> None:
    """A1, A3, A15: it comes before the file that has its name by now, though it was written to later than that."""
    path = copied_and_truncated_unread(shore, b"old 1\n", shore.logs / "a.log.2", b"new 1\n")
    shore.crash()
    path.rename(shore.logs / "a.log.1")
    os.utime(shore.write("a.log", b"newest 1\nunfinished"), (0, 0))
    shore.write("a.log.1", b"late 2\n")
    shore.publisher.holding = False
    shore.start("a.log*")
    assert shore.lives() == [b"old 1\n", b"new 1\nlate 2\n", b"newest 1\n"]


def test_a_deleted_file_is_kept_until_it_is_read(shore: Shore) -> None:
    """A8: also one that waits, because a record's end has to be confirmed before anything else is read of it."""
    shore.publisher.holding = True
    path = shore.write("a.log", b"x 1\n")
    shore.start(multiline=Multiline(preset="java"), redact=Redact(presets=["email"]))
    shore.run(6.0)
    shore.write("a.log", b"y 2\nz 3\n")
    shore.run()
    path.unlink()
    for _ in range(4):
        shore.run(6.0)
    shore.publisher.holding = False
    shore.publisher.confirmed, shore.publisher.held = shore.publisher.held, []
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"x 1\ny 2\nz 3\n"]


def test_a_life_that_reading_finds_is_remembered_at_once(shore: Shore) -> None:
    """A15, C2: before it is saved that the life it follows goes on in a copy: else nobody knew of it after a crash."""
    path = copied_and_truncated_unread(shore, b"old 1\n", shore.logs / "a.log.1", b"new 1\nnew 2\n")
    shore.publisher.window = 2
    assert shore.agent
    shore.agent.reload()
    shore.now += 1.5
    shore.agent.step(shore.now)
    shore.stop()
    path.rename(shore.logs / "a.log.0")
    shore.publisher.holding = False
    shore.publisher.held.clear()
    shore.start("a.log")
    assert shore.lives() == [b"old 1\n", b"new 1\nnew 2\n"]


def test_a_start_keeps_the_order_in_which_lives_were_read(shore: Shore) -> None:
    """A3, A15, C2: also of one that only reading found, when the file after it was known already."""
    path = copied_and_truncated_unread(shore, b"one 1\n", shore.logs / "a.log.2", b"two 1\ntwo 2\n")
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log", b"three 1\n")
    shore.run()
    shore.publisher.window = 2
    assert shore.agent
    shore.agent.step(shore.now)
    shore.crash()
    shore.publisher.holding, shore.publisher.window = False, 1000
    shore.start("a.log")
    shore.run(6.0)
    assert shore.lives() == [b"one 1\n", b"two 1\ntwo 2\n", b"three 1\n"]
