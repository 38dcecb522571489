"""Copies that lack the last lines: copytruncate leaves a writer a moment between copy and truncation."""

import gzip
import os
import shutil

import pytest

from logbus import telemetry
from support.shores import Shore

LINES = [b"line %d\n" % number for number in range(2000)]


@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("copied", [2, 700])
@pytest.mark.parametrize("confirmed", [False, True])
def test_what_is_read_between_copy_and_truncation(
    shore: Shore, pattern: str, stopped: bool, copied: int, confirmed: bool
) -> None:
    """A14, A15: lines that the copy lacks, as it was made before them, arrive, and no others come twice."""
    path = shore.write("a.log", b"".join(LINES[:copied]))
    shore.start(pattern)
    shutil.copyfile(path, shore.logs / "a.log.1")
    shore.publisher.holding = not confirmed
    for number in range(copied, copied + 3):
        shore.write("a.log", LINES[number])
        shore.run()
    if stopped:
        shore.crash()
    shore.publisher.release()
    os.truncate(path, 0)
    shore.write("a.log", b"new 1\n")
    for _ in range(4):
        if stopped:
            shore.start(pattern)
        shore.run(6.0)
        if stopped:
            shore.stop()
    assert shore.lives() == [b"".join(LINES[: copied + 3]), b"new 1\n"]


def test_what_is_not_read_between_copy_and_truncation_is_counted(shore: Shore) -> None:
    """A14: the copy lacks lines of which some were read, and others only seen, while the window was full."""
    lost = telemetry.value("logbus_lost_bytes")
    path = shore.write("a.log", b"one 1\n")
    shore.start("a.log*")
    shutil.copyfile(path, shore.logs / "a.log.1")
    shore.publisher.holding, shore.publisher.window = True, 1
    for line in (b"read 2\n", b"unread 3\n"):
        shore.write("a.log", line)
        shore.run()
    os.truncate(path, 0)
    shore.run()
    shore.publisher.window = 10
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"one 1\nread 2\n"]
    assert telemetry.value("logbus_lost_bytes") == lost + len(b"unread 3\n")


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_seen_and_not_published_is_more_than_the_copy_holds(shore: Shore, packed: bool) -> None:
    """A14, A6: the life is known by its first bytes, which were looked at beyond the end of its copy, or archive."""
    shore.publisher.holding, shore.publisher.window = True, 1
    path = shore.write("a.log", b"x" * 1500 + b"\n")
    copy = path.read_bytes()
    shore.write("a.log", b"between\n")
    shore.start("a.log*", max_record_bytes=1024)
    (shore.logs / f"a.log.1{'.gz' * packed}").write_bytes(gzip.compress(copy) if packed else copy)
    os.truncate(path, 0)
    shore.publisher.window = 10
    shore.publisher.release()
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [copy]


def test_bytes_that_are_all_alike_prove_nothing(shore: Shore) -> None:
    """A14: another life's copy is not taken for one, though it has the same 256 bytes before a batch's end."""
    first, second = (b"life %d " % number + b"\0" * size + b"\n" for number, size in enumerate((3000, 2000)))
    path = shore.write("a.log", first)
    shore.start("a.log*", max_record_bytes=1024)
    shutil.copyfile(path, shore.logs / "a.log.2")
    shore.write("a.log", b"between\n")
    shore.run()
    (shore.logs / "a.log.1").write_bytes(second)
    os.truncate(path, 0)
    for _ in range(6):
        shore.run(6.0)
    assert shore.lives() == [first + b"between\n", second]


def test_a_copy_that_is_written_to_is_a_file_of_its_own_from_there(shore: Shore) -> None:
    """A15, G5: what somebody adds to a copy whose bytes were shipped leaves as another stream's, at its place."""
    path = shore.write("a.log", b"one 1\n")
    shore.start("a.log*")
    copy = shore.logs / "a.log.1"
    shutil.copyfile(path, copy)
    shore.write("a.log", b"between\n")
    shore.run()
    os.truncate(path, 0)
    shore.run()
    shore.run()
    shore.write("a.log.1", b"added\n")
    shore.run()
    *_, last = shore.publisher.batches
    assert (last.offset, last.body, last.path) == (6, b"added\n", str(copy))
    assert len({batch.stream for batch in shore.publisher.batches}) == 2


def test_a_new_file_with_the_same_banner_is_no_copy(shore: Shore) -> None:
    """A22: of files whose numbers are their names, one that is truncated is not taken to go on in another."""
    banner = b"=== worker starting ===\n"
    path = shore.write("worker-1.log", banner)
    shore.start("worker-*.log")
    for number in range(30):
        shore.write("worker-1.log", b"w1 %d\n" % number)
        shore.run()
    path.write_bytes(banner + b"w1 again\n")
    shore.write("worker-2.log", banner + b"w2 IMPORTANT 1\n")
    shore.run()
    shore.write("worker-2.log", b"w2 IMPORTANT 2\n")
    shore.run(6.0)
    assert banner + b"w2 IMPORTANT 1\nw2 IMPORTANT 2\n" in shore.lives()
    assert banner + b"w1 again\n" in shore.lives()


@pytest.mark.parametrize("stopped", [False, True])
def test_an_archive_comes_before_an_older_copy(shore: Shore, stopped: bool) -> None:
    """A3, A6: a copy that somebody made long ago is not where a life goes on."""
    path = shore.write("a.log", b"".join(LINES[:100]))
    shore.start("a.log")
    shutil.copyfile(path, shore.logs / "a.log.bak")
    shore.write("a.log", b"".join(LINES[100:200]))
    shore.run()
    shore.publisher.window = 0
    shore.write("a.log", b"".join(LINES[200:300]))
    shore.run()
    if stopped:
        shore.crash()
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.write_bytes(b"new 1\n")
    shore.publisher.window = 10
    if stopped:
        shore.start("a.log")
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"".join(LINES[:300]), b"new 1\n"]


def test_a_log_that_is_called_as_if_it_was_rotated(shore: Shore) -> None:
    """A15: the copy of `worker-1.log` is found, too, and not shipped again."""
    path = shore.write("worker-1.log", b"one 1\n")
    shore.start("worker-*.log*")
    shutil.copyfile(path, shore.logs / "worker-1.log.1")
    path.write_bytes(b"new 1\n")
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"one 1\n", b"new 1\n"]


def test_a_log_that_is_gone_when_its_truncation_would_be_seen(shore: Shore) -> None:
    """A14, D4: its life was closed, to save descriptors: the copy waits until that has ended."""
    path = shore.write("a.log", b"one 1\n")
    shore.start("a.log*", "other.log", budget=1)
    shutil.copyfile(path, shore.logs / "a.log.1")
    shore.write("a.log", b"between\n")
    shore.run()
    shore.write("other.log", b"other 1\n")
    shore.run()
    path.unlink()
    for _ in range(4):
        shore.run(6.0)
    assert sorted(shore.lives()) == [b"one 1\nbetween\n", b"other 1\n"]
