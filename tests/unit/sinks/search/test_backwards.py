"""Files from their ends to their beginnings: the same is found, and not more is read than is needed."""

import os
import random
from datetime import UTC
from itertools import accumulate, chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logbus.wire import frames
from sinks.search.asking import Found, Query, Source
from sinks.search.files.reading import PIECE_BYTES, Content
from sinks.search.files.segments import Segment, Segments, segments_of
from sinks.search.finding import Finder
from sinks.search.matching import matcher

READ_US = 1_795_600_000_000_000
LINES = [
    b"2026-11-24 10:00:07,000 INFO [main] c.a.App - started order 4711\n",
    b"2026-11-24 10:00:09,000 ERROR [main] c.a.App - failed\n",
    b"java.lang.IllegalStateException: no order\n",
    b"\tat c.a.App.run(App.java:10)\n",
    b"plain order\n",
    b"ERROR: order 4711\n",
    b"\n",
]


def finder(query: Query) -> Finder:
    """Return what finds in a file."""
    return Finder(query, Source(Path("a.log"), (0, 0), 0, READ_US), 0, READ_US)


def both_ways(path: Path, query: Query) -> tuple[list[Found], list[Found]]:
    """Return what is found from the beginning on, and from the end on."""
    fd = os.open(path, os.O_RDONLY)
    try:
        forwards = finder(query).found(Content(fd, lambda _size: None).pieces())
        segments = segments_of(fd, lambda _size: None)
        assert segments is not None
        backwards = (block for _, block, _ in finder(query).found_backwards(segments))
        return list(chain.from_iterable(forwards)), list(chain.from_iterable(backwards))
    finally:
        os.close(fd)


def place(found: Found) -> tuple[int, int, int, bytes]:
    """Return all but the line, which backwards only the beginning of a file has."""
    return found.offset, found.time_us, found.digit, found.data


@given(
    several=st.lists(st.sampled_from(LINES), min_size=1, max_size=40).map(b"".join),
    cuts=st.lists(st.integers(0, 2_000), max_size=8),
    word=st.sampled_from(["", "order", "4711", "failed", "^plain"]),
)
def test_the_same_is_found_wherever_the_segments_end(several: bytes, cuts: list[int], word: str) -> None:
    """Each record once, with its time and severity, whether segments end within lines or records."""
    query = Query(matcher(word) if word else None, zone=UTC)
    edges = sorted({0, len(several), *(each for each in cuts if each < len(several))})
    pieces = [Segment(begin, end, begin, end - begin) for begin, end in pairwise(edges)]
    fd = os.memfd_create("content")
    try:
        os.write(fd, several)
        segments = Segments(fd, lambda _size: None, pieces, is_plain=True)
        backwards = [each for _, block, _ in finder(query).found_backwards(segments) for each in block]
    finally:
        os.close(fd)
    forwards = [each for block in finder(query).found(iter([several])) for each in block]
    assert [place(each) for each in backwards[::-1]] == [place(each) for each in forwards]


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("word", ["order", "needle", ""])
def test_large_files_are_read_alike_from_both_ends(tmp_path: Path, is_packed: bool, word: str) -> None:
    """Plain, and in frames of all sizes, with hits far apart or everywhere."""
    rng = random.Random(4711)  # noqa: S311 - the same each time
    parts = [b"".join(rng.choices(LINES, k=rng.choice([1, 9, 9_000]))) for _ in range(20)]
    parts[3] += b"2026-11-24 10:00:11,000 INFO needle\n"
    path = tmp_path / "a"
    path.write_bytes(b"".join(frames.compress(each, 1) if is_packed else each for each in parts))
    forwards, backwards = both_ways(path, Query(matcher(word) if word else None, zone=UTC))
    assert forwards
    assert [place(each) for each in backwards[::-1]] == [place(each) for each in forwards]


@given(
    sizes=st.lists(st.sampled_from([0, 1, 50, 300, 300_000, 600_000]), max_size=5),
    cut_bytes=st.integers(0, 80),
    known=st.integers(0, 6),
)
@settings(max_examples=60)
def test_frames_are_divided_by_their_headers_or_by_what_is_known_of_them(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cut_bytes: int, known: int
) -> None:
    """All whole frames are in segments, with the places of their contents; one that is cut short is left out.

    That an index tells of more than is there, as of a file that was cut back, is not believed.
    """
    rng = random.Random(1)  # noqa: S311 - the same each time
    contents = [rng.randbytes(size // 9) + b"x" * (size - size // 9) for size in sizes]
    last = rng.randbytes(100)
    each_packed = [frames.compress(each, 1) for each in (*contents, last)]
    ends = accumulate(map(len, each_packed))
    told = list(zip(ends, map(len, (*contents, last)), strict=True))[:known]
    packed = b"".join(each_packed)
    path = tmp_path_factory.mktemp("frames") / "a.zst"
    path.write_bytes(packed[: len(packed) - cut_bytes])
    whole = b"".join(contents if cut_bytes else [*contents, last])
    fd = os.open(path, os.O_RDONLY)
    try:
        segments = segments_of(fd, lambda _size: None, told)
        assert segments is not None
        assert [each.size_bytes for each in segments.several if each.size_bytes > 2 * PIECE_BYTES] == []
        bodies = segments.bodies()
        assert b"".join(map(bodies, range(len(segments.several)))) == whole
        assert segments.unfinished == bool(cut_bytes)
        assert all(whole[each.offset :].startswith(bodies(n)) for n, each in enumerate(segments.several))
    finally:
        os.close(fd)


def test_only_the_end_is_read_for_the_newest(tmp_path: Path) -> None:
    """Whoever takes the first hit only has had two segments read."""
    path = tmp_path / "a.log"
    path.write_bytes(LINES[0] * 200_000)
    heard: list[int] = []
    fd = os.open(path, os.O_RDONLY)
    try:
        segments = segments_of(fd, heard.append)
        assert segments is not None
        assert len(segments.several) > 10
        first = next(
            each for _, block, _ in finder(Query(matcher("order"))).found_backwards(segments) for each in block
        )
        assert first.offset == 199_999 * len(LINES[0])
        assert (
            sum(heard) <= 3 * PIECE_BYTES
        )  # the beginning, which tells the layout, the end, and what is ahead of that
    finally:
        os.close(fd)
