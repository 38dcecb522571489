"""Large batches reach a sink in portions."""

from typing import Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from logbus.batch import MAX_BODY_BYTES, MAX_RECORDS, Batch, Lengths
from logbus.decoding import LARGE_BYTES, decoded
from logbus.errors import WireError
from logbus.wire.batch import count_lines
from sinks.delivery.portions import portions
from sinks.file.wrapping import raw
from sinks.printable import inert_json, printable
from support.batches import BatchKeys

STREAM = "0123456789abcdef"
BODIES = [b"\n" * 200_000, b"a" * (5 << 20), b"line\n" * (1 << 20), b"ab\n" * 70_000 + b"end"]


def batch(body: bytes, **other: Unpack[BatchKeys]) -> Batch:
    """Return a batch of a body."""
    return replace(Batch(body, b"3" * count_lines(body)), **other)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("stream", ["", STREAM])
def test_portions_are_small_and_whole(body: bytes, stream: str) -> None:
    """Of a large batch, whoever sent it, each portion is what a shipper makes, and together they are all of it."""
    parts = list(portions(batch(body, stream=stream, end=len(body) if stream else 0)))
    assert len(parts) > 1
    assert all(len(part.body) <= MAX_BODY_BYTES and len(part.levels) <= MAX_RECORDS for part in parts)
    assert b"".join(part.body for part in parts) == body
    assert all(len(part.levels) == count_lines(part.body) for part in parts)
    assert b"".join(piece for part in parts for piece in raw(part)) == body + b"\n" * (
        not stream and not body.endswith(b"\n")
    )
    if stream:
        ends = [part.end for part in parts]
        assert [part.offset for part in parts] == [0, *ends[:-1]]


def test_records_with_lengths_are_cut_at_their_ends() -> None:
    """Joined records stay whole in their portions, in their places in the source."""
    lengths = Lengths.of(((1 << 20, 1 << 20), (1 << 20, 1 << 20), (1 << 20, 1 << 20)))
    whole = Batch(b"a" * (3 << 20), b"333", stream=STREAM, end=3 << 20, lengths=lengths)
    parts = list(portions(whole))
    assert b"".join(part.body for part in parts) == whole.body
    assert (parts[0].offset, parts[-1].end) == (0, whole.end)


def test_a_record_far_beyond_its_source_is_refused() -> None:
    """A record that cannot be cut, because its source is too short to share out, breaks the contract."""
    size = MAX_BODY_BYTES + 1
    with pytest.raises(WireError):
        list(portions(Batch(b"a" * size, b"3", stream=STREAM, end=1, lengths=Lengths.of(((size, 1),)))))


def test_a_batch_of_a_shipper_is_not_cut() -> None:
    """What a shipper makes goes on as it is."""
    whole = batch(b"x" * 99 + b"\n")
    assert next(portions(whole)) is whole


@pytest.mark.parametrize("unit", [b"\xff\x80\n", b"h\xc3\xa9llo\xc3", b"\x1b[0m ok\n", "\u202e".encode(), b"\0a"])
def test_many_escapes_are_those_of_few(unit: bytes) -> None:
    """What is hidden is escaped the same way in a large body as in a small one."""
    times = LARGE_BYTES // len(unit) + 1
    assert decoded(unit * times) == (unit * times).decode(errors="backslashreplace")
    assert printable(unit * times) == printable(unit) * times
    assert inert_json(decoded(unit) * times) == inert_json(decoded(unit)) * times


PIECES = [b"\\", rb"\udc", rb"\udcff", rb"\ud800", rb"\xff", b"\xff", b"\xed\xb3\xbf", "\u00e9".encode(), b"a", b"\n"]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_what_looks_like_an_escape_stays_as_it_is(content: bytes) -> None:
    """Bytes that are not UTF-8 are escaped as `backslashreplace` does it, whatever stands beside them."""
    assert decoded(content) == content.decode(errors="backslashreplace")


def test_a_large_body_that_is_no_text_is_escaped_byte_by_byte() -> None:
    """A large body of control characters becomes one escape a byte, in lines as before."""
    body = b"\x01\x02ab\n" * LARGE_BYTES
    assert decoded(body) == "\\x01\\x02\\x61\\x62\n" * LARGE_BYTES
