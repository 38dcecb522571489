"""The file sink's archives: compressed, rotated, wrapped, and exact all the same."""

import errno
import gzip
import json
import os
import pwd
import stat
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from logbus.batch import Message, encode
from logbus.errors import UsageError
from sinks.delivery.runner import Runner
from sinks.file import Settings, open_sink
from sinks.file.upkeep import rotation
from sinks.file.upkeep.rotation import Rotation
from support.stages import Stage

LINES = b"".join(b"%06d a line of ordinary length, as applications write them\n" % number for number in range(400))


def start(stage: Stage, **settings: object) -> Runner:
    """Start a runner with a file sink of these settings."""
    keys = {"path": str(stage.root / "out.log")} | settings
    return stage.start(make_sink=lambda context: open_sink(msgspec.convert(keys, Settings), context))


def commit(runner: Runner) -> None:
    """Take what there is and commit it."""
    for _ in range(3):
        runner.step(time.monotonic())
        runner.step(time.monotonic() + 1)


def zstdcat(path: Path) -> bytes:
    """Return what the zstd program makes of a file."""
    return subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout


def test_an_archive_is_what_the_zstd_program_reads(stage: Stage) -> None:
    """Frames are appended as they came, byte for byte; `zstd -dc` gives the source."""
    whole = encode(stage.batch(LINES))
    stage.queue.put(whole)
    runner = start(stage, compress="zstd")
    commit(runner)
    assert stage.read() == whole.body
    stage.queue.put(stage.batch(LINES + b"short\n"), stage.batch(b"more\n", len(LINES) + 6), Message(b"foreign"))
    commit(runner)
    assert stage.read().startswith(whole.body)
    assert zstdcat(stage.root / "out.log") == LINES + b"short\nmore\nforeign\n"


def test_a_torn_frame_is_cut_off(stage: Stage) -> None:
    """F2: what a crash left behind the last commit goes before anything is appended."""
    stage.queue.put(stage.batch(LINES))
    commit(start(stage, compress="zstd"))
    with (stage.root / "out.log").open("ab") as file:
        file.write(encode(stage.batch(LINES)).body[:50])
    stage.queue.put(stage.batch(b"more\n", len(LINES)))
    commit(start(stage, compress="zstd"))
    assert zstdcat(stage.root / "out.log") == LINES + b"more\n"


def test_rotated_by_size_and_compressed(stage: Stage) -> None:
    """The rotated files and the present one are the source; crashes in between change nothing."""
    size = len(LINES)
    for number in range(5):
        stage.queue.put(stage.batch(LINES, number * size), stage.batch(b"end\n", (number + 1) * size - 4))
        commit(start(stage, rotate=Rotation(max_bytes=size, compress="gzip")))
        stage.queue.reconnect()
    stage.stop()
    parts = [gzip.decompress(path.read_bytes()) for path in rotation.rotated(stage.root / "out.log")]
    assert len(parts) == 4
    assert b"".join(parts) + stage.read() == LINES * 5


def test_rotated_in_a_new_period(stage: Stage) -> None:
    """An output of yesterday is left alone until something is written, and then renamed."""
    stage.queue.put(stage.batch(b"old\n"))
    commit(start(stage, rotate=Rotation(every_s=86_400)))
    yesterday = time.time() - 86_400
    os.utime(stage.root / "out.log", (yesterday, yesterday))
    stage.queue.put(stage.batch(b"new\n", 4))
    commit(start(stage, rotate=Rotation(every_s=86_400)))
    assert stage.read() == b"new\n"
    assert [path.read_bytes() for path in rotation.rotated(stage.root / "out.log")] == [b"old\n"]


def test_the_oldest_go_first(tmp_path: Path) -> None:
    """keep_files and keep_bytes count from the newest; other files in the directory stay."""
    path = tmp_path / "out.log"
    for number in range(6):
        (tmp_path / f"out.log-20261124T10000{number}Z").write_bytes(b"x" * 10)
        os.utime(tmp_path / f"out.log-20261124T10000{number}Z", (number, number))
    (tmp_path / "out.log-mine").write_bytes(b"x")
    rotation.tidy(path, Rotation(max_bytes=1, keep_files=4))
    assert len(rotation.rotated(path)) == 4
    rotation.tidy(path, Rotation(max_bytes=1, keep_bytes=25))
    assert [each.name[-3:] for each in rotation.rotated(path)] == ["04Z", "05Z"]
    assert (tmp_path / "out.log-mine").exists()


def test_a_source_called_like_a_rotated_output_is_kept(stage: Stage) -> None:
    """A host may ship what a sink there has rotated: it counts as nobody's rotated output here, and is not deleted."""
    runner = start(stage, path=str(stage.root / "{name}"), rotate=Rotation(max_bytes=1, keep_files=1))
    stage.queue.put(stage.batch(b"kept\n", path="/app.log-20261124T101112Z", stream="f" * 16))
    for number in range(4):
        stage.queue.put(stage.batch(b"%d\n" % number, 2 * number))
        commit(runner)
    stage.stop()
    assert stage.read("app.log-20261124T101112Z_") == b"kept\n"
    assert len(rotation.rotated(stage.root / "app.log")) == 1


def test_two_rotations_in_one_second_have_two_names(tmp_path: Path) -> None:
    """A rotated file is never overwritten, not by one that is compressed by now either."""
    path = tmp_path / "out.log"
    first = rotation.free_name(path, 0.0)
    first.with_name(f"{first.name}.gz").touch()
    second = rotation.free_name(path, 0.0)
    assert (first.name, second.name) == ("out.log-19700101T000000Z", "out.log-19700101T000000Z.1")


@pytest.mark.parametrize("form", ["prefix", "json"])
def test_wrapped_records_come_once(stage: Stage, form: str) -> None:
    """A prefix or JSON changes the length of an output, not what exactly once means."""
    runner = start(stage, format=form)
    stage.queue.put(stage.batch(b"one\r\n\xff\n", host="a b"))
    commit(runner)
    runner = start(stage, format=form)
    stage.queue.put(stage.batch(b"one\r\n\xff\nend\n", host="a b", fields={"site": "ü"}))
    commit(runner)
    lines = stage.read().splitlines()
    if form == "prefix":
        assert lines[0] == b"2026-11-24T03:21:06.123456Z a_b app info one"
        assert len(lines) == 3
    else:
        assert [json.loads(line)["message"] for line in lines] == ["one", "\\xff", "end"]
        assert json.loads(lines[0])["severity"] == "info"
        assert [json.loads(line).get("fields") for line in lines] == [None, None, {"site": "ü"}]


def test_modes_and_syncing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mode` is that of new files whatever the umask; with `sync: never` nothing is synced."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    stage.queue.put(stage.batch(b"x\n"))
    commit(start(stage, mode="0604", sync="never"))
    assert stat.S_IMODE((stage.root / "out.log").stat().st_mode) == 0o604
    assert synced == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_owner_and_group(stage: Stage) -> None:
    """New files and directories, and what becomes of them, are given to `owner` and `group`."""
    keys = {"path": str(stage.root / "{host}" / "out.log"), "owner": "daemon", "group": "12345"}
    runner = start(stage, rotate=Rotation(max_bytes=1, compress="gzip"), **keys)
    stage.queue.put(stage.batch(b"one\n"))
    commit(runner)
    stage.queue.put(stage.batch(b"two\n", 4))
    commit(runner)
    stage.stop()
    folder = stage.root / "web-1"
    made = [folder, folder / "out.log", *rotation.rotated(folder / "out.log")]
    assert len(made) == 3
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(pwd.getpwnam("daemon").pw_uid, 12345)}


def test_a_file_that_cannot_be_given_away_is_not_made(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is the directory for it: with the wrong owner they would stay so. Nothing is lost meanwhile."""

    def refuse(_fd: int, _uid: int, _gid: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    stage.queue.put(stage.batch(b"one\n"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fchown", refuse)
        runner = start(stage, path=str(stage.root / "{host}" / "out.log"), owner=str(os.getuid()))
        runner.step(0.0)
        assert not (stage.root / "web-1").exists()
    commit(runner)
    assert stage.read("web-1/out.log") == b"one\n"


def test_a_lost_ledger_is_said(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """F15: with outputs but no ledger, a warning says that what comes again will be written again."""
    (stage.root / "out.log").write_bytes(b"before\n")
    stage.queue.put(stage.batch(b"x\n"))
    commit(start(stage))
    assert "the ledger is new" in caplog.text


@pytest.mark.parametrize(
    ("keys", "flaw"),
    [
        ({"mode": "rw"}, "not a file mode"),
        ({"owner": "nobody of that name"}, "no such name"),
        ({"group": "²"}, "no such name"),
        ({"compress": "zstd", "rotate": {"max_bytes": 1, "compress": "gzip"}}, "already"),
        ({"rotate": {"keep_files": 3}}, "no limit is set"),
    ],
)
def test_settings_that_make_no_sense(keys: dict[str, object], flaw: str) -> None:
    """They are refused before anything is written."""
    with pytest.raises(UsageError, match=flaw):
        msgspec.convert({"path": "/x", **keys}, Settings)
