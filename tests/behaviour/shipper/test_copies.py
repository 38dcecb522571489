"""Copies that copytruncate makes, and archives that rotation leaves: a life goes on in them."""

import bz2
import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from logbus import telemetry
from logbus.wire import frames
from shipper.files.complaints import Complaints
from shipper.files.discovery import Found
from shipper.files.opening import OpenFile, open_regular
from shipper.lives.copies import COPY_GRACE_S, Suspects
from shipper.lives.recognition import Memory
from shipper.state.registry import Registry
from support.shores import Shore, copytruncate

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": lambda data: frames.compress(data, 1),
}


def bodies(shore: Shore) -> list[bytes]:
    """Return what was published, batch by batch."""
    return [batch.body for batch in shore.publisher.batches]


@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("name", ["a.log.1", "a.log-20261124", "a.1.log"])
def test_a_copy_is_not_shipped_again(shore: Shore, pattern: str, stopped: bool, name: str) -> None:
    """A15, A14: the life goes on in its copy, in the glob or not: nothing again, and what was not read, once."""
    path = shore.write("a.log", b"old 1\nold 2\n")
    shore.start(pattern)
    if stopped:
        shore.stop()
    copytruncate(path, shore.logs / name, b"unread 3\n")
    shore.write("a.log", b"new 1\n")
    if stopped:
        shore.start(pattern)
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"old 1\nold 2\nunread 3\n", b"new 1\n"]
    assert bodies(shore) == [b"old 1\nold 2\n", b"unread 3\n", b"new 1\n"]
    shore.stop()
    shore.start(pattern)
    assert len(shore.publisher.batches) == 3


def test_a_copy_seen_while_it_is_made(shore: Shore) -> None:
    """A15: part of the copy is there before the truncation: it waits, and is the life's when that comes."""
    data = b"".join(b"line %d\n" % number for number in range(1000))
    path = shore.write("a.log", data)
    shore.start("a.log*")
    for end in (0, 100, 5000, len(data)):
        (shore.logs / "a.log.1").write_bytes(data[:end])
        shore.run(3.0)
    os.truncate(path, 0)
    shore.run()
    shore.write("a.log", b"new 1\n")
    shore.run()
    assert shore.lives() == [data, b"new 1\n"]


def test_a_copy_of_a_life_that_goes_on_is_a_file_of_its_own(shore: Shore) -> None:
    """A20: a copy by hand is another file: when the original was not truncated for a while, it is shipped."""
    path = shore.write("a.log", b"line 1\n")
    shore.start("a.log*")
    shutil.copyfile(path, shore.logs / "a.log.1")
    shore.run()
    assert len(shore.lives()) == 1
    shore.run(COPY_GRACE_S)
    shore.write("a.log", b"line 2\n")
    shore.run()
    assert shore.lives() == [b"line 1\nline 2\n", b"line 1\n"]


def test_a_copy_serves_what_was_not_confirmed(shore: Shore) -> None:
    """A15, C1: killed with batches under way, then copied and truncated: they come again, from the copy."""
    shore.publisher.holding = True
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    shore.crash()
    copytruncate(path, shore.logs / "a.log.1")
    shore.publisher.holding = False
    shore.start()
    first, again = shore.publisher.batches
    assert (first.stream, first.offset, first.body) == (again.stream, again.offset, again.body)


def test_many_copies(shore: Shore) -> None:
    """A10, A15: copied and truncated ten times, the copies renamed each time: ten lives, each line once, in order."""
    expected = []
    shore.start("a.log*")
    for turn in range(10):
        path = shore.write("a.log", b"turn %d\n" % turn)
        shore.run()
        for number in range(turn, 0, -1):
            (shore.logs / f"a.log.{number}").rename(shore.logs / f"a.log.{number + 1}")
        copytruncate(path, shore.logs / "a.log.1", b"late %d\n" % turn)
        shore.run()
        expected.append(b"turn %d\nlate %d\n" % (turn, turn))
    assert shore.lives() == expected


def test_a_copy_on_the_inode_of_an_earlier_one(shore: Shore) -> None:
    """A15, A7: how long the first of two equally long copies waited says nothing of the other."""
    path = shore.write("a.log", b"one 1\n")
    copy = shore.logs / "a.log.1"
    shore.start("a.log*")
    for data in (b"two 2\n", b"new 3\n"):
        shutil.copyfile(path, copy)
        shore.run()
        os.truncate(path, 0)
        shore.run()
        copy.unlink()
        shore.write("a.log", data)
        for _ in range(4):
            shore.run(6.0)
    assert shore.lives() == [b"one 1\n", b"two 2\n", b"new 3\n"]


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
def test_compressed_while_stopped(shore: Shore, ending: str, pattern: str) -> None:
    """A3, A6: rotated and compressed while down: its rest first, under the same id, then the current file."""
    path = shore.write("a.log", b"one 1\n" * 1000)
    shore.start(pattern)
    shore.stop()
    shore.write("a.log", b"two 2\n" * 1000 + b"last")
    (shore.logs / f"a.log.1{ending}").write_bytes(PACKERS[ending](path.read_bytes()))
    path.unlink()
    shore.write("a.log", b"new 1\n")
    shore.start(pattern)
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"one 1\n" * 1000 + b"two 2\n" * 1000 + b"last", b"new 1\n"]
    assert bodies(shore)[-1] == b"new 1\n"
    assert [row.path for row in shore.remembered()] == [str(path)]
    assert not list((shore.folder / "state").glob("tmp*"))


def test_rotated_many_times_while_stopped(shore: Shore) -> None:
    """A3: two lives were begun; both were rotated, one compressed and dated: each is finished, the oldest first."""
    path = shore.write("a.log", b"one 1\n")
    shore.publisher.holding = True
    shore.start()
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log", b"two 1\n")
    shore.run()
    shore.crash()
    shore.publisher.holding = False
    shore.write("a.log.1", b"one 2\n")
    (shore.logs / "a.log-20261123.gz").write_bytes(gzip.compress((shore.logs / "a.log.1").read_bytes()))
    (shore.logs / "a.log.1").unlink()
    shore.write("a.log", b"two 2\n")
    path.rename(shore.logs / "a.log-20261124")
    shore.write("a.log", b"three 1\n")
    shore.publisher.batches.clear()
    shore.start()
    shore.run()
    assert bodies(shore) == [b"one 1\none 2\n", b"two 1\ntwo 2\n", b"three 1\n"]


def test_killed_in_the_middle_of_an_archive(shore: Shore) -> None:
    """C1: what is left of an archive is found again after a crash, under the same id and offsets."""
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    shore.stop()
    rest = b"".join(b"line %d\n" % number for number in range(100_000))
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress(b"one 1\n" + rest))
    path.unlink()
    shore.publisher.holding, shore.publisher.window = True, 3
    shore.start()
    shore.run()
    shore.publisher.confirmed = shore.publisher.held[:1]
    shore.run()
    shore.crash()
    shore.publisher.holding, shore.publisher.window = False, 1000
    shore.start()
    shore.run()
    assert shore.lives() == [b"one 1\n" + rest]


def test_compressed_while_it_rests(shore: Shore) -> None:
    """A4, A6: written to after it was closed, then compressed, while running: the archive is read to its end."""
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    old = shore.logs / "a.log.1"
    path.rename(old)
    for _ in range(5):
        shore.run(40.0)
    assert not shore.open_files()
    shore.write("a.log.1", b"late 2\n")
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    for _ in range(5):
        shore.run(40.0)
    assert shore.lives() == [b"one 1\nlate 2\n"]
    assert shore.remembered() == []


@pytest.mark.parametrize("crashed", [False, True])
@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
def test_truncated_and_compressed_before_the_next_look(shore: Shore, pattern: str, crashed: bool) -> None:
    """A6, A14: the copy is compressed already when the truncation is noticed: the life goes on in the archive."""
    path = shore.write("a.log", b"old 1\nold 2\n")
    shore.start(pattern)
    copytruncate(path, shore.logs / "a.log.1", b"unread 3\n")
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress((shore.logs / "a.log.1").read_bytes()))
    (shore.logs / "a.log.1").unlink()
    shore.write("a.log", b"new 1\n")
    if crashed:
        shore.agent.step(shore.now + 1.5)
        shore.crash()
        shore.start(pattern)
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"old 1\nold 2\nunread 3\n", b"new 1\n"]


def test_truncated_with_a_broken_archive(shore: Shore) -> None:
    """A14: if the archive does not hold the life, what was seen and not read is counted, and the next life goes on."""
    path = shore.write("a.log", b"old 1\n")
    shore.start()
    shore.publisher.window = 0
    shore.write("a.log", b"unread 2\n")
    shore.run()
    lost = telemetry.value("logbus_lost_bytes")
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes())[:-6])
    path.write_bytes(b"new\n")
    shore.publisher.window = 1000
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"old 1\n", b"new\n"]
    assert telemetry.value("logbus_lost_bytes") == lost + len(b"unread 2\n")


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("copy", ["app.log.1", "app-20261124.log", "app.1.log"])
def test_a_copy_is_found_together_with_its_original(shore: Shore, copy: str, known: bool) -> None:
    """A15: which of the two comes first in the order of names does not matter, nor what was at the path before."""
    path = shore.logs / "app.log"
    if known:
        path.write_bytes(b"earlier 1\n")
    shore.start("app*log*")
    if known:
        path.rename(shore.logs / "app.old.log")
    path.write_bytes(b"old 1\n")
    shutil.copyfile(path, shore.logs / copy)
    shore.run()
    path.write_bytes(b"new 1\n")
    for _ in range(4):
        shore.run(6.0)
    assert sorted(shore.lives()) == [b"earlier 1\n"] * known + [b"new 1\n", b"old 1\n"]


def test_of_files_that_became_copies_nothing_is_kept_for_long(tmp_path: Path) -> None:
    """A15: what waited once is forgotten an hour after the last look at it."""
    with closing(Registry()) as registry:
        suspects = Suspects(COPY_GRACE_S, Memory(registry))
        for number in range(3):
            path = tmp_path / str(number)
            path.write_bytes(b"line\n")
            copy = open_regular(str(path))
            suspects.observe(copy, 4000.0 * number)
            assert suspects.may_grow(copy)
            copy.close()
    assert len(suspects) == 1


@pytest.mark.parametrize("meanwhile", ["renamed", "replaced", "unpacked"])
def test_an_archive_waits_to_be_unpacked(shore: Shore, meanwhile: str) -> None:
    """A6: it is read under the name that it has when its turn has come, or what somebody else unpacked from it."""
    rests = {"a.log": b"a long line that is not random\n" * 200_000, "b.log": b"b 2\n"}
    for name in rests:
        shore.write(name, b"begun 1\n")
    shore.start()
    shore.stop()
    for name, rest in rests.items():
        (shore.logs / name).unlink()
        (shore.logs / f"{name}.1.gz").write_bytes(gzip.compress(b"begun 1\n" + rest, 1))
    shore.publisher.window = 0
    shore.start()
    packed = (shore.logs / "b.log.1.gz").rename(shore.logs / "b.log.2.gz")
    if meanwhile == "replaced":
        (shore.logs / "b.log.1.gz").write_bytes(gzip.compress(b"another 3\n"))
    if meanwhile == "unpacked":
        (shore.logs / "b.log.2").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    shore.publisher.window = 1000
    for _ in range(3):
        shore.run(6.0)
    assert sorted(shore.lives()) == sorted(b"begun 1\n" + rest for rest in rests.values())


@pytest.mark.parametrize("damage", ["another", "cut", "garbage", "bomb"])
def test_other_archives_are_left_alone(shore: Shore, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """S10: another life's archive, a damaged one and a bomb give nothing; the current file is shipped all the same."""
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    shore.stop()
    packed = {
        "another": gzip.compress(b"two 1\n"),
        "cut": gzip.compress(b"one 1\n" + os.urandom(5000))[:-20],
        "garbage": b"\x1f\x8b\x08" + b"one 1\n" * 9,
        "bomb": bz2.compress(b"one 1\n" + bytes(100_000_000)),
    }
    (shore.logs / ("a.log.1.bz2" if damage == "bomb" else "a.log.1.gz")).write_bytes(packed[damage])
    path.unlink()
    shore.write("a.log", b"new 1\n")
    shore.start()
    for _ in range(4):
        shore.run(6.0)
    assert bodies(shore) == [b"one 1\n", b"new 1\n"]
    assert ("fold" in caplog.text) == (damage == "bomb")


def test_what_is_gone_unconfirmed_is_counted(shore: Shore) -> None:
    """A24: gone while down with batches not confirmed: counted as lost, once."""
    path = shore.write("a.log", b"one 1\n")
    shore.publisher.holding = True
    shore.start()
    shore.crash()
    path.unlink()
    before = telemetry.value("logbus_lost_bytes")
    for _ in range(2):
        shore.start()
        shore.stop()
    assert telemetry.value("logbus_lost_bytes") == before + 6


@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
def test_killed_before_the_move_to_the_copy_is_saved(
    shore: Shore, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    """A15, C1: killed right after both lives of an inode are known: the older one goes on in its copy, and first."""
    path = shore.write("a.log", b"old 1\n")
    shore.start(pattern)
    shore.run()
    copytruncate(path, shore.logs / "a.log.1", b"old 2\n")
    shore.write("a.log", b"n 1\n")
    shore.publisher.window = 0
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "save", lambda _self, _rows: False)  # what it is not sure of is lost
        shore.run()
    assert len(shore.remembered()) == 2
    shore.crash()
    shore.publisher.window = 100
    shore.start(pattern)
    shore.run()
    assert bodies(shore) == [b"old 1\n", b"old 2\n", b"n 1\n"]
    assert shore.lives() == [b"old 1\nold 2\n", b"n 1\n"]


def test_a_copy_that_is_compressed_while_it_is_looked_at(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A6, A15: it was opened as a new file when gzip removed it; its life goes on in the archive, once, not twice."""
    path = shore.write("a.log", b"old 1\n")
    shore.start("a*.log")
    copy = shore.logs / "a-1.log"
    complete = Complaints.open

    def open_then_compress(self: Complaints, found: Found) -> OpenFile | None:
        opened = complete(self, found)
        if found.path == str(copy):
            (shore.logs / "a-1.log.gz").write_bytes(gzip.compress(copy.read_bytes()))
            copy.unlink()
        return opened

    monkeypatch.setattr(Complaints, "open", open_then_compress)
    copytruncate(path, copy, b"unread 2\n")
    for _ in range(4):
        shore.run(6.0)
    shore.write("a.log", b"new 1\n")
    shore.run()
    assert shore.lives() == [b"old 1\nunread 2\n", b"new 1\n"]
