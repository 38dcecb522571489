"""Files, directories and links as they come and go, errors that pass, clocks that jump."""

import errno
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from logbus import telemetry
from logbus.batch import Batch
from logbus.inode import generation_of
from logbus.output_mark import is_output, mark_output
from shipper.files import complaints
from shipper.files.opening import open_regular
from support.shores import Shore


def bodies(shore: Shore) -> list[bytes]:
    """Return what was published, batch by batch."""
    return [batch.body for batch in shore.publisher.batches]


def test_thousands_of_files_that_no_event_told_of(shore: Shore) -> None:
    """D1, D5: 12,000 files are made while every event is lost: the scan finds them all, each once."""
    shore.publisher.window = 20_000
    shore.start("*.log")
    for number in range(12_000):
        (shore.logs / f"{number}.log").write_bytes(b"%d\n" % number)
    for _ in range(3):
        shore.run()
    assert sorted(bodies(shore)) == sorted(b"%d\n" % number for number in range(12_000))


def test_a_file_made_elsewhere_and_renamed(shore: Shore) -> None:
    """A25: written under another name, then renamed into the glob: found, from its first byte."""
    shore.start()
    shore.write("a.tmp", b"line 1\n").rename(shore.logs / "a.log")
    shore.run()
    assert shore.lives() == [b"line 1\n"]


def test_an_editor_saves(shore: Shore) -> None:
    """A17: a new file with the same beginning takes the name: it is another life, shipped whole; the old one ends."""
    path = shore.write("a.log", b"one 1\ntwo 2\n")
    shore.start()
    saved = shore.write(".a.log.swp", b"one 1\ntwo 2\nthree 3\n")
    saved.rename(path)
    shore.run()
    assert shore.lives() == [b"one 1\ntwo 2\n", b"one 1\ntwo 2\nthree 3\n"]


def test_the_last_line_is_removed(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """A16: shorter than before is rewritten: a new life from its first byte, decided once and said once."""
    path = shore.write("a.log", b"one 1\ntwo 2\n")
    shore.start()
    path.write_bytes(b"one 1\n")
    for _ in range(3):
        shore.run()
    shore.write("a.log", b"three 3\n")
    shore.run()
    assert shore.lives() == [b"one 1\ntwo 2\n", b"one 1\nthree 3\n"]
    assert caplog.text.count("rewritten") == 1


def test_an_old_writer_outlives_its_name(shore: Shore) -> None:
    """A4: out of the glob, and written to for a while: all of it arrives, and its descriptor is closed after that."""
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    path.rename(shore.logs / "a.old")
    for turn in range(4):
        shore.write("a.old", b"late %d\n" % turn)
        shore.run(0.5)
    for _ in range(3):
        shore.run(40.0)
    assert shore.lives() == [b"one 1\nlate 0\nlate 1\nlate 2\nlate 3\n"]
    assert not shore.open_files()


def test_directories_made_again_and_again(shore: Shore) -> None:
    """A26: created, filled, removed, created again with the same names: each line once."""
    shore.start("**/*.log")
    expected = []
    for turn in range(5):
        (shore.logs / "a" / "b").mkdir(parents=True)
        expected.append(b"turn %d\n" % turn)
        shore.write("a/b/x.log", expected[-1])
        shore.run()
        shutil.rmtree(shore.logs / "a")
        shore.run()
    assert shore.lives() == expected


@pytest.mark.parametrize("away_s", [1.0, 100.0])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_directory_leaves_the_glob_and_comes_back(shore: Shore, away_s: float, restarted: bool) -> None:
    """A27: nothing again, and what was written meanwhile, once."""
    (shore.logs / "sub").mkdir()
    shore.write("sub/a.log", b"one 1\n")
    shore.start("*/*.log")
    (shore.logs / "sub").rename(shore.folder / "away")
    for _ in range(4):
        shore.run(away_s)
    if restarted:
        shore.stop()
        shore.start("*/*.log")
    with (shore.folder / "away" / "a.log").open("ab") as file:
        file.write(b"two 2\n")
    (shore.folder / "away").rename(shore.logs / "sub")
    shore.run()
    assert shore.lives() == [b"one 1\ntwo 2\n"]


def test_another_device_number(shore: Shore) -> None:
    """A28: the same filesystem, mounted under another number: nothing again, where it tells generations."""
    path = shore.write("a.log", b"one 1\n")
    with path.open("rb") as file:
        if generation_of(file.fileno()) is None:
            pytest.skip("no generations on this filesystem")
    shore.start()
    shore.change_registry("UPDATE streams SET device = device + 1")  # what a mount does
    shore.stop()
    shore.write("a.log", b"two 2\n")
    shore.start()
    assert shore.lives() == [b"one 1\ntwo 2\n"]


def test_a_file_that_was_never_seen(shore: Shore) -> None:
    """D13: made, written and deleted between two looks: it is missing, and nothing else is, or is repeated."""
    shore.start()
    for turn in range(5):
        shore.write("a.log", b"unseen %d\n" % turn).unlink()
        path = shore.write("a.log", b"seen %d\n" % turn)
        shore.run()
        path.unlink()
    shore.run()
    assert shore.lives() == [b"seen %d\n" % turn for turn in range(5)]


def test_what_was_seen_and_is_gone_is_counted(shore: Shore) -> None:
    """D13, A24: closed for want of descriptors, grown, then deleted before it was read: counted as lost."""
    before = telemetry.value("logbus_lost_bytes")
    shore.publisher.window = 0
    for name in ("a.log", "b.log"):
        shore.write(name, b"line 1\n")
    shore.start(budget=1)
    (kept,) = shore.open_files()  # which one is up to the budget
    next(path for path in shore.logs.iterdir() if str(path) != kept).unlink()
    for _ in range(3):
        shore.run()
    assert telemetry.value("logbus_lost_bytes") == before + 7


@pytest.mark.parametrize("cause", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_file_cannot_be_read_for_a_while(
    shore: Shore, cause: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """D9, D10: EIO, ESTALE, EACCES later on: said once, nothing skipped, no spinning, and it goes on by itself."""
    shore.write("a.log", b"one 1\n")
    shore.start()
    shore.write("a.log", b"two 2\n")
    whole = os.pread

    def refuse(*_arguments: int) -> bytes:
        raise OSError(cause, os.strerror(cause))

    monkeypatch.setattr(os, "pread", refuse)
    for _ in range(5):
        shore.run()
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    assert shore.agent.step(shore.now) > 0
    monkeypatch.setattr(os, "pread", whole)
    shore.run()
    assert "can be read now" in caplog.text
    assert shore.lives() == [b"one 1\ntwo 2\n"]


def test_a_file_cannot_be_opened_for_a_while(
    shore: Shore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """D7, D10: a file that cannot be opened is said once, waited for, and read when it can be."""
    shore.start()
    shore.write("a.log", b"one 1\n")
    usual = open_regular

    def refuse(path: str) -> tuple[int, os.stat_result]:
        raise PermissionError(errno.EACCES, "permission denied", path)

    monkeypatch.setattr(complaints, "open_regular", refuse)
    for _ in range(5):
        shore.run()
    assert len([record for record in caplog.records if "cannot read" in record.message]) == 1
    monkeypatch.setattr(complaints, "open_regular", usual)
    shore.run()
    assert shore.lives() == [b"one 1\n"]


def test_a_directory_cannot_be_read_for_a_while(
    shore: Shore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """D7: a directory that becomes unreadable is said once; readable again, nothing is missing or repeated."""
    shore.write("a.log", b"one 1\n")
    shore.start()
    usual = os.scandir

    def refuse(path: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        if str(path) == str(shore.logs):
            raise PermissionError(errno.EACCES, "permission denied", path)
        return usual(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for _ in range(5):
        shore.run(40.0)
    assert len([record for record in caplog.records if "cannot list" in record.message]) == 1
    monkeypatch.setattr(os, "scandir", usual)
    shore.write("a.log", b"two 2\n")
    shore.write("b.log", b"three 3\n")
    shore.run()
    shore.run()
    assert sorted(shore.lives()) == [b"one 1\ntwo 2\n", b"three 3\n"]


def test_what_we_say_ourselves_is_not_shipped(shore: Shore, capfd: pytest.CaptureFixture[str]) -> None:
    """H5: our own standard error, redirected into the glob, is left out: shipping it would make us say more."""
    del capfd
    own = shore.write("own.log", b"a warning 1\n")
    kept = os.dup(2)
    with own.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        shore.write("a.log", b"line 1\n")
        shore.start()
        shore.run()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert shore.lives() == [b"line 1\n"]


def test_what_a_sink_writes_is_not_shipped(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """H6: a file sink's output within the glob is left out, and said once, also when it was rotated; a copy is not."""
    output = shore.write("out.log", b"line 1\n")
    with output.open("ab") as file:
        mark_output(file.fileno())
        if not is_output(file.fileno()):
            pytest.skip("no extended attributes on this filesystem")
    shutil.copyfile(output, shore.logs / "copy.log")
    shore.start()
    output.rename(shore.logs / "out-1.log")
    for _ in range(3):
        shore.run()
    assert {Path(batch.path).name for batch in shore.publisher.batches} == {"copy.log"}
    assert len([record for record in caplog.records if "never end" in record.message]) == 1


def test_a_stream_is_on_disk_before_its_first_batch(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """C13: at the first publish, another connection sees the stream, saved with synchronous = FULL."""
    shore.write("a.log", b"line 1\n")
    shore.publisher.window = 0
    shore.start()
    statements: list[str] = []
    shore.write("b.log", b"line 2\n")
    shore.registry.trace(statements.append)
    usual = shore.publisher.publish
    seen: list[object] = []

    def publish(batch: Batch) -> None:
        with sqlite3.connect(shore.folder / "state" / "registry.sqlite") as other:
            seen.append(other.execute("SELECT 1 FROM streams WHERE stream = ?", (batch.stream,)).fetchone())
        other.close()
        statements.append("published")
        usual(batch)

    monkeypatch.setattr(shore.publisher, "publish", publish)
    shore.publisher.window = 100
    shore.run()
    assert seen == [(1,), (1,)]
    first = statements.index("published")
    assert "PRAGMA synchronous = FULL" in statements[:first]
    assert "COMMIT" in statements[:first]


def test_the_state_as_a_power_cut_leaves_it(shore: Shore) -> None:
    """C5: the registry with a write-ahead log that was not merged yet: the right positions, nothing repeated."""
    shore.write("a.log", b"one 1\n")
    shore.start()
    shore.run()
    shutil.copytree(shore.folder / "state", shore.folder / "copy")
    assert (shore.folder / "copy" / "registry.sqlite-wal").stat().st_size
    shore.crash()
    shutil.rmtree(shore.folder / "state")
    (shore.folder / "copy").rename(shore.folder / "state")
    shore.write("a.log", b"two 2\n")
    shore.start()
    assert bodies(shore) == [b"one 1\n", b"two 2\n"]
    assert len(shore.lives()) == 1


def test_a_registry_from_a_backup(shore: Shore) -> None:
    """C12: an older position sends again under the same id and offsets; one beyond the file's end is another life."""
    shore.write("a.log", b"one 1\n")
    path = shore.write("b.log", b"long line 1\n" * 10)
    shore.start()
    shore.stop()
    shutil.copytree(shore.folder / "state", shore.folder / "backup")
    shore.write("a.log", b"two 2\n")
    shore.start()
    shore.stop()
    shutil.rmtree(shore.folder / "state")
    (shore.folder / "backup").rename(shore.folder / "state")
    path.write_bytes(b"short 2\n")
    shore.start()
    assert sorted(shore.lives()) == [b"long line 1\n" * 10, b"one 1\ntwo 2\n", b"short 2\n"]


@pytest.mark.parametrize("jump_s", [-86_400, 86_400])
def test_the_clock_jumps(shore: Shore, jump_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """C14: a day back or forth changes nothing but the times that batches carry."""
    shore.write("a.log", b"one 1\n")
    shore.start()
    usual = time.time_ns
    monkeypatch.setattr(time, "time", lambda: usual() / 1e9 + jump_s)
    monkeypatch.setattr(time, "time_ns", lambda: usual() + jump_s * 1_000_000_000)
    shore.write("a.log", b"two 2\n")
    shore.run()
    (shore.logs / "a.log").rename(shore.logs / "a.log.1")
    shore.write("a.log", b"new 1\n")
    shore.run()
    shore.stop()
    shore.start()
    assert bodies(shore) == [b"one 1\n", b"two 2\n", b"new 1\n"]
    assert abs(shore.publisher.batches[1].read_at_us - shore.publisher.batches[0].read_at_us) > 80_000 * 1_000_000
