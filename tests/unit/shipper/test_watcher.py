"""Watcher: hints, and what is known when none come."""

import logging
import os
import threading
from pathlib import Path

import pytest

from shipper import watcher as room
from shipper.watcher import Watcher

LONG_S = 10.0


class Hints:
    """A watcher, and the paths it hinted at so far."""

    def __init__(self) -> None:
        self._woken = threading.Event()
        self.watcher = Watcher(self._woken.set)
        self.seen: set[str] = set()

    def wait_for(self, path: Path | str) -> None:
        """Wait until a path was hinted at."""
        while str(path) not in self.seen:
            assert self._woken.wait(LONG_S), f"no hint at {path}"
            self._woken.clear()
            self.seen |= set(self.watcher.take())


def test_changes_in_a_watched_directory_are_hinted_at(tmp_path: Path) -> None:
    """Created, written, renamed, deleted, with any name: each path is hinted at; a new directory asks for a scan."""
    hints = Hints()
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
    hints.watcher.close()


def test_a_directory_made_anew_is_watched_anew(tmp_path: Path) -> None:
    """A26: the same name, another directory: the old watch is worth nothing."""
    folder = tmp_path / "sub"
    hints = Hints()
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
        (tmp_path / "spare").rename(tmp_path / "other")
        (tmp_path / "other").rmdir()
    hints.watcher.close()


def test_hints_wake_once_and_are_taken_once() -> None:
    """Hints at one file are one hint until they are taken, and the loop is woken for the first of many."""
    woken = []
    watcher = Watcher(lambda: woken.append(1))
    for path in ("a", "b", "a"):
        watcher.hint(path)
    assert sorted(watcher.take()) == ["a", "b"]
    assert list(watcher.take()) == []
    assert woken == [1]


def test_a_refused_watch_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """D2, D3: no more watches: one warning, and the watcher says that it cannot be relied on."""
    watcher = Watcher(lambda: None)

    def refuse(_path: str) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watcher, "_schedule", refuse)
    for _ in range(3):
        watcher.watch([str(tmp_path)])
    assert not watcher.reliable
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_silence_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """D10: a directory whose changes only scans find is polled; a hint from there ends that."""
    watcher = Watcher(lambda: None)
    for _ in range(room.DEAF_AFTER):
        assert watcher.reliable
        watcher.missed("/remote/a.log")
    assert not watcher.reliable
    assert "/remote" in caplog.text
    watcher.hint("/remote/b.log")
    list(watcher.take())
    assert watcher.reliable
