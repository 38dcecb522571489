"""Copies made by copytruncate under names that rotation does not give, and files that only look like such copies."""

import os
import shutil

import pytest

from logbus import telemetry
from shipper.lives.copies import COPY_GRACE_S
from support.shores import Shore

LINES = [b"line %d\n" % number for number in range(1000)]
OLD = b"".join(LINES)
HEADER = b"#Version: 1.0\n#Fields: date time\n"

NAMES = ["app-backup", "monday.log", "a.log_bak2", "x"]


def settle(shore: Shore) -> None:
    """Let everything be read."""
    for _ in range(5):
        shore.run(6.0)


@pytest.mark.parametrize("pattern", ["a.log", "*"])
@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_under_any_name(shore: Shore, pattern: str, stopped: bool, name: str) -> None:
    """A14, A15: bytes that were not read arrive from the copy, whether or not an input names it; none arrives twice."""
    path = shore.write("a.log", OLD)
    shore.start(pattern)
    if stopped:
        shore.stop()
    shore.write("a.log", b"unread 1\n")
    shutil.copyfile(path, shore.logs / name)
    path.write_bytes(b"new 1\n")
    if stopped:
        shore.start(pattern)
    settle(shore)
    assert shore.lives() == [OLD + b"unread 1\n", b"new 1\n"]
    shore.stop()
    shore.start(pattern)
    settle(shore)
    assert shore.lives() == [OLD + b"unread 1\n", b"new 1\n"]


def test_a_log_with_the_same_lines_is_no_copy(shore: Shore) -> None:
    """A22: a file that an application writes together with the log is not read in place of it, once or ever."""
    path = shore.write("a.log", OLD)
    shore.write("full.log", OLD)
    shore.start("a.log")
    path.write_bytes(b"")
    shore.write("full.log", b"both 1\n")
    shore.run()
    shore.write("a.log", b"both 2\n")
    shore.write("full.log", b"both 2\n")
    settle(shore)
    assert shore.lives() == [OLD, b"both 2\n"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_quiet_log_with_the_same_lines_is_no_copy(shore: Shore, stopped: bool) -> None:
    """A22: nor is it if both were written just once since the truncation."""
    path = shore.write("a.log", OLD)
    shore.write("full.log", OLD)
    shore.start("a.log")
    if stopped:
        shore.stop()
    path.write_bytes(b"both 1\n")
    shore.write("full.log", b"both 1\n")
    if stopped:
        shore.start("a.log")
    settle(shore)
    assert shore.lives() == [OLD, b"both 1\n"]


def test_what_is_added_to_a_copy_that_no_input_names(shore: Shore) -> None:
    """A22: what a copy holds when the truncation is noticed is the log's, what is added later is not."""
    path = shore.write("a.log", OLD)
    shore.start("a.log")
    shore.write("a.log", b"unread 1\n")
    shutil.copyfile(path, shore.logs / "x")
    path.write_bytes(b"new 1\n")
    settle(shore)
    shore.write("x", b"added 1\n")
    settle(shore)
    assert shore.lives() == [OLD + b"unread 1\n", b"new 1\n"]


def test_a_file_with_the_same_banner_is_no_copy(shore: Shore) -> None:
    """A22: a few lines that begin many logs do not make a file that no input names the copy of a truncated one."""
    path = shore.write("a.log", HEADER)
    shore.write("other", HEADER + b"other 1\n")
    shore.start("a.log")
    path.write_bytes(b"new\n")
    settle(shore)
    assert shore.lives() == [HEADER, b"new\n"]


def test_a_copy_is_renamed_while_it_is_watched(shore: Shore) -> None:
    """A14: it is found under its new name."""
    path = shore.write("a.log", OLD)
    shore.start("a.log")
    shore.write("a.log", b"unread 1\n")
    copy = shore.logs / "x"
    shutil.copyfile(path, copy)
    os.truncate(path, 0)
    shore.run()
    copy.rename(shore.logs / "y")
    settle(shore)
    assert shore.lives() == [OLD + b"unread 1\n"]


def test_a_copy_that_disappears_before_it_is_read(shore: Shore) -> None:
    """A24: what was seen and not read is counted as lost, and the log goes on."""
    path = shore.write("a.log", OLD)
    shore.start("a.log")
    lost = telemetry.value("logbus_lost_bytes")
    shore.publisher.window = 0
    shore.write("a.log", b"unread 1\n")
    shore.run()
    shutil.copyfile(path, shore.logs / "x")
    path.write_bytes(b"new 1\n")
    shore.publisher.window = 1000
    shore.run()
    (shore.logs / "x").unlink()
    settle(shore)
    assert shore.lives() == [OLD, b"new 1\n"]
    assert telemetry.value("logbus_lost_bytes") == lost + len(b"unread 1\n")


def test_killed_while_a_copy_is_watched(shore: Shore) -> None:
    """A14, C1: the next start finds the copy again; its bytes come before the truncated log's, once."""
    path = shore.write("a.log", OLD)
    shore.start("a.log")
    shore.write("a.log", b"unread 1\n")
    shutil.copyfile(path, shore.logs / "x")
    path.write_bytes(b"new 1\n")
    shore.run()
    assert shore.lives() == [OLD]
    shore.crash()
    shore.start("a.log")
    settle(shore)
    assert shore.lives() == [OLD + b"unread 1\n", b"new 1\n"]


@pytest.mark.parametrize("lines", [2, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_that_is_seen_before_the_truncation(shore: Shore, name: str, lines: int) -> None:
    """A15: it waits, and is the log's when that is truncated: what follows in it is shipped once."""
    old = b"".join(LINES[:lines])
    path = shore.write("a.log", old)
    shore.start("*")
    shutil.copyfile(path, shore.logs / name)
    shore.run()
    assert shore.lives() == [old]
    path.write_bytes(b"new 1\n")
    settle(shore)
    shore.write(name, b"added 1\n")
    settle(shore)
    assert shore.lives() == [old + b"added 1\n", b"new 1\n"]


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("confirmed", [False, True])
def test_what_is_read_between_copy_and_truncation(shore: Shore, stopped: bool, confirmed: bool) -> None:
    """A14, A15: of a copy that lacks lines that were read, nothing is shipped, running or after a crash."""
    path = shore.write("a.log", OLD)
    shore.start("*")
    shutil.copyfile(path, shore.logs / "monday.log")
    shore.run()
    shore.publisher.holding = not confirmed
    shore.write("a.log", b"between 1\n")
    shore.run()
    if stopped:
        shore.crash()
    shore.publisher.release()
    path.write_bytes(b"new 1\n")
    if stopped:
        shore.start("*")
    settle(shore)
    assert shore.lives() == [OLD + b"between 1\n", b"new 1\n"]


@pytest.mark.parametrize("beginning", [HEADER, OLD])
def test_logs_that_begin_alike(shore: Shore, beginning: bytes) -> None:
    """A22: a new log with the same first lines is shipped after the grace, however it grows meanwhile."""
    shore.write("a.log", beginning)
    shore.start("*")
    shore.write("b.log", beginning)
    for number in range(6):
        shore.write("a.log", b"same %d\n" % number)
        shore.write("b.log", b"same %d\n" % number)
        shore.run(COPY_GRACE_S / 5)
    shore.write("a.log", b"a 1\n")
    shore.write("b.log", b"b 1\n")
    shore.run()
    same = b"".join(b"same %d\n" % number for number in range(6))
    assert shore.lives() == [beginning + same + b"a 1\n", beginning + same + b"b 1\n"]


def test_truncated_beside_a_log_with_the_same_lines(shore: Shore) -> None:
    """A22: a file that is shipped itself is no copy, though it holds all lines of the truncated one."""
    path = shore.write("a.log", OLD)
    shore.start("*")
    shore.write("full.log", OLD)
    settle(shore)
    assert shore.lives() == [OLD, OLD]
    path.write_bytes(b"both 1\n")
    shore.write("full.log", b"both 1\n")
    settle(shore)
    assert sorted(shore.lives()) == [b"both 1\n", OLD, OLD + b"both 1\n"]


def test_a_copy_by_hand_under_any_name(shore: Shore) -> None:
    """A20: when the original is not truncated for a while, the copy is a file of its own."""
    path = shore.write("a.log", OLD)
    shore.start("*")
    shutil.copyfile(path, shore.logs / "monday.log")
    settle(shore)
    shore.write("a.log", b"a 1\n")
    settle(shore)
    assert shore.lives() == [OLD + b"a 1\n", OLD]


def test_many_files_with_one_banner(shore: Shore) -> None:
    """A22, D1: each is shipped once."""
    shore.write("0.log", HEADER)
    shore.start("*")
    for number in range(1, 50):
        shore.write(f"{number}.log", HEADER)
    settle(shore)
    assert shore.lives() == [HEADER] * 50
