"""Watcher: hints, and what is known when none come."""

import logging
import os
import select
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.agent import Agent
from shipper.files import watcher as room
from shipper.files.watcher import Watcher
from shipper.settings import Input, Settings
from shipper.state.registry import Registry
from support.shores import Shore

LONG_MS = 10_000


class Hints:
    """A watcher, the loop that it wakes, and the paths it hinted at so far."""

    def __init__(self) -> None:
        self.waiting: set[int] = set()
        self._poll = select.poll()
        self.watcher = Watcher(self)
        self.seen: set[str] = set()

    def wake_on(self, fd: int) -> None:
        """Be woken when `fd` is readable."""
        self.waiting.add(fd)
        self._poll.register(fd, select.POLLIN)

    def ignore(self, fd: int) -> None:
        """Be woken by `fd` no more."""
        self.waiting.discard(fd)
        self._poll.unregister(fd)

    def wait_for(self, path: Path | str) -> None:
        """Wait until a path was hinted at."""
        self.seen |= set(self.watcher.take())
        while str(path) not in self.seen:
            assert self._poll.poll(LONG_MS), f"no hint at {path}"
            self.seen |= set(self.watcher.take())


@pytest.fixture
def hints() -> Iterator[Hints]:
    """Watch nothing yet."""
    hints = Hints()
    yield hints
    hints.watcher.close()


def test_changes_in_a_watched_directory_are_hinted_at(hints: Hints, tmp_path: Path) -> None:
    """Created, written, renamed, deleted, with any name: each path is hinted at; a new directory asks for a scan."""
    hints.watcher.watch([str(tmp_path)])
    path = tmp_path / os.fsdecode(b"\xff\n.log")
    path.write_bytes(b"x")
    hints.wait_for(path)
    path.rename(tmp_path / "b.log")
    hints.wait_for(tmp_path / "b.log")
    hints.seen.clear()
    (tmp_path / "b.log").unlink()
    hints.wait_for(tmp_path / "b.log")
    (tmp_path / "sub").mkdir()
    hints.wait_for("")


def test_a_file_that_becomes_readable_is_hinted_at(hints: Hints, tmp_path: Path) -> None:
    """A changed mode is a change, of a file as of a directory."""
    path = tmp_path / "a.log"
    path.touch()
    hints.watcher.watch([str(tmp_path)])
    path.chmod(0o600)
    hints.wait_for(path)
    tmp_path.chmod(0o755)
    hints.wait_for("")


def test_a_directory_made_anew_is_watched_anew(hints: Hints, tmp_path: Path) -> None:
    """A26: the same name, another directory: the old watch is worth nothing."""
    folder = tmp_path / "sub"
    for _ in range(3):
        folder.mkdir()
        (tmp_path / "spare").mkdir(exist_ok=True)
        hints.watcher.watch([str(folder)])
        (folder / "a").write_bytes(b"x")
        hints.wait_for(folder / "a")
        hints.seen.clear()
        (folder / "a").unlink()
        hints.wait_for(folder / "a")
        hints.seen.clear()
        folder.rmdir()
        hints.wait_for("")
        hints.seen.clear()
        (tmp_path / "spare").rename(tmp_path / "other")
        (tmp_path / "other").rmdir()


def test_a_directory_of_two_names_hints_at_both(hints: Hints, tmp_path: Path) -> None:
    """A directory and a symlink to it have one inotify watch; letting go of one name keeps the other's hints."""
    folder, link = tmp_path / "real", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    hints.watcher.watch([str(folder), str(link)])
    (folder / "a").touch()
    hints.wait_for(folder / "a")
    hints.wait_for(link / "a")
    hints.watcher.watch([str(link)])
    hints.seen.clear()
    (folder / "b").touch()
    hints.wait_for(link / "b")
    assert str(folder / "b") not in hints.seen


def test_thousands_of_directories_share_one_descriptor(hints: Hints, tmp_path: Path) -> None:
    """Watches are not counted by us; the system has its limits, and they are reported."""
    folders = [tmp_path / str(number) for number in range(2_000)]
    for folder in folders:
        folder.mkdir()
    hints.watcher.watch(map(str, folders))
    assert hints.watcher.reliable
    assert len(hints.waiting) == 1
    (folders[-1] / "a").touch()
    hints.wait_for(folders[-1] / "a")


def test_what_the_system_forgot_is_scanned_for(hints: Hints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D1: after an overflow of inotify's queue, everything is looked at."""
    hints.watcher.watch([str(tmp_path)])
    (tmp_path / "a").touch()
    overflow = struct.pack("iIII", -1, 0x4000, 0, 0)
    monkeypatch.setattr(os, "read", lambda _fd, _size: overflow)
    assert set(hints.watcher.take()) == {""}


def test_a_closed_watcher_wakes_nobody(hints: Hints, tmp_path: Path) -> None:
    """A shipper that drains reads no hints: what is left unread in inotify must not keep its loop busy."""
    hints.watcher.watch([str(tmp_path)])
    (tmp_path / "a").touch()
    hints.watcher.close()
    assert not hints.waiting
    hints.watcher.close()


def test_hints_are_taken_once() -> None:
    """Hints at one file are one hint until they are taken."""
    watcher = Hints().watcher
    for path in ("a", "b", "a"):
        watcher.hint(path)
    assert sorted(watcher.take()) == ["a", "b"]
    assert list(watcher.take()) == []


def test_a_refused_watch_is_said_once(
    hints: Hints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """D2, D3: no more watches: one warning, and the watcher says that it cannot be relied on, until it can."""

    def refuse(_path: str) -> None:
        raise OSError(28, "inotify watch limit reached")

    with monkeypatch.context() as patch:
        patch.setattr(hints.watcher, "_schedule", refuse)
        for _ in range(3):
            hints.watcher.watch([str(tmp_path)])
    assert not hints.watcher.reliable
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    hints.watcher.watch([str(tmp_path)])
    assert hints.watcher.reliable


def test_silence_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """D10: a directory whose changes only scans find is polled; a hint from there ends that."""
    watcher = Hints().watcher
    for _ in range(room.DEAF_AFTER):
        assert watcher.reliable
        watcher.missed(["/remote"])
    assert not watcher.reliable
    assert "/remote" in caplog.text
    watcher.hint("/remote/b.log")
    list(watcher.take())
    assert watcher.reliable


def test_a_scan_that_was_sooner_than_the_events_proves_nothing(
    hints: Hints, shore: Shore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Many files written right before a scan are no silence: what tells is that no event comes after it either."""
    settings = Settings(inputs=[Input(paths=[str(shore.logs / "*.log")])], host="h")
    shore.agent = Agent(settings, shore.publisher, Registry(), waker=hints, stopwatch=float)
    shore.run(0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Watcher, "take", lambda _: iter(()))
        for turn in range(room.DEAF_AFTER):
            assert "not reported" not in caplog.text
            for number in range(5):
                shore.write(f"{number}.log", b"%d\n" % turn)
            shore.run()
    assert "not reported" in caplog.text
