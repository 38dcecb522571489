"""Lengths of records on the wire: pairs of LEB128 numbers, packed and unpacked as anybody would one by one."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.errors import WireError
from logbus.wire.lengths import PADDED_MIN, Lengths, pack, unpack

NUMBERS = st.one_of(
    st.integers(0, 200), st.integers(0, 20_000), st.sampled_from([127, 128, 16_383, 16_384, 2**62, 2**63 - 1])
)
SHORT = st.integers(0, 16_383)


def leb128(number: int, width: int = 1) -> bytes:
    """Return a number in LEB128, padded to a width."""
    packed = bytearray()
    while number > 127 or len(packed) + 1 < width:
        packed.append(number & 127 | 128)
        number >>= 7
    return bytes([*packed, number])


def one_by_one(packed: bytes) -> Iterator[int]:
    """Yield the numbers of a packed text, as the standard has it."""
    number = shift = 0
    for byte in packed:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8), st.integers(1, PADDED_MIN))
def test_what_is_packed_is_unpacked_by_anybody(some: list[tuple[int, int]], times: int) -> None:
    """Whether numbers are short or long, few or many."""
    lengths = Lengths.of(some * times)
    packed = pack(lengths)
    assert list(one_by_one(packed)) == [number for pair in lengths for number in pair]
    assert unpack(packed) == lengths


@given(st.lists(st.tuples(SHORT, SHORT), min_size=PADDED_MIN, max_size=2 * PADDED_MIN))
def test_many_short_numbers_have_two_bytes_each(some: list[tuple[int, int]]) -> None:
    """So they are unpacked at once, and anybody's code for LEB128 reads them."""
    packed = pack(Lengths.of(some))
    assert packed == b"".join(leb128(number, 2) for pair in some for number in pair)
    assert unpack(packed) == Lengths.of(some)


@given(st.lists(st.tuples(NUMBERS, st.integers(1, 9)), max_size=40))
def test_padding_is_understood(some: list[tuple[int, int]]) -> None:
    """As long as a number has no more than nine bytes."""
    numbers = [number for number, _ in some] * 2
    packed = b"".join(leb128(*each) for each in some) * 2
    assert unpack(packed) == Lengths(numbers[::2], numbers[1::2])


@given(st.lists(SHORT, max_size=9), SHORT)
def test_a_number_without_another_is_told(some: list[int], last: int) -> None:
    """Also where each has two bytes; and where the last one ends too early."""
    packed = b"".join(leb128(number, 2) for number in [*some, *some])
    for torn in (packed + leb128(last, 2), packed + b"\x80", packed + leb128(last, 2)[:1]):
        with pytest.raises(WireError, match=r"ends in the middle of a pair"):
            unpack(torn)
