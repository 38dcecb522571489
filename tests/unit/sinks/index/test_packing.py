"""Digits of lines in a row: the same when read, and counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.errors import WireError
from logbus.wire import frames
from sinks.index.digits import counts_of
from sinks.index.packing import LINE_BYTES, packed, unpacked

DIGITS = st.lists(st.sampled_from(b"01234567"), min_size=1, max_size=200).map(bytes)


@given(DIGITS, st.sampled_from([1, LINE_BYTES, 1_000]))
def test_what_is_packed_is_unpacked_and_counted(digits: bytes, line_bytes: int) -> None:
    """Whether lines are long or short, and however many begin with 0."""
    row, counts = packed(digits, line_bytes * len(digits))
    assert unpacked(row, len(row) + len(digits)) == digits
    assert counts == counts_of(digits) == [digits.count(b"%d" % severity) for severity in range(8)]


def test_three_bits_a_line() -> None:
    """Unless lines are short, or all of one severity: then compressing them takes less."""
    digits = b"63474" * 1_000
    assert len(packed(digits, LINE_BYTES * len(digits))[0]) == 1 + 3 * len(digits) // 8 + 1
    for short in (packed(digits, LINE_BYTES * len(digits) - 1)[0], packed(b"6" * 5_000, 1 << 20)[0]):
        assert frames.content_bytes(short) == len(digits)


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"x",
        b"\1\1",
        b"\0" * 9,
        frames.compress(b"6" * 9, 3),
        frames.compress(b"6", 3)[:-1],
        frames.compress(b"68", 3),
    ],
)
def test_what_is_no_row_is_refused(row: bytes) -> None:
    """Nothing is taken from what is damaged, or has more than it should."""
    with pytest.raises(WireError):
        unpacked(row, 8)
