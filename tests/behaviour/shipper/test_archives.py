"""`include_compressed`: archives that are there at the first start are read once, as streams of their own."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from logbus import telemetry
from shipper.steps.departures import DELETED_GRACE_S, FRAGMENT_GRACE_S
from support.shores import Shore

GLOB = "a.log*"


def pack(shore: Shore, name: str, data: bytes, mtime_s: int = 1_000_000_000) -> Path:
    """Write a gzip file that was last written at a time."""
    path = shore.logs / name
    path.write_bytes(gzip.compress(data))
    os.utime(path, (mtime_s, mtime_s))
    return path


def settle(shore: Shore, files: int = 3) -> None:
    """Let some archives be read, each with an unfinished last line, and their streams end."""
    for _ in range(2 * files):
        shore.run(FRAGMENT_GRACE_S)
    shore.run(DELETED_GRACE_S + 1)
    shore.run(1)


def published(shore: Shore) -> list[bytes]:
    """Return what each stream holds, sorted."""
    return sorted(shore.lives())


def test_archives_are_left_out_by_default(shore: Shore) -> None:
    """Without the key, no byte of them is shipped."""
    pack(shore, "a.log.1.gz", b"old 1\n")
    shore.start(GLOB)
    settle(shore)
    assert shore.lives() == []


def test_archives_are_read_as_streams_of_their_own(shore: Shore) -> None:
    """The oldest first, an unfinished last line included; the label is the log's, the path the archive's."""
    pack(shore, "a.log.1.gz", b"middle 2\nunfinished 2", 2_000)
    pack(shore, "a.log.2.gz", b"old 1\n", 1_000)
    shore.write("a.log", b"new 3\n")
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert shore.lives() == [b"new 3\n", b"old 1\n", b"middle 2\nunfinished 2"]
    assert {(each.label, Path(each.path).name) for each in shore.publisher.batches} == {
        ("a", "a.log"),
        ("a", "a.log.1.gz"),
        ("a", "a.log.2.gz"),
    }
    assert [row.path for row in shore.remembered()] == [str(shore.logs / "a.log")]


@pytest.mark.parametrize(("ending", "compress"), [("xz", lzma.compress), ("bz2", bz2.compress)])
def test_every_kind_that_can_be_unpacked(shore: Shore, ending: str, compress: Callable[[bytes], bytes]) -> None:
    """As with gzip; larger than one read."""
    content = b"".join(b"line %d of it\n" % number for number in range(150_000))
    (shore.logs / f"a.log.1.{ending}").write_bytes(compress(content))
    shore.publisher.window = 1000
    shore.start(GLOB, include_compressed=True, hold_deleted_bytes=1000)
    settle(shore)
    assert shore.lives() == [content]


def test_a_later_start_reads_nothing_again(shore: Shore) -> None:
    """Neither the archives of the first start, renamed since, nor those that rotation made later."""
    path = pack(shore, "a.log.1.gz", b"old 1\n")
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    shore.stop()
    path.rename(shore.logs / "a.log.2.gz")
    pack(shore, "a.log.1.gz", b"later 2\n")
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert shore.lives() == [b"old 1\n"]


def test_once_reads_all_of_them(shore: Shore) -> None:
    """A run with `once` ends when every archive is read, each to its end."""
    contents = [b"".join(b"archive %d line %d\n" % (each, line) for line in range(100_000)) for each in range(3)]
    for number, content in enumerate(contents):
        pack(shore, f"a.log.{number}.gz", content, number)
    shore.publisher.window = 1000
    agent = shore.start(GLOB, include_compressed=True, once=True)
    for _ in range(10):
        shore.run(1.0)
    assert agent.finished()
    assert shore.lives() == contents


def test_killed_on_the_way(shore: Shore) -> None:
    """The next start resumes the archive that was begun, and reads the others; nothing twice."""
    content = b"".join(b"line %d of it\n" % number for number in range(150_000))
    for number in range(3):
        pack(shore, f"a.log.{number}.gz", b"%d " % number + content, number)
    shore.publisher.window, shore.publisher.holding = 2, True
    shore.start(GLOB, include_compressed=True)
    shore.run()
    begun = {each.stream for each in shore.publisher.batches}
    shore.crash()
    shore.publisher.window, shore.publisher.holding = 1000, False
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert len(begun) == 1
    assert published(shore) == [b"%d " % number + content for number in range(3)]
    assert shore.remembered() == []


@pytest.mark.parametrize("restart", [False, True])
def test_a_life_that_was_shipped_is_not_shipped_from_its_archive(shore: Shore, restart: bool) -> None:
    """Shipped as a plain file, then renamed and compressed: recognised, while the shipper runs and at a start."""
    path = shore.write("a.log", b"first 1\nfirst 2\n")
    shore.start(GLOB)
    settle(shore)
    if restart:
        shore.stop()
    path.unlink()
    pack(shore, "a.log.1.gz", b"first 1\nfirst 2\n")
    shore.write("a.log", b"second 1\n")
    if not restart:
        settle(shore)
        shore.stop()
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert shore.lives() == [b"first 1\nfirst 2\n", b"second 1\n"]


def test_the_rest_of_a_life_in_an_archive_is_shipped_once(shore: Shore) -> None:
    """A life of which a part was shipped goes on in its archive, under its own stream and no other."""
    shore.write("a.log", b"first 1\n")
    shore.start(GLOB)
    settle(shore)
    shore.stop()
    shore.write("a.log", b"first 2\n")
    (shore.logs / "a.log").unlink()
    pack(shore, "a.log.1.gz", b"first 1\nfirst 2\n")
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert shore.lives() == [b"first 1\nfirst 2\n"]


def test_the_archive_of_a_file_that_is_there_too(shore: Shore) -> None:
    """`gzip --keep`: the file is read, its archive is not."""
    shore.write("a.log.1", b"first 1\nfirst 2\n")
    pack(shore, "a.log.1.gz", b"first 1\nfirst 2\n")
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert shore.lives() == [b"first 1\nfirst 2\n"]


def test_the_archive_of_a_file_that_is_closed_and_unread(shore: Shore) -> None:
    """The same, while few files may be open, and the file beside the archive waits to be read."""
    shore.write("a.log", b"current 1\n")
    for number in range(1, 9):
        shore.write(f"a.log.{number}", b"old %d\n" % number)
        pack(shore, f"a.log.{number}.gz", b"old %d\n" % number)
    shore.publisher.window, shore.publisher.holding = 1, True
    shore.start(GLOB, include_compressed=True, budget=1)
    shore.run()
    shore.publisher.window = 1000
    shore.publisher.release()
    settle(shore)
    assert published(shore) == sorted([b"current 1\n", *(b"old %d\n" % number for number in range(1, 9))])


def test_archives_with_one_header_are_different_lives(shore: Shore) -> None:
    """A log that holds only its header yet is not taken for the life in an archive that begins with the same one."""
    shore.write("a.log", b"date,level,text\n")
    pack(shore, "a.log.1.gz", b"date,level,text\none 1\n", 2)
    pack(shore, "a.log.2.gz", b"date,level,text\ntwo 2\n", 1)
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert shore.lives() == [b"date,level,text\n", b"date,level,text\ntwo 2\n", b"date,level,text\none 1\n"]


@pytest.mark.parametrize("damage", ["cut", "empty", "no archive", "bomb"])
def test_a_damaged_archive_is_reported(shore: Shore, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it is shipped, and the next one is read all the same."""
    content = {
        "cut": gzip.compress(os.urandom(5000))[:-20],
        "empty": b"",
        "no archive": b"plain 1\n",
        "bomb": bz2.compress(bytes(200_000_000)),
    }
    (shore.logs / ("a.log.1.bz2" if damage == "bomb" else "a.log.1.gz")).write_bytes(content[damage])
    pack(shore, "a.log.0.gz", b"next 2\n", 2_000_000_000)
    shore.start(GLOB, include_compressed=True)
    settle(shore)
    assert shore.lives() == [b"next 2\n"]
    assert any("a.log.1." in each for each in caplog.messages)


def test_other_keys_apply_to_archives(shore: Shore) -> None:
    """`exclude`, `ignore_older` and `start: end` leave archives out as they do files."""
    pack(shore, "a.log.1.gz", b"old 1\n")
    before = telemetry.value("logbus_ignored_files")
    shore.start(GLOB, include_compressed=True, ignore_older=7 * 86_400, remember=False)
    settle(shore)
    assert telemetry.value("logbus_ignored_files") == before + 1
    shore.stop()
    shore.start(GLOB, include_compressed=True, exclude=["*.gz"], remember=False)
    settle(shore)
    shore.stop()
    shore.start(GLOB, include_compressed=True, start="end", remember=False)
    settle(shore)
    assert shore.lives() == []
