"""Rotation: lives that end, begin, move and come back. One shipper, real files."""

import os
import shutil

import pytest

from shipper.files import complaints
from shipper.files.opening import OpenFile, open_regular
from support.shores import Shore


def test_renamed_while_written(shore: Shore) -> None:
    """A1: the old writer goes on in the renamed file, a new one at the name: all lines once, old before new."""
    path = shore.write("a.log", b"old 1\n")
    shore.start()
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log.1", b"old 2\n")
    shore.write("a.log", b"new 1\n")
    shore.run()
    shore.write("a.log.1", b"late\n")
    shore.run()
    assert shore.lives() == [b"old 1\nold 2\nlate\n", b"new 1\n"]
    assert [batch.body for batch in shore.publisher.batches] == [b"old 1\n", b"old 2\n", b"new 1\n", b"late\n"]
    assert {batch.path for batch in shore.publisher.batches} == {str(path)}


@pytest.mark.parametrize("pattern", ["*.log", "*.log*"])
def test_many_rotations_of_several_files(shore: Shore, pattern: str) -> None:
    """A2, A5: three files, ten rotations each, in the glob or out of it: each line once, in order."""
    shore.start(pattern)
    expected = set()
    for turn in range(10):
        for name in "abc":
            lines = b"".join(b"%s %d %d\n" % (name.encode(), turn, line) for line in range(5))
            shore.write(f"{name}.log", lines)
            expected.add(lines)
        shore.run()
        for name in "abc":
            for number in range(turn, -1, -1):
                older = f"{name}.log.{number}" if number else f"{name}.log"
                (shore.logs / older).rename(shore.logs / f"{name}.log.{number + 1}")
    shore.run()
    lives = shore.lives()
    assert set(lives) == expected
    assert len(lives) == 30


@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
def test_rotated_while_stopped(shore: Shore, pattern: str) -> None:
    """A3: rotated and both written while the shipper was down: both tails once, nothing again."""
    path = shore.write("a.log", b"one 1\n")
    shore.start(pattern)
    shore.stop()
    shore.write("a.log", b"two\n")
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log.1", b"three\n")
    shore.write("a.log", b"new 1\n")
    shore.start(pattern)
    assert shore.lives() == [b"one 1\ntwo\nthree\n", b"new 1\n"]
    assert [batch.body for batch in shore.publisher.batches] == [b"one 1\n", b"two\nthree\n", b"new 1\n"]


def test_rotated_in_a_full_window_and_killed(shore: Shore) -> None:
    """A1, C1: lives that wait behind a full window are found again after a crash, by their inode."""
    shore.publisher.holding, shore.publisher.window = True, 0
    shore.start()
    for turn in range(4):
        path = shore.write("a.log", b"turn %d\n" % turn)
        shore.run()
        path.rename(shore.logs / f"old.{turn}")
    shore.crash()
    shore.publisher.window, shore.publisher.holding = 100, False
    shore.start()
    assert shore.lives() == [b"turn %d\n" % turn for turn in range(4)]


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("data", [b"new 2\n", b"line 1\n", b"longer than it was before 2\n"])
def test_deleted_and_created_again(shore: Shore, stopped: bool, data: bytes) -> None:
    """A7, A8, A9: the same inode on ext4, running or down, shorter, the same bytes or longer: from 0, a new stream."""
    path = shore.write("a.log", b"line 1\n")
    shore.start()
    if stopped:
        shore.stop()
    path.unlink()
    shore.write("a.log", data)
    if stopped:
        shore.start()
    shore.run()
    assert shore.lives() == [b"line 1\n", data]


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("data", [b"n 2\n", b"LINE 1\n", b"longer than it was before 2\n"])
def test_truncated_and_written_again(shore: Shore, stopped: bool, data: bytes) -> None:
    """A10, A12, A13: in place, running or down, shorter, as long or longer: from 0, a new stream."""
    path = shore.write("a.log", b"line 1\n")
    shore.start()
    shore.run()
    if stopped:
        shore.stop()
    path.write_bytes(data)
    if stopped:
        shore.start()
    shore.run()
    assert shore.lives() == [b"line 1\n", data]


def test_a_writer_that_does_not_append_leaves_a_hole(shore: Shore) -> None:
    """A11: copytruncate under such a writer: its next line arrives once, with no NULs, also when seen in between."""
    with (shore.logs / "a.log").open("wb", buffering=0) as writer:
        writer.write(b"before 1\n" * 1000)
        shore.start()
        shore.run()
        os.truncate(shore.logs / "a.log", 0)
        shore.run()
        writer.write(b"after 2\n")
        shore.run()
    assert [batch.body for batch in shore.publisher.batches] == [b"before 1\n" * 1000, b"after 2\n"]
    assert len({batch.stream for batch in shore.publisher.batches}) == 2


def test_a_link_is_swapped(shore: Shore) -> None:
    """A18: both targets of a link that is replaced atomically are read to their end."""
    (shore.folder / "x").mkdir()
    for name in "ab":
        (shore.folder / "x" / name).write_bytes(b"%s 1\n" % name.encode())
    link = shore.logs / "current.log"
    link.symlink_to("../x/a")
    shore.start()
    with (shore.folder / "x" / "a").open("ab") as file:
        file.write(b"a 2\n")
    (shore.logs / "tmp").symlink_to("../x/b")
    (shore.logs / "tmp").rename(link)
    shore.run()
    with (shore.folder / "x" / "a").open("ab") as file:
        file.write(b"a 3\n")
    shore.run()
    assert shore.lives() == [b"a 1\na 2\na 3\n", b"b 1\n"]


def test_one_file_under_several_names_is_one_stream(shore: Shore) -> None:
    """A19: hard links and symlinks to one file make one copy."""
    path = shore.write("a.log", b"one\n")
    os.link(path, shore.logs / "b.log")
    (shore.logs / "c.log").symlink_to(path)
    shore.start()
    path.unlink()
    shore.write("b.log", b"two\n")
    shore.run()
    assert shore.lives() == [b"one\ntwo\n"]


def test_identical_small_files_are_two_streams(shore: Shore) -> None:
    """A20, A22: the same first bytes in two files hide neither."""
    shore.write("a.log", b"same 1\n")
    shore.write("b.log", b"same 1\n")
    shore.start()
    assert shore.lives() == [b"same 1\n", b"same 1\n"]


def test_a_file_grows_past_its_fingerprint(shore: Shore) -> None:
    """A21: four restarts while the head grows to its full length: one stream, nothing again."""
    for turn in range(5):
        shore.write("a.log", b"%04d" % turn * 300 + b"\n")
        shore.start()
        assert len(shore.remembered()) == 1
        shore.stop()
    assert sum(len(batch.body) for batch in shore.publisher.batches) == 5 * 1201
    assert len(shore.lives()) == 1


def test_an_unfinished_line_survives_a_restart(shore: Shore) -> None:
    """B2: its two parts make one line."""
    shore.write("a.log", b"one 1\npart")
    shore.start()
    shore.stop()
    shore.write("a.log", b"ial\n")
    shore.start()
    assert [batch.body for batch in shore.publisher.batches] == [b"one 1\n", b"partial\n"]


@pytest.mark.parametrize("how", ["rename", "unlink"])
def test_the_last_line_of_an_ended_life_is_shipped(shore: Shore, how: str) -> None:
    """B3, A24: unfinished, rotated away or deleted: shipped once when it has been quiet."""
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    shore.write("a.log", b"two\nlast")
    path.rename(shore.logs / "gone") if how == "rename" else path.unlink()
    shore.run()
    assert shore.lives() == [b"one 1\ntwo\n"]
    shore.run(6.0)
    shore.run(6.0)
    assert shore.lives() == [b"one 1\ntwo\nlast"]


def test_a_deleted_file_is_released(shore: Shore) -> None:
    """A23: the descriptor of a deleted file is closed, and its stream is done."""
    path = shore.write("a.log", b"one 1\n")
    shore.start()
    path.unlink()
    for _ in range(5):
        shore.run(6.0)
    assert not shore.open_files()
    assert shore.remembered() == []


def test_a_lost_registry_sends_the_same_ids(shore: Shore) -> None:
    """C9: without its registry a shipper sends everything again, under the ids it had, where the file system tells."""
    shore.write("a.log", b"2024 one\n")
    shore.start()
    shore.stop()
    shutil.rmtree(shore.folder / "state")
    shore.write("a.log", b"2025 two\n")
    shore.start()
    first, again = shore.publisher.batches
    assert again.body == b"2024 one\n2025 two\n"
    assert again.stream == first.stream


def test_a_life_that_repeats_its_first_line_has_another_id(shore: Shore) -> None:
    """G5: truncated and begun with the very same first line: the id that would be derived is taken."""
    path = shore.write("a.log", b"start 1\nold\n")
    shore.start()
    shore.run()
    path.write_bytes(b"start 1\nnew\n")
    shore.run()
    assert shore.lives() == [b"start 1\nold\n", b"start 1\nnew\n"]
    assert len({batch.stream for batch in shore.publisher.batches}) == 2


def test_a_registry_from_another_machine_gets_new_ids(shore: Shore) -> None:
    """G4: a cloned disk goes on where it was, under ids of its own."""
    shore.write("a.log", b"one 1\n")
    shore.start()
    shore.registry.remember("machine", "another")  # as a clone finds it
    shore.stop()
    shore.write("a.log", b"two\n")
    shore.start()
    one, two = shore.publisher.batches
    assert (two.offset, two.body) == (6, b"two\n")
    assert one.stream != two.stream


def test_the_published_end_is_recognised_too(shore: Shore) -> None:
    """A13: rewritten behind the confirmed offset after a crash: other bytes never go out under the old id."""
    old = b"one 1\n" * 1000
    path = shore.write("a.log", old)
    shore.start()
    shore.run()
    shore.publisher.holding = True
    shore.write("a.log", b"two 2\n")
    shore.run()
    shore.crash()
    shore.publisher.holding = False
    path.write_bytes(old + b"TWO 3\nthree\n")
    shore.start()
    first, second, third = shore.publisher.batches
    assert first.stream == second.stream != third.stream
    assert (third.offset, third.body) == (6000, b"TWO 3\nthree\n")


@pytest.mark.parametrize("stopped", [False, True])
def test_rotated_between_the_look_and_the_opening(shore: Shore, monkeypatch: pytest.MonkeyPatch, stopped: bool) -> None:
    """A2, C1: a path that means another file when it is opened than when it was seen says nothing about either."""
    path = shore.write("a.log", b"one 1\n")
    shore.start("*.log*")
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log", b"two 1\n")
    shore.run()
    if stopped:
        shore.crash()
    else:
        rotate(shore, b"three 1\n")
    opened = open_regular

    def rotate_first(name: str) -> OpenFile:
        monkeypatch.setattr(complaints, "open_regular", opened)
        rotate(shore, b"four 1\n")
        return opened(name)

    monkeypatch.setattr(complaints, "open_regular", rotate_first)
    if stopped:
        shore.start("*.log*")
    shore.run()
    shore.run()
    whole = {b"one 1\n", b"two 1\n", b"three 1\n", b"four 1\n"} - ({b"three 1\n"} if stopped else set())
    assert sorted(shore.lives()) == sorted(whole)


def rotate(shore: Shore, first: bytes) -> None:
    """Rename a chain of files, and begin a new one."""
    for number in range(3, 0, -1):
        older = shore.logs / (f"a.log.{number - 1}" if number > 1 else "a.log")
        if older.exists():
            older.rename(shore.logs / f"a.log.{number}")
    shore.write("a.log", first)
