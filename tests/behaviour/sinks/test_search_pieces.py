"""A container's text in pieces is one record of a search, as it is for the shipper."""

import os
from datetime import UTC
from itertools import accumulate, chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.records.multiline import LINES, Joiner
from sinks.search.asking import Query, Source
from sinks.search.files.segments import Segment, Segments
from sinks.search.finding import Finder
from sinks.search.matching import matcher

READ_US = 1_795_600_000_000_000
CRI = b"2026-11-24T10:00:0%d.000000001Z std%b %b %b\n"
DOCKER = b'{"log":"%b%b","stream":"std%b","time":"2026-11-24T10:00:0%d.000000001Z"}\n'


def cri(second: int, stream: bytes, text: bytes, *, is_piece: bool) -> bytes:
    """Return a line as containerd writes it."""
    return CRI % (second, stream, b"P" if is_piece else b"F", text)


def docker(second: int, stream: bytes, text: bytes, *, is_piece: bool) -> bytes:
    """Return a line as Docker writes it."""
    return DOCKER % (text, b"" if is_piece else b"\\n", stream, second)


LINES_OF = st.lists(
    st.builds(
        lambda second, stream, text, is_piece: (second, stream, text, is_piece),
        st.integers(0, 9),
        st.sampled_from([b"out", b"err"]),
        st.sampled_from([b"ERROR no order", b"started", b"needle", b"x" * 90]),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
)


def finder(word: str, block_bytes: int) -> Finder:
    """Return what finds in a file, in blocks of that size."""
    query = Query(matcher(word) if word else None, zone=UTC)
    return Finder(query, Source(Path("a.log"), (0, 0), 0, READ_US), 0, READ_US, block_bytes)


def shipped(body: bytes) -> list[bytes]:
    """Return the records as a shipper publishes them."""
    ends = [0, *accumulate(Joiner(LINES, 1_000, 1 << 20, unwraps=True).bounds(body).sizes)]
    return [body[begin:end] for begin, end in pairwise(ends)]


@pytest.mark.parametrize("wrap", [cri, docker])
@given(lines=LINES_OF, block_bytes=st.sampled_from([100, 5_000, 1 << 19]), piece_bytes=st.sampled_from([700, 1 << 20]))
@settings(max_examples=60)
def test_records_are_those_of_the_shipper(wrap, lines, block_bytes: int, piece_bytes: int) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - of the strategies
    """Wherever blocks end, and however the file is read."""
    body = b"".join(wrap(second, stream, text, is_piece=is_piece) for second, stream, text, is_piece in lines)
    pieces = iter([body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)])
    found = [each.data for block in finder("", block_bytes).found(pieces) for each in block]
    assert found == shipped(body)
    wanted = [each.data for block in finder("needle", block_bytes).found(iter([body])) for each in block]
    assert wanted == [each for each in shipped(body) if b"needle" in each]


@pytest.mark.parametrize("wrap", [cri, docker])
@pytest.mark.parametrize("size_bytes", [200, 4_000, 16_000])
def test_records_are_whole_also_from_the_end_on(tmp_path: Path, wrap, size_bytes: int) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - one of the two above
    """A text of three pieces, wherever the segments of the file end."""
    text = [wrap(number % 10, b"out", b"x" * size_bytes, is_piece=number % 3 < 2) for number in range(90)]
    body = b"".join(text)
    path = tmp_path / "a.log"
    path.write_bytes(body)
    fd = os.open(path, os.O_RDONLY)
    try:
        for step in (3_001, 50_000, 70_000):
            edges = [*range(0, len(body), step), len(body)]
            several = [Segment(begin, end, begin, end - begin) for begin, end in pairwise(edges)]
            segments = Segments(fd, lambda _size: None, several, is_plain=True)
            blocks = (block for _, block, _ in finder("", 1 << 19).found_backwards(segments))
            assert [each.data for each in chain.from_iterable(blocks)][::-1] == shipped(body)
    finally:
        os.close(fd)
