"""`ignore_older`: files that were last written long before the first start."""

import os
import time
from pathlib import Path

import pytest

from logbus import telemetry
from support.shores import Shore

DAY_S = 86_400


def aged(path: Path, days: float) -> Path:
    """Make a file look as if it was last written so many days ago."""
    then_s = time.time() - days * DAY_S
    os.utime(path, (then_s, then_s))
    return path


def test_a_first_start_ignores_what_is_older(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """Older files are neither shipped nor remembered; they are counted, and reported in one line with their number."""
    before = telemetry.value("logbus_ignored_files")
    for number in range(3):
        aged(shore.write(f"old{number}.log", b"old 1\n"), 8)
    aged(shore.write("young.log", b"young 1\n"), 6)
    shore.start(ignore_older=7 * DAY_S)
    shore.run()
    assert shore.lives() == [b"young 1\n"]
    assert telemetry.value("logbus_ignored_files") - before == 3
    lines = [each for each in caplog.messages if "ignore_older" in each]
    assert len(lines) == 1
    assert "ignoring 3 files last written before " in lines[0]


def test_an_ignored_file_is_read_from_its_start_once_it_is_written_to(shore: Shore) -> None:
    """As Filebeat does: nothing of it was shipped, so all of it is."""
    aged(shore.write("a.log", b"old 1\n"), 8)
    shore.start(ignore_older=7 * DAY_S)
    shore.run()
    shore.write("a.log", b"new 1\n")
    shore.run()
    assert shore.lives() == [b"old 1\nnew 1\n"]


def test_a_later_start_ignores_the_same_files(shore: Shore) -> None:
    """The limit is remembered: what was ignored stays so, and what was written while the shipper was down does not."""
    aged(shore.write("old.log", b"old 1\n"), 8)
    shore.start(ignore_older=7 * DAY_S)
    shore.stop()
    aged(shore.write("meanwhile.log", b"meanwhile 1\n"), 6.9)
    shore.start(ignore_older=3600)
    shore.run()
    assert shore.lives() == []
    shore.stop()
    shore.start(ignore_older=7 * DAY_S)
    shore.run()
    assert shore.lives() == [b"meanwhile 1\n"]


def test_a_remembered_file_is_finished_however_old_it_is(shore: Shore) -> None:
    """Nothing that was being followed is lost: neither its unread bytes, nor those of the file that rotation made."""
    shore.publisher.window = 1
    shore.publisher.holding = True
    path = shore.write("a.log", b"first 1\n")
    shore.start("a.log*")
    shore.crash()
    shore.write("a.log", b"second 2\n")
    aged(path.rename(shore.logs / "a.log.1"), 30)
    shore.publisher.window, shore.publisher.holding = 100, False
    shore.start("a.log*", ignore_older=7 * DAY_S)
    shore.run()
    assert shore.lives() == [b"first 1\nsecond 2\n"]


def test_a_remembered_file_that_was_rewritten_is_read(shore: Shore) -> None:
    """A followed file whose content was replaced, with an old time, is no file from before the first start."""
    path = shore.write("a.log", b"first 1\n")
    shore.start(ignore_older=7 * DAY_S)
    shore.stop()
    path.write_bytes(b"restored 1\n")
    aged(path, 30)
    shore.start(ignore_older=7 * DAY_S)
    shore.run()
    assert shore.lives() == [b"first 1\n", b"restored 1\n"]


def test_start_at_the_end_counts_old_files_as_read(shore: Shore) -> None:
    """With `start: end`, all files present at the first start count as read, so later lines alone are shipped."""
    aged(shore.write("a.log", b"old 1\n"), 8)
    shore.start(start="end", ignore_older=7 * DAY_S)
    shore.run()
    shore.write("a.log", b"new 1\n")
    shore.run()
    assert [each.body for each in shore.publisher.batches] == [b"new 1\n"]


def test_an_ignored_file_is_not_opened_again(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years of logs cost a scan no more than their names and times."""
    aged(shore.write("a.log", b"old 1\n"), 8)
    agent = shore.start(ignore_older=7 * DAY_S)
    opened: list[object] = []
    open_file = os.open

    def noted(path: str, flags: int, mode: int = 0o777) -> int:
        opened.append(path)
        return open_file(path, flags, mode)

    monkeypatch.setattr(os, "open", noted)
    agent.reload()
    shore.run()
    assert str(shore.logs / "a.log") not in opened
