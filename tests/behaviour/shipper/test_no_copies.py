"""Files that are no copies, though they look as if: none of their lines is taken for shipped."""

import os
import shutil
from pathlib import Path

import pytest

from logbus import telemetry
from support.shores import Shore


def settle(shore: Shore) -> None:
    """Confirm what is on its way, and let everything be read."""
    shore.publisher.window = 1000
    shore.publisher.release()
    for _ in range(4):
        shore.run(6.0)


def copied_then_written(shore: Shore, first: bytes, between: bytes, *, holding: bool) -> None:
    """Ship a.log, copy it, have the copy seen, and ship what is written then."""
    path = shore.write("a.log", first)
    shore.publisher.holding = holding
    shore.start("a.log*")
    shutil.copyfile(path, shore.logs / "a.log.1")
    shore.run()
    shore.write("a.log", between)
    shore.run()


def test_a_log_that_began_as_another_one_goes_on(shore: Shore) -> None:
    """A22: a banner that is all that a log holds yet is not taken for the copy of another log's."""
    shore.write("worker.log", b"=== start ===\nfirst 1\n")
    shore.start("worker*.log")
    shore.write("worker-1.log", b"=== start ===\n")
    shore.run()
    shore.write("worker-1.log", b"second 1\n")
    settle(shore)
    assert b"=== start ===\nsecond 1\n" in shore.lives()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"one 1\ntwo 2\n", b"other 1\nother 2\n"),
        (b"one 1\nunfinished", b"one 1\nunfinished, and another end\n"),
    ],
)
def test_a_copy_that_is_written_over_at_once(shore: Shore, first: bytes, then: bytes) -> None:
    """A12, A15, B1: what is in it then is shipped, and does not wait for the end of the log's unfinished line."""
    shore.write("a.log", first)
    shore.start("a.log*")
    shutil.copyfile(shore.logs / "a.log", shore.logs / "a.log.1")
    shore.run()
    (shore.logs / "a.log.1").write_bytes(then)
    settle(shore)
    assert then in shore.lives()


@pytest.mark.parametrize("stopped", ["no", "cleanly", "killed"])
@pytest.mark.parametrize("holding", [False, True])
def test_the_next_copy_in_the_same_place(shore: Shore, stopped: str, holding: bool) -> None:
    """A14: with broker or shipper away, another life is copied to where a copy was that is not shipped yet."""
    copied_then_written(shore, b"old 1\n", b"between 1\nbetween 2\n", holding=holding)
    path, copy = shore.logs / "a.log", shore.logs / "a.log.1"
    if stopped == "killed":
        shore.crash()
    elif stopped == "cleanly":
        shore.stop()
        shore.publisher.held.clear()
    else:
        shore.publisher.window = 0
        os.truncate(path, 0)
        shore.run()
    path.write_bytes(b"middle 1\nmiddle 2\n")
    shutil.copyfile(path, copy)
    path.write_bytes(b"new 1\n")
    if stopped != "no":
        shore.publisher.holding = False
        shore.start("a.log*")
    settle(shore)
    assert {b"middle 1\nmiddle 2\n", b"new 1\n"} <= set(shore.lives())


def test_what_is_added_to_a_copy_after_a_crash(shore: Shore) -> None:
    """G5: it leaves as another stream's than the life's, which had other bytes there."""
    copied_then_written(shore, b"old 1\n", b"between 1\n", holding=True)
    shore.crash()
    shore.publisher.holding = False
    (shore.logs / "a.log").write_bytes(b"new 1\n")
    shore.start("a.log*")
    shore.run(6.0)
    shore.write("a.log.1", b"added 1\n")
    settle(shore)
    assert shore.publisher.batches[-1].body == b"added 1\n"
    assert shore.lives()[:2] == [b"old 1\nbetween 1\n", b"new 1\n"]


def test_another_file_with_the_inode_of_a_copy(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A7, A15: where no generation tells them apart, a new file is not taken for a copy that is gone."""
    monkeypatch.setattr("shipper.files.identity.generation_of", lambda _: None)
    path = shore.write("a.log", b"old 1\nold 2\n")
    shore.start("a.log*", "other.log")
    copy = shore.logs / "a.log.1"
    for _ in range(50):  # until the file system gives the inode again: ext4 does at once, unless others make files
        shutil.copyfile(path, copy)
        shore.run()
        os.truncate(path, 0)
        shore.run()
        inode = copy.stat().st_ino
        copy.unlink()
        settle(shore)
        other = shore.write("other.log", b"other 1\nother 2\n")
        if other.stat().st_ino == inode:
            break
        other.unlink()
        path.write_bytes(b"old 1\nold 2\n")
        settle(shore)
    else:
        pytest.skip("the file system gives no inode again")
    settle(shore)
    assert b"other 1\nother 2\n" in shore.lives()


def test_bytes_that_are_nowhere_are_counted_once(shore: Shore) -> None:
    """A24: what a copy lacks and was not confirmed is counted as lost by the first start, and by no other."""
    copied_then_written(shore, b"old 1\n", b"between 1\n", holding=True)
    shore.crash()
    lost = telemetry.value("logbus_lost_bytes")
    (shore.logs / "a.log").unlink()
    for _ in range(3):
        shore.publisher.holding = False
        shore.start("a.log*")
        settle(shore)
        shore.stop()
    assert telemetry.value("logbus_lost_bytes") == lost + len(b"between 1\n")


def test_an_error_while_they_are_compared(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """D9: EIO from a log that is compared with its copy is said, and passes."""
    shore.write("a.log", b"one 1\n")
    shore.start("a.log*")
    read = os.pread

    def failing(fd: int, size: int, offset: int) -> bytes:
        if Path(f"/proc/self/fd/{fd}").readlink() == shore.logs / "a.log":
            raise OSError(5, "Input/output error")
        return read(fd, size, offset)

    shutil.copyfile(shore.logs / "a.log", shore.logs / "a.log.1")
    monkeypatch.setattr(os, "pread", failing)
    shore.run()
    monkeypatch.setattr(os, "pread", read)
    shore.write("a.log", b"two 2\n")
    settle(shore)
    assert b"one 1\ntwo 2\n" in shore.lives()
