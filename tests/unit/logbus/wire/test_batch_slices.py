"""Cutting batches: what is kept, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from logbus.batch import Batch, Lengths, decode, encode, records, select, split, trim
from logbus.errors import WireError

BATCH = Batch(b"one\ntwo\nthree\n", b"634", stream="0" * 16, offset=100, end=114)
JOINED = Batch(b"a\n b\nXXX\n", b"63", stream="0" * 16, offset=100, end=120, lengths=Lengths.of(((5, 5), (4, 15))))


def test_records_are_lines_and_only_lf_ends_one() -> None:
    """B10: CR, VT, FF, NEL and U+2028 stay inside their record."""
    body = b"a\rb\x0b\x0c\x1c\x85\xe2\x80\xa8c\r\n\nlast"
    assert list(records(replace(BATCH, body=body))) == [body[:-6] + b"\n", b"\n", b"last"]


def test_records_with_lengths_may_hold_newlines_or_nothing() -> None:
    """A joined record is one record; a dropped one is empty."""
    assert list(records(JOINED)) == [b"a\n b\n", b"XXX\n"]
    assert list(records(replace(JOINED, lengths=Lengths.of(((5, 5), (0, 1), (4, 14)))))) == [b"a\n b\n", b"", b"XXX\n"]


def test_an_overlapping_batch_is_trimmed_to_the_rest() -> None:
    """G2: [0, 8) is held, so of [0, 14) the last line remains."""
    part = trim(BATCH, 108, 999)
    assert (part.body, part.levels, part.offset, part.end) == (b"three\n", b"4", 108, 114)


def test_a_trim_in_the_middle_of_a_line_keeps_that_lines_level() -> None:
    """G2: a long line that was written in part goes on where it stopped, and what is cut off at the end is partial."""
    part = trim(BATCH, 105, 110)
    assert (part.body, part.levels, part.partial) == (b"wo\nth", b"34", True)


def test_a_trimmed_batch_no_longer_holds_its_frame() -> None:
    """A sink that archives frames must not append one that holds more than the batch."""
    body = b"line\n" * 1_000
    batch = decode(encode(Batch(body, b"6" * 1_000, stream="0" * 16, offset=0, end=5_000)))
    assert trim(batch, 0, 5_000).encoded
    assert trim(batch, 5, 5_000).encoded is None
    assert all(part.encoded is None for part in split(batch, 1_000))


@given(st.lists(st.tuples(st.binary(max_size=3), st.integers(1, 5), st.booleans()), min_size=1), st.booleans())
def test_a_selection_is_what_is_kept_record_by_record(rows: list[tuple[bytes, int, bool]], whole: bool) -> None:
    """Whether batches have lengths or not, those left out keep their place and lose their bytes."""
    texts = [text.replace(b"\n", b"") + b"\n" for text, _, _ in rows]
    sources = [len(text) if whole else source for text, (_, source, _) in zip(texts, rows, strict=True)]
    pairs = [(len(text), source) for text, source in zip(texts, sources, strict=True)]
    kept = bytes(keep for _, _, keep in rows)
    batch = Batch(b"".join(texts), b"6" * len(rows), lengths=None if whole else Lengths.of(pairs))
    part = select(batch, kept)
    assert list(records(part)) == [text * keep for text, keep in zip(texts, kept, strict=True)]
    assert part.lengths == Lengths.of((size * keep, source) for (size, source), keep in zip(pairs, kept, strict=True))


@pytest.mark.parametrize("span", [(0, 100), (114, 200), (105, 105), (110, 105)])
def test_trimming_to_nothing_is_a_programming_error(span: tuple[int, int]) -> None:
    """Who asks for a part knows that there is one."""
    with pytest.raises(ValueError, match="nothing of"):
        trim(BATCH, *span)


def test_a_joined_record_is_trimmed_by_its_bytes() -> None:
    """A record whose bytes are the source's can be cut like any other."""
    part = trim(JOINED, 102, 120)
    assert (part.body, part.levels, part.lengths) == (b" b\nXXX\n", b"63", Lengths.of(((3, 3), (4, 15))))


def test_a_redacted_record_is_never_cut() -> None:
    """Nobody knows which of its bytes stand for which of the source: WireError, so that it is not written twice."""
    with pytest.raises(WireError, match="cannot be cut"):
        trim(JOINED, 100, 110)


def test_a_dropped_record_can_be_cut_anywhere() -> None:
    """Where there are no bytes there are none to cut."""
    dropped = replace(JOINED, lengths=Lengths.of(((9, 9), (0, 11))))
    assert trim(dropped, 112, 120).lengths == Lengths.of(((0, 8),))


def test_split_cuts_after_the_last_line_that_fits() -> None:
    """E17: no line is cut that need not be."""
    parts = split(BATCH, 10)
    assert [(part.body, part.levels, part.offset, part.end) for part in parts] == [
        (b"one\ntwo\n", b"63", 100, 108),
        (b"three\n", b"4", 108, 114),
    ]


def test_a_line_longer_than_the_limit_is_cut_into_partial_pieces() -> None:
    """B6, E17: its pieces carry its level, and all but the last say that it goes on."""
    parts = split(replace(BATCH, body=b"a\n" + b"x" * 10 + b"\n", levels=b"63", end=113), 4)
    assert [(part.body, part.levels, part.partial) for part in parts] == [
        (b"a\n", b"6", False),
        (b"xxxx", b"3", True),
        (b"xxxx", b"3", True),
        (b"xx\n", b"3", False),
    ]


def test_pieces_of_a_redacted_record_share_its_place() -> None:
    """E17: each has source bytes of its own, so that a ledger can tell them apart."""
    parts = split(JOINED, 3)
    assert [(part.offset, part.end) for part in parts] == [(100, 103), (103, 105), (105, 116), (116, 120)]


def test_a_record_too_long_for_its_source_cannot_be_split() -> None:
    """More pieces than source bytes would leave pieces with no position."""
    with pytest.raises(ValueError, match="cannot be cut"):
        split(replace(JOINED, body=b"x" * 99, levels=b"6", end=102, lengths=Lengths.of(((99, 2),))), 10)


def test_a_foreign_batch_splits_and_stays_without_position() -> None:
    """A batch of no stream has no offsets to share out."""
    parts = split(Batch(b"a\nb\n", b"66"), 2)
    assert [(part.body, part.span.offset, part.span.end) for part in parts] == [(b"a\n", 0, 0), (b"b\n", 0, 0)]
