"""What is too large to look at is refused before anything is made of it."""

import pytest

from logbus.batch import DECODE_MAX_BYTES, Message, decode
from logbus.errors import WireError
from logbus.severity import LINE_MAX_BYTES, stated
from logbus.wire import frames
from logbus.wire.bounds import EXCERPT_BYTES, FOREIGN_MAX_LINES, MAX_VALUES, Excerpt

TOO_LARGE = {
    "bytes": Message(b"a" * (DECODE_MAX_BYTES + 1)),
    "bytes of another encoding": Message(b"a" * (DECODE_MAX_BYTES + 1), content_encoding="gzip"),
    "lines": Message(b"\n" * (FOREIGN_MAX_LINES + 1)),
    "compressed lines": Message(frames.compress(b"\n" * (FOREIGN_MAX_LINES + 1), 1), content_encoding="zstd"),
    "decompressed bytes": Message(frames.compress(b"a" * (DECODE_MAX_BYTES + 1), 1), content_encoding="zstd"),
    "headers": Message(b"a\n", headers={str(number): number for number in range(MAX_VALUES + 1)}),
    "nested headers": Message(b"a\n", headers={"x": {"y": [{}] * MAX_VALUES}}),
    "an excerpt": Message(Excerpt(b"a" * 100, 200)),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_message_beyond_the_bounds_is_refused(name: str) -> None:
    """Too many bytes, lines or headers are a WireError, whatever the message's type and encoding."""
    with pytest.raises(WireError):
        decode(TOO_LARGE[name])


def test_a_message_at_the_bounds_is_taken() -> None:
    """As many lines and headers as are accepted are accepted."""
    message = Message(b"\n" * FOREIGN_MAX_LINES, headers={str(number): number for number in range(MAX_VALUES)})
    assert len(decode(message).levels) == FOREIGN_MAX_LINES


def test_an_excerpt_is_bounded_and_knows_the_whole() -> None:
    """Of a large body the beginning is kept, and its length."""
    excerpt = Excerpt(b"a" * (2 * EXCERPT_BYTES), 2 * EXCERPT_BYTES)
    assert (len(excerpt), excerpt.whole_bytes) == (EXCERPT_BYTES, 2 * EXCERPT_BYTES)


@pytest.mark.parametrize("unit", [b'"a":1,', b"a=b ", b"\x1b[", b"{", b"1", b"[a] "])
def test_a_long_line_states_what_its_beginning_does(unit: bytes) -> None:
    """What stands beyond the first 128 KiB of a line changes nothing, and its neighbours keep theirs."""
    long = (b"ERROR " + unit * LINE_MAX_BYTES)[: 3 * LINE_MAX_BYTES]
    late = b"x" * LINE_MAX_BYTES + b"\nWARN: b"
    assert stated(b"INFO a\n" + long + b"\n" + late + b"\n" + unit * LINE_MAX_BYTES) == b"63-4-"
    assert stated(long) == b"3"
