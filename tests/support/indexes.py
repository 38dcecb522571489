"""Reading the index of a sink as a search would, and checking each row against the bytes it tells of."""

import gzip
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from logbus.wire import frames
from sinks.file import safe_open
from sinks.index.names import FILE_NAME, text_of
from sinks.index.packing import unpacked
from sinks.index.place import token_of

DIGITS_MAX_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Told:
    """A block of a file that holds: what the row says, and the content that it says it of."""

    path: Path
    begin: int
    end: int
    content: bytes
    digits: bytes
    counts: list[int]
    parts: list[tuple[str, str, str, int, int, list[int]]] | None
    read_us: tuple[int, int]
    event_us: tuple[int | None, int | None]


def told(state: Path, folder: Path) -> list[Told]:
    """Return the blocks that hold of the files beneath `folder`, by path and place."""
    index = state / FILE_NAME
    if not index.exists():
        return []
    with closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True)) as db:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        return [each for path in files for each in _if_there(db, path)]


def _if_there(db: sqlite3.Connection, path: Path) -> list[Told]:
    """Return the blocks of a file, none if it was renamed or compressed meanwhile."""
    try:
        return list(_of_file(db, path))
    except FileNotFoundError:
        return []


def _of_file(db: sqlite3.Connection, path: Path) -> Iterator[Told]:
    fd = os.open(path, os.O_RDONLY)
    try:
        identity, size = safe_open.identity(fd), os.fstat(fd).st_size
    finally:
        os.close(fd)
    query = "SELECT id, compression FROM output WHERE token = ? AND identity = ?"
    for output, compression in db.execute(query, (token_of(path), identity)).fetchall():
        body = gzip.decompress(path.read_bytes()) if compression == 2 else path.read_bytes()
        limit = len(body) if compression == 2 else size
        blocks = "SELECT * FROM block WHERE output = ? AND end <= ? ORDER BY begin"
        for row in db.execute(blocks, (output, limit)).fetchall():
            yield _block(db, path, row, body[row[2] : row[3]], is_zstd=compression == 1)


def _block(db: sqlite3.Connection, path: Path, row: tuple[Any, ...], data: bytes, *, is_zstd: bool) -> Told:
    _, _, begin, end, content_bytes, lines, *times, settled, counts, parts, digits, _, _, _, _ = row
    content = b"".join(_unpacked(data)) if is_zstd else data
    assert len(content) == content_bytes
    assert settled == 0
    found = unpacked(bytes(digits), DIGITS_MAX_BYTES)
    assert len(found) == lines
    first_read, last_read, *event_us = times
    return Told(
        path,
        begin,
        end,
        content,
        found,
        msgspec.msgpack.decode(counts, type=list[int]),
        None if parts is None else [_part(db, *part) for part in msgspec.msgpack.decode(parts)],
        (first_read, last_read),
        (event_us[0], event_us[1]),
    )


def _unpacked(data: bytes) -> Iterator[bytes]:
    """Yield the content of whole frames. Raises if the last is not whole."""
    while data:
        frame = frames.decompressor()
        yield frame.decompress(data)
        assert frame.eof
        data = frame.unused_data


def _part(
    db: sqlite3.Connection, origin: int, offset: int, end: int, counts: list[int]
) -> tuple[str, str, str, int, int, list[int]]:
    [stream, host, path] = db.execute("SELECT stream, host, path FROM origin WHERE id = ?", (origin,)).fetchone()
    return stream, text_of(host), text_of(path), offset, end, counts


def line_of(digit: int, host: str, stream: str, number: int) -> bytes:
    """Return a line that says itself what an index may tell of it."""
    return b"%d %b %b %06d\n" % (digit, host.encode(), stream.encode(), number)


def check(block: Told) -> None:
    """Fail if what is told of a block of such lines is wrong, in whatever format they were written."""
    lines = [_own(line) for line in block.content.splitlines()]
    assert block.digits == b"".join(words[0] for words in lines)
    assert block.counts == [block.digits.count(b"%d" % digit) for digit in range(8)]
    if block.parts is not None:
        _check_parts(block, lines)


def _check_parts(block: Told, lines: list[list[bytes]]) -> None:
    """Fail unless each line is counted in a part of its stream, and each part has its host."""
    for stream in {part[0] for part in block.parts or []} | {words[2].decode() for words in lines}:
        mine = [words for words in lines if words[2].decode() == stream]
        parts = [part for part in block.parts or [] if part[0] == stream]
        assert {part[1] for part in parts} == {words[1].decode() for words in mine}
        counts = [sum(part[5][digit] for part in parts) for digit in range(8)]
        assert counts == [sum(words[0] == b"%d" % digit for words in mine) for digit in range(8)]


def _own(line: bytes) -> list[bytes]:
    """Return the words of a line as it was, from what a format made of it."""
    if line.startswith(b"{"):
        line = msgspec.json.decode(line)["message"].encode()
    return line.split()[-4:]
