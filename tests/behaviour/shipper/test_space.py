"""Files whose space was taken in advance: NULs at their end are no content until something follows them."""

import mmap
import os
import random
from pathlib import Path

import pytest

from logbus import telemetry
from shipper.files.space import SEARCH_BYTES, content_end, first_byte
from shipper.lives import content
from shipper.records.encoding import Name as EncodingName
from shipper.records.rules import Multiline
from support.shores import Kind, Shore

LINE_BYTES = 13


def lines(count: int, start: int = 0) -> list[bytes]:
    """Return lines of LINE_BYTES each."""
    return [b"line %07d\n" % number for number in range(start, start + count)]


def take_space(path: Path, size: int, *, hole: bool) -> None:
    """Let a file end in NULs up to `size`: written ones, or a hole."""
    with path.open("ab") as file:
        if hole:
            file.truncate(size)
        else:
            file.write(bytes(size - file.tell()))


def fill(path: Path, offset: int, data: bytes) -> None:
    """Write in place."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize("hole", [True, False])
@pytest.mark.parametrize("size", [100, 5_000, 3_000_000, 2 * SEARCH_BYTES + 17])
def test_lines_written_in_place(shore: Shore, size: int, hole: bool) -> None:
    """Each line arrives once and whole, whatever space the file ends with; nothing of the space is published."""
    path = shore.logs / "app.log"
    take_space(path, size, hole=hole)
    shore.start()
    shore.run()
    for number, line in enumerate(lines(min(20, size // LINE_BYTES))):
        fill(path, LINE_BYTES * number, line)
        shore.run()
    assert shore.lives() == [b"".join(lines(min(20, size // LINE_BYTES)))]


@pytest.mark.parametrize("size", [100, 3_000_000, 5_000_000])
def test_space_behind_lines(shore: Shore, size: int) -> None:
    """The same where lines were there before the space was taken, and more space is taken when it is used up."""
    path = shore.write("app.log", b"".join(lines(3)))
    shore.start()
    end, whole = 3 * LINE_BYTES, lines(3)
    for turn in range(3):
        take_space(path, end + size, hole=turn % 2 == 0)
        shore.run()
        for line in lines(5, len(whole)):
            fill(path, end, line)
            end += LINE_BYTES
            whole.append(line)
            shore.run()
    assert shore.lives() == [b"".join(whole)]


def test_an_unfinished_line_before_the_space(shore: Shore) -> None:
    """The beginning of a line before space longer than max_record_bytes waits for the line's end."""
    path = shore.write("app.log", b"begun")
    take_space(path, 3_000_000, hole=True)
    shore.start()
    shore.run()
    assert shore.lives() == []
    fill(path, 5, b" and ended 1\n")
    shore.run()
    assert shore.lives() == [b"begun and ended 1\n"]


def test_space_that_something_follows_is_content(shore: Shore) -> None:
    """B4: NULs between two lines are bytes like any other, once the second one is there."""
    path = shore.write("app.log", b"one 1\n")
    take_space(path, 5_000, hole=True)
    shore.start()
    shore.write("app.log", b"two 2\n")
    shore.run()
    shore.run()
    assert shore.lives() == [b"one 1\n" + bytes(5_000 - 6) + b"two 2\n"]


def test_content_is_found_between_a_short_read_and_a_long_one(shore: Shore) -> None:
    """What was searched for content behind a long read says nothing of the bytes behind a shorter one."""
    shore.write("app.log", b"head" + bytes(2600) + b"\n" + bytes(5000))
    shore.start(max_record_bytes=1024)
    for _ in range(5):  # each piece filled in place takes a second
        shore.run()
    assert shore.lives() == [b"head" + bytes(2600) + b"\n"]


def test_content_is_found_behind_much_space_a_step_at_a_time(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows more NULs than a step searches is found, by more steps, without anything more happening."""
    step_bytes = 2 << 20
    monkeypatch.setattr(content, "SEARCH_BYTES", step_bytes)
    path = shore.write("app.log", b"one 1\n")
    take_space(path, 2 * step_bytes, hole=False)
    shore.write("app.log", b"two 2\n" + bytes(10_000))
    shore.start(max_record_bytes=1024 * 1024)
    for _ in range(10):
        shore.run()
    assert shore.lives()[0].rstrip(b"\0") == b"one 1\n" + bytes(2 * step_bytes - 6) + b"two 2\n"


def test_nothing_is_behind_though_space_is_left(shore: Shore) -> None:
    """What is behind, and what is lost with a deleted file, counts content only."""
    path = shore.write("app.log", b"one 1\n")
    take_space(path, 3_000_000, hole=True)
    shore.start()
    shore.run()
    assert shore.agent.progress() == (6, 6)
    lost = telemetry.value("logbus_lost_bytes")
    path.unlink()
    for _ in range(10):
        shore.run(40.0)
    assert telemetry.value("logbus_lost_bytes") == lost
    assert shore.agent.files == 0


def test_space_is_given_back(shore: Shore) -> None:
    """A writer that truncates its file to what it holds, and rotates it, loses nothing and begins no new life."""
    path = shore.write("app.log", b"one 1\n")
    take_space(path, 3_000_000, hole=True)
    shore.start()
    shore.run()
    os.truncate(path, 6)
    shore.run()
    path.rename(shore.logs / "app.log.1")
    shore.write("app.log", b"two 2\n")
    shore.run()
    assert shore.lives() == [b"one 1\n", b"two 2\n"]


def test_what_is_taken_as_read_is_content(shore: Shore) -> None:
    """With `start: end`, what is written in place into space that was there before is shipped."""
    path = shore.write("app.log", b"one 1\n")
    take_space(path, 3_000_000, hole=True)
    shore.start(start="end")
    fill(path, 6, b"two 2\n")
    shore.run()
    assert [batch.body for batch in shore.publisher.batches] == [b"two 2\n"]


@pytest.mark.parametrize("name", ["utf-16le", "utf-16be"])
def test_space_behind_wide_characters(shore: Shore, name: EncodingName) -> None:
    """B9: half of a character may be a NUL: space is whole units."""
    path = shore.logs / "app.log"
    encoded = "one 1\nĀ".encode(name)
    path.write_bytes(encoded)
    take_space(path, 3_000_000, hole=True)
    shore.start(encoding=name)
    shore.run()
    fill(path, len(encoded), " two 2\n".encode(name))
    shore.run()
    assert b"".join(batch.body for batch in shore.publisher.batches).decode() == "one 1\nĀ two 2\n"


def test_a_mapped_file_under_a_busy_writer(shore: Shore) -> None:
    """A writer that maps its file and fills it while it is read: every line once and whole, in order."""
    path = shore.logs / "app.log"
    take_space(path, 4_000_000, hole=True)
    shore.start()
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    written, at = b"", 0
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 4_000_000) as view:
        while at < 3_900_000:
            text = b"".join(lines(chance.randrange(1, 9_000), at))
            cut = chance.randrange(len(text))
            view[at : at + cut] = text[:cut]
            os.utime(path)
            shore.run(0.3)
            view[at + cut : at + len(text)] = text[cut:]
            at += len(text)
            written += text
            if at + 9_000 * LINE_BYTES > 4_000_000:
                break
        os.utime(path)
        shore.run()
    assert shore.lives() == [written]


@pytest.mark.parametrize("behind", [0, 3_000_000])
def test_what_is_filled_while_it_is_read(shore: Shore, monkeypatch: pytest.MonkeyPatch, behind: int) -> None:
    """A read that saw NULs where a line was just written, and the lines behind it, is made again."""
    path = shore.logs / "app.log"
    take_space(path, 13 * 100 + behind, hole=True)
    shore.start()
    fill(path, 0, b"".join(lines(100)))
    whole = os.pread
    torn: list[bytes] = []

    def late(fd: int, length: int, offset: int) -> bytes:
        data = whole(fd, length, offset)
        if torn or len(data) < 13 * 60 or b"line" not in data:
            return data
        torn.append(data)
        return data[:200] + bytes(300) + data[500:]

    monkeypatch.setattr(os, "pread", late)
    shore.run()
    assert torn
    assert shore.lives() == [b"".join(lines(100))]


def test_the_end_of_content(tmp_path: Path) -> None:
    """NULs at the end are found from behind, over any number of them, and no further than asked for."""
    path = tmp_path / "a"
    for before, after in [(b"", 0), (b"", 10), (b"abc", 0), (b"abc", 5_000), (b"a\0b", 9_000_000)]:
        path.write_bytes(before + bytes(after))
        with path.open("rb") as file:
            assert content_end(file.fileno()) == len(before)
            assert content_end(file.fileno(), floor=2) == max(2, len(before))
            found, _ = first_byte(file.fileno())
            assert found == (0 if before else None)


@pytest.mark.parametrize("lines_behind", [0, 3])
@pytest.mark.parametrize("keys", [{}, {"multiline": Multiline(preset="python")}, {"max_record_bytes": 1024}])
def test_a_writer_that_is_interrupted_within_a_line(shore: Shore, lines_behind: int, keys: Kind) -> None:
    """Where the end of a line is in the file before its middle, the line is shipped once it is whole."""
    path = shore.logs / "app.log"
    take_space(path, 100_000, hole=True)
    shore.start(**keys)
    fill(path, 0, b"one\n")
    shore.run(3.0)
    shore.run(3.0)
    long = b"two " + b"x" * 3000 + b" end\n"
    line = long if "max_record_bytes" not in keys else b"two middle end\n"
    behind = b"".join(lines(lines_behind))
    fill(path, 4, line[:4])
    fill(path, 4 + len(line) - 5, line[-5:] + behind)
    shore.run()
    shore.run(0.9)
    assert shore.lives() == [b"one\n"]
    fill(path, 8, line[4:-5])
    os.utime(path)
    shore.run(3.0)
    shore.run(3.0)
    assert shore.lives() == [b"one\n" + line + behind]


def test_nuls_that_stay_are_shipped(shore: Shore) -> None:
    """A writer in place that writes NULs has them shipped as they are, a second later."""
    path = shore.logs / "app.log"
    take_space(path, 100_000, hole=True)
    shore.start()
    fill(path, 0, b"a\0\0\0b\nc\n")
    shore.run()
    assert shore.lives() == []
    shore.run()
    assert shore.lives() == [b"a\0\0\0b\nc\n"]


def test_once_ships_nuls_in_place(shore: Shore) -> None:
    """`--once` waits for what may still be filled, and ends."""
    path = shore.write("app.log", b"a\0\0b\nc\n")
    take_space(path, 10_000, hole=True)
    agent = shore.start(once=True)
    assert not agent.finished()
    shore.run()
    shore.run()
    assert shore.lives() == [b"a\0\0b\nc\n"]
    assert agent.finished()
