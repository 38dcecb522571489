"""What the doctors say of this host, from figures and from trees of a test's own."""

import fcntl
import os
import resource
from pathlib import Path

import pytest

from logbus.doctor import disks, host, limits
from logbus.doctor.disks import Space
from logbus.doctor.verdicts import Verdict

GIB = 1 << 30


@pytest.mark.parametrize(
    ("space", "verdict"),
    [
        (Space(50 * GIB, 100 * GIB), Verdict.OK),
        (Space(4 * GIB, 100 * GIB), Verdict.WARNING),
        (Space(1 << 20, 100 * GIB), Verdict.PROBLEM),
        (Space(0, 100 * GIB), Verdict.PROBLEM),
        (Space(50 * GIB, 100 * GIB, 10, 1000), Verdict.WARNING),
        (Space(50 * GIB, 100 * GIB, 0, 1000), Verdict.PROBLEM),
        (Space(50 * GIB, 100 * GIB, 0, 0), Verdict.OK),
    ],
)
def test_a_disk_has_room_or_not(space: Space, verdict: Verdict) -> None:
    """A full disk, or one without inodes, is a problem; less than a twentieth free is a warning."""
    assert disks.room("disk", "/x", space).verdict is verdict


def test_a_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    """It is made at the first start, and is not made here; its disk is the one of the directory above."""
    asked: list[str] = []

    def measure(path: str) -> Space:
        asked.append(path)
        return Space(0, GIB)

    found = list(disks.directory("state", str(tmp_path / "a/b"), measure))
    assert [each.verdict for each in found] == [Verdict.OK, Verdict.PROBLEM]
    assert asked == [str(tmp_path)]
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_a_directory(tmp_path: Path) -> None:
    """A path below a file can never be written to."""
    (tmp_path / "a").touch()
    assert [each.verdict for each in disks.directory("state", str(tmp_path / "a/b"))] == [Verdict.PROBLEM]


def test_the_clock(tmp_path: Path) -> None:
    """systemd-timesyncd says whether it is synchronised, of others it counts that they run, else it is unknown."""
    assert host.clock(tmp_path).verdict is Verdict.UNKNOWN
    timesync = tmp_path / "run/systemd/timesync"
    timesync.mkdir(parents=True)
    assert host.clock(tmp_path).verdict is Verdict.WARNING
    (timesync / "synchronized").touch()
    assert host.clock(tmp_path).verdict is Verdict.OK
    (timesync / "synchronized").unlink()
    (tmp_path / "run/chrony").mkdir()
    (tmp_path / "run/chrony/chronyd.pid").touch()
    assert host.clock(tmp_path).found == "kept by chronyd"


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ({}, Verdict.UNKNOWN),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, Verdict.UNKNOWN),
        ({"ActiveState": "active", "UnitFileState": "enabled"}, Verdict.OK),
        ({"ActiveState": "active", "UnitFileState": "disabled"}, Verdict.WARNING),
        ({"ActiveState": "inactive"}, Verdict.WARNING),
        ({"ActiveState": "failed"}, Verdict.PROBLEM),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, Verdict.PROBLEM),
    ],
)
def test_a_unit(state: dict[str, str], verdict: Verdict) -> None:
    """One that fails again and again is a problem, one that does not run or start at boot a warning."""
    assert host.unit_state("x", state).verdict is verdict


def test_the_running_daemon_is_who_holds_the_lock(tmp_path: Path) -> None:
    """The process that has locked the state is found by its lock, if its command line fits."""
    lock = tmp_path / "lock"
    lock.touch()
    assert host.holder(lock, "python") == 0
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert host.holder(lock, "py") == os.getpid()
        assert host.holder(lock, "another program") == 0
        assert host.started_s(os.getpid()) > 0
        assert host.daemon(lock, "py").verdict is Verdict.OK


def test_limits_of_inotify(tmp_path: Path) -> None:
    """What is used and wanted together must be allowed; a daemon that runs has what it wants."""
    assert [each.verdict for each in limits.inotify(1, runs=False, proc=tmp_path)] == [Verdict.UNKNOWN] * 2
    folder = tmp_path / "sys/fs/inotify"
    folder.mkdir(parents=True)
    (folder / "max_user_instances").write_text("1\n")
    (folder / "max_user_watches").write_text("9\n")
    assert [each.verdict for each in limits.inotify(9, runs=False, proc=tmp_path)] == [Verdict.OK] * 2
    instances, watches = limits.inotify(10, runs=False, proc=tmp_path)
    assert (instances.verdict, watches.verdict) == (Verdict.OK, Verdict.WARNING)
    assert "sysctl fs.inotify.max_user_watches=20" in watches.advice
    (process := tmp_path / "7").mkdir()
    (process / "fd").mkdir()
    (process / "fdinfo").mkdir()
    (process / "fd/3").symlink_to("anon_inode:inotify")
    (process / "fdinfo/3").write_text("pos: 0\ninotify wd:1 ino:2\ninotify wd:2 ino:3\n")
    assert limits.watching(tmp_path) == (1, 2)
    assert next(limits.inotify(1, runs=False, proc=tmp_path)).verdict is Verdict.WARNING
    assert next(limits.inotify(1, runs=True, proc=tmp_path)).verdict is Verdict.OK


def test_the_limit_of_open_files() -> None:
    """More files than may be open are a warning, with the line for the unit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert limits.open_files(hard).verdict is Verdict.OK
    assert f"LimitNOFILE={2 * hard + 2}" in limits.open_files(hard + 1).advice
    assert "for the running daemon" in limits.open_files(1, os.getpid()).found
