"""Identity: what a life is recognised by, and its id."""

import os
from pathlib import Path

import pytest

from logbus.inode import generation_of
from shipper.files import identity
from shipper.files.identity import HEAD_BYTES, Head, derived_id


def opened(path: Path, data: bytes) -> int:
    """Write a file and open it."""
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize("step", [1, 7, 1000, HEAD_BYTES, 3 * HEAD_BYTES])
def test_a_head_grows_from_the_first_byte(tmp_path: Path, step: int) -> None:
    """A20, A21: there is no least size, and a head grown in steps is the head of the whole up to its length."""
    data = bytes(at * 7 % 251 for at in range(HEAD_BYTES + 100))
    fd = opened(tmp_path / "a", data)
    head = Head()
    for at in range(0, len(data), step):
        head.extend(at, data[at : at + step])
        assert head.length == min(at + step, len(data), HEAD_BYTES)
        assert head.digest() == Head.of(fd, head.length).digest()
        assert head.matches(fd)
    os.close(fd)


def test_a_head_takes_only_what_follows_it(tmp_path: Path) -> None:
    """Bytes it has already and bytes beyond a gap leave a head as it is."""
    fd = opened(tmp_path / "a", b"0123456789")
    head = Head()
    head.extend(0, b"012345")
    head.extend(0, b"0123")
    head.extend(8, b"89")
    assert head.length == 6
    head.extend(3, b"345678")
    assert head.length == 9
    assert head.matches(fd)
    os.close(fd)


def test_other_first_bytes_are_another_head(tmp_path: Path) -> None:
    """A file that begins otherwise, or is shorter, does not match."""
    fd = opened(tmp_path / "a", b"one\ntwo\n")
    head = Head.of(fd, 8)
    os.close(fd)
    for data in (b"one\ntwO\n", b"one\n", b""):
        fd = opened(tmp_path / "a", data)
        assert not head.matches(fd)
        os.close(fd)


def test_the_mark_is_what_stands_before_an_offset(tmp_path: Path) -> None:
    """Marks are at most 256 bytes, fewer at the beginning."""
    data = os.urandom(1000)
    fd = opened(tmp_path / "a", data)
    assert identity.bytes_before(fd, 0) == b""
    assert identity.bytes_before(fd, 10) == data[:10]
    assert identity.bytes_before(fd, 600) == data[344:600]
    os.close(fd)


def test_a_derived_id_is_the_same_for_the_same_life() -> None:
    """C9: what the file gained since does not change its id; its first record, inode, generation or machine do."""
    first = derived_id("h", 1, 2, 3, b"2024 one\n")
    assert first == derived_id("h", 1, 2, 3, b"2024 one\n2025 two\n")
    others = {
        derived_id("g", 1, 2, 3, b"2024 one\n"),
        derived_id("h", 9, 2, 3, b"2024 one\n"),
        derived_id("h", 1, 9, 3, b"2024 one\n"),
        derived_id("h", 1, 2, 9, b"2024 one\n"),
        derived_id("h", 1, 2, 3, b"2024 ONE\n"),
    }
    assert first is not None
    assert len(first) == 16
    assert len(others - {first, None}) == 5


@pytest.mark.parametrize(
    ("generation", "head"), [(None, b"2024 one\n"), (3, b"time,level,text\n"), (3, b"--- log begins ---\n"), (3, b"")]
)
def test_in_doubt_no_id_is_derived(generation: int | None, head: bytes) -> None:
    """A first record that the next life would repeat, or an unknown generation, is no ground for an id."""
    assert derived_id("h", 1, 2, generation, head) is None


def test_ext4_tells_generations(tmp_path: Path) -> None:
    """A7: where a deleted file's inode is given to the next file, the generation tells the two apart."""
    path = tmp_path / "a"
    fd = opened(path, b"")
    before = (os.fstat(fd).st_ino, generation_of(fd))
    os.close(fd)
    path.unlink()
    fd = opened(path, b"")
    after = (os.fstat(fd).st_ino, generation_of(fd))
    os.close(fd)
    assert before != after or before[1] is None
