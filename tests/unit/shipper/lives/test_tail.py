"""Tail: slices of one open file."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.errors import SourceError
from shipper.files.opening import open_regular
from shipper.lives.life import Life
from shipper.lives.tail import BATCH_BYTES, LifeEnded, Tail
from shipper.records.recorder import Recorder
from shipper.settings import Input

LIMIT = 1024


def life_of(path: Path, max_record_bytes: int = 1 << 20) -> Life:
    """Open a file as the shipper does."""
    source = Input(paths=["*"], max_record_bytes=max_record_bytes)
    return Life(source, open_regular(str(path)), Recorder(source))


def tail_of(path: Path, max_record_bytes: int = 1 << 20) -> Tail:
    """Return the reader of a file."""
    return life_of(path, max_record_bytes).tail


def read_all(tail: Tail) -> list[tuple[bytes, bool]]:
    """Read on to the present end; return bodies and whether they go on."""
    pieces = []
    while piece := tail.read():
        tail.advance(piece)
        pieces.append((piece.body, piece.partial))
    return pieces


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file to tail."""
    path = tmp_path / "app.log"
    path.touch()
    return path


def test_an_unfinished_line_waits(path: Path) -> None:
    """B1: two writes make one line, never two."""
    tail = tail_of(path)
    path.write_bytes(b"partial")
    assert read_all(tail) == []
    with path.open("ab") as file:
        file.write(b" line\nnext")
    assert read_all(tail) == [(b"partial line\n", False)]
    tail.final = True
    assert read_all(tail) == [(b"next", False)]
    tail.close()


def test_a_line_written_byte_by_byte_is_one_line(path: Path) -> None:
    """B13: a read after every byte never tears a line."""
    tail = tail_of(path)
    pieces = []
    for at, byte in enumerate(b"one\n\ntwo\r\n"):
        with path.open("ab") as file:
            file.write(bytes([byte]))
        pieces += [(at, body) for body, _ in read_all(tail)]
    assert pieces == [(3, b"one\n"), (4, b"\n"), (9, b"two\r\n")]
    tail.close()


@pytest.mark.parametrize("shift", range(5))
def test_lines_across_the_edge_of_a_slice(path: Path, shift: int) -> None:
    """B7: a delimiter or a multi-byte character at the edge of the read stays whole, at every alignment."""
    lines = (b"x" * 1023 + b"\n") * (BATCH_BYTES // 1024 - 1)
    data = lines + b"x" * (1019 + shift) + "é\n".encode() + b"y\n"
    path.write_bytes(data)
    tail = tail_of(path)
    pieces = read_all(tail)
    assert b"".join(body for body, _ in pieces) == data
    assert all(body.endswith(b"\n") and not partial for body, partial in pieces)
    tail.close()


def test_a_very_long_line_goes_in_pieces(path: Path) -> None:
    """B6, B8: pieces of max_record_bytes, flagged but for the last; the next line is intact."""
    path.write_bytes(b"\0" * 3000 + b"\nnext\n")
    tail = tail_of(path, LIMIT)
    pieces = read_all(tail)
    assert [(len(body), partial) for body, partial in pieces] == [(1024, True), (1024, True), (958, False)]
    assert b"".join(body for body, _ in pieces) == path.read_bytes()
    tail.close()


@given(st.lists(st.tuples(st.integers(0, 3 * LIMIT), st.integers(1, 40)), max_size=12))
def test_long_lines_between_short_ones(lines: list[tuple[int, int]]) -> None:
    """B6: wherever a slice begins, no piece of a line is longer than max_record_bytes, and no short line is cut."""
    data = b"".join((b"x" * size + b"\n") * times for size, times in lines)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app.log").write_bytes(data)
        tail = tail_of(Path(folder) / "app.log", LIMIT)
        pieces = read_all(tail)
        tail.close()
    assert b"".join(body for body, _ in pieces) == data
    assert all(max(map(len, body.splitlines(keepends=True))) <= LIMIT for body, _ in pieces)
    assert all(
        partial == (not body.endswith(b"\n")) and (len(body) == LIMIT or not partial) for body, partial in pieces
    )


@pytest.mark.parametrize("size", [1023, 1024, 1025, 2047, 2048, 2049])
def test_a_long_line_that_grows(path: Path, size: int) -> None:
    """B6: looked for once, shipped in pieces as soon as it is too long, whole otherwise."""
    tail = tail_of(path, LIMIT)
    pieces = []
    with path.open("ab", buffering=0) as file:
        for _ in range(0, size, 100):
            file.write(b"z" * 100)
            pieces += read_all(tail)
        file.write(b"\nafter\n")
        pieces += read_all(tail)
    assert b"".join(body for body, _ in pieces) == path.read_bytes()
    assert all(partial == (not body.endswith(b"\n")) and len(body) <= LIMIT for body, partial in pieces)
    tail.close()


@pytest.mark.parametrize("data", [b"", b"one\n", b"other\n", b"ONE\ntwo\n", b"ONE\ntwo\nthree\n", b"one\nTWO\n"])
def test_truncated_or_rewritten_is_another_life(path: Path, data: bytes) -> None:
    """A10, A12, A16: shorter, as long or longer, the bytes before the offset tell."""
    path.write_bytes(b"one\ntwo\n")
    life = life_of(path)
    tail = life.tail
    read_all(tail)
    path.write_bytes(data)
    life.update_size(os.fstat(tail.fd), 1.0)
    with pytest.raises(LifeEnded):
        tail.read()
    tail.close()


def test_the_same_bytes_are_the_same_life(path: Path) -> None:
    """A touch, or a rewrite with the same bytes, changes nothing."""
    path.write_bytes(b"one\n")
    life = life_of(path)
    tail = life.tail
    read_all(tail)
    path.write_bytes(b"one\n")
    os.utime(path)
    life.update_size(os.fstat(tail.fd), 1.0)
    assert tail.read() is None
    tail.close()


def test_the_middle_of_a_head_is_looked_at_after_a_pause(path: Path) -> None:
    """A12: a rewrite that leaves the last 256 bytes as they were is noticed by the head."""
    path.write_bytes(b"first 1\n" + b"x" * 600 + b"\n")
    life = life_of(path)
    tail = life.tail
    read_all(tail)
    with path.open("r+b") as file:
        file.write(b"FIRST 2\n")
    assert life.update_size(os.fstat(tail.fd), 1.0)
    with pytest.raises(LifeEnded):
        tail.read()
    tail.close()


def test_offsets_beyond_four_gigabytes(path: Path) -> None:
    """B11: a sparse file of 5 GiB costs nothing to begin at its end."""
    with path.open("r+b") as file:
        file.truncate(5 << 30)
        file.seek(5 << 30)
        file.write(b"\nline\nunfinished")
    tail = tail_of(path)
    tail.begin_at(tail.end_of_records())
    assert tail.offset == (5 << 30) + 6
    with path.open("ab") as file:
        file.write(b" now\n")
    assert read_all(tail) == [(b"unfinished now\n", False)]
    tail.close()


def test_the_hole_of_a_writer_that_does_not_append(path: Path) -> None:
    """A11: after a truncation a writer at its old position leaves NULs, which are no part of its line."""
    with path.open("r+b", buffering=0) as file:
        file.write(b"before 1\n" * 10)
        file.truncate(0)
        file.write(b"after 2\n")
    tail = tail_of(path)
    tail.hole = 90
    assert tail.peek() == b"after 2\n"
    assert read_all(tail) == [(b"after 2\n", False)]
    assert tail.offset == 98
    tail.close()


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "link"])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str) -> None:
    """D8: a FIFO, a device or a directory is neither opened for reading nor waited for."""
    path = tmp_path / "x.log"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path = Path("/dev/zero") if kind == "device" else path
        if kind == "link":
            path.symlink_to("/dev/zero")
    with pytest.raises(SourceError, match="not a regular file"):
        open_regular(str(path))
