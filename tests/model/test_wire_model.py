"""The wire contract held against models: what goes in comes out, what is cut adds up, nothing hostile gets through."""

import os
from typing import Any, NotRequired, TypedDict, Unpack

import pika.data
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from logbus.batch import TYPE, Batch, Lengths, Message, decode, encode, records, split, trim
from logbus.errors import WireError
from logbus.wire.batch import count_lines

NAMES = st.text(st.characters(codec="utf-8"), max_size=40)
PATHS = st.binary(max_size=60).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"\r") + b"\n"), min_size=1, max_size=30)
STREAMS = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
OFFSETS = st.integers(0, 2**61)


def levels_for(count: int) -> st.SearchStrategy[bytes]:
    """Return a strategy for the levels of `count` records."""
    return st.binary(min_size=count, max_size=count).map(lambda raw: bytes(ord("0") + byte % 8 for byte in raw))


class Known(TypedDict):
    """What is known of a batch."""

    body: bytes
    levels: bytes
    offset: int
    end: int
    lengths: NotRequired[Lengths]
    partial: NotRequired[bool]


@st.composite
def placed(draw: st.DrawFn, /, **known: Unpack[Known]) -> Batch:
    """Return a batch with `known` parts and anything allowed elsewhere."""
    return Batch(
        host=draw(NAMES),
        label=draw(NAMES),
        path=draw(PATHS),
        stream=draw(STREAMS),
        read_at_us=draw(st.integers(0, 2**60)),
        fields=draw(st.dictionaries(NAMES, NAMES, max_size=5)),
        **known,
    )


@st.composite
def verbatim(draw: st.DrawFn) -> Batch:
    """Return a batch whose body is the source's bytes; its last line may lack its newline."""
    body = b"".join(draw(LINES)) + draw(st.sampled_from([b"", b"rest", b"\xff"]))
    offset = draw(OFFSETS)
    levels = draw(levels_for(count_lines(body)))
    partial = not body.endswith(b"\n") and draw(st.booleans())
    return draw(placed(body=body, levels=levels, offset=offset, end=offset + len(body), partial=partial))


@st.composite
def with_lengths(draw: st.DrawFn) -> Batch:
    """Return a batch of records that are verbatim, changed in length, or dropped."""
    parts = draw(st.lists(st.binary(max_size=30), min_size=1, max_size=30))
    source = [
        len(part) if part and draw(st.booleans()) else draw(st.integers(len(part) // 2 + 1, 90)) for part in parts
    ]
    offset = draw(OFFSETS)
    return draw(
        placed(
            body=b"".join(parts),
            levels=draw(levels_for(len(parts))),
            offset=offset,
            end=offset + sum(source),
            lengths=Lengths(list(map(len, parts)), source),
            partial=draw(st.booleans()),
        )
    )


BATCHES = verbatim() | with_lengths()


@given(batch=BATCHES, compress_min_bytes=st.sampled_from([0, 50, 1_024]))
def test_what_is_encoded_decodes_to_the_same(batch: Batch, compress_min_bytes: int) -> None:
    """decode(encode(b)) == b, compressed or not."""
    message = encode(batch, compress_min_bytes=compress_min_bytes)
    assert decode(message) == batch
    assert len(message.body) <= len(batch.body)


@given(batch=BATCHES)
def test_a_batch_survives_the_amqp_table_of_pika(batch: Batch) -> None:
    """D17: headers, with names of any bytes in them, come back from AMQP's own encoding as they were."""
    message = encode(batch)
    pieces: list[bytes] = []
    pika.data.encode_table(pieces, dict(message.headers))
    table, _ = pika.data.decode_table(b"".join(pieces), 0)
    assert decode(replace(message, headers={str(name): value for name, value in table.items()})) == batch
    assert len(message.routing_key) <= 255


@given(batch=verbatim(), data=st.data())
def test_a_verbatim_batch_trims_to_the_bytes_of_the_source(batch: Batch, data: st.DataObject) -> None:
    """G2: the part inside [offset, end) is those bytes, and each of its records keeps its level."""
    first = data.draw(st.integers(0, len(batch.body) - 1))
    last = data.draw(st.integers(first + 1, len(batch.body)))
    part = trim(batch, batch.offset + first, batch.offset + last)
    level_of_byte = b"".join(
        bytes([level]) * len(record) for record, level in zip(records(batch), batch.levels, strict=True)
    )
    starts = [first, *(at + 1 for at in range(first, last - 1) if batch.body[at : at + 1] == b"\n")]
    assert part.body == batch.body[first:last]
    assert part.levels == bytes(level_of_byte[at] for at in starts)
    assert decode(encode(part)) == part


@given(batch=BATCHES, margin=st.integers(0, 5))
def test_trimming_to_more_than_a_batch_changes_nothing(batch: Batch, margin: int) -> None:
    """A batch that is wholly wanted is handed on as it is."""
    assert trim(batch, batch.offset - margin, batch.end + margin) is batch


@given(batch=BATCHES, max_bytes=st.integers(2, 60))
def test_the_pieces_of_a_split_batch_add_up_to_it(batch: Batch, max_bytes: int) -> None:
    """E17: pieces are small enough, follow each other without a gap, are batches, and hold what the batch held."""
    parts = split(batch, max_bytes)
    assert b"".join(part.body for part in parts) == batch.body
    assert all(len(part.body) <= max_bytes for part in parts)
    assert [part.offset for part in parts] == [batch.offset, *(part.end for part in parts[:-1])]
    assert (parts[-1].end, parts[-1].partial) == (batch.end, batch.partial)
    assert all(decode(encode(part)) == part for part in parts)
    assert sum(len(part.levels) - part.partial for part in parts) == len(batch.levels) - batch.partial


@given(batch=BATCHES, max_bytes=st.integers(2, 60))
def test_pieces_trimmed_out_of_the_whole_are_the_pieces(batch: Batch, max_bytes: int) -> None:
    """A batch resent whole after it was written in pieces trims to just those pieces, or says that it cannot."""
    for part in split(batch, max_bytes):
        try:
            trimmed = trim(batch, part.offset, part.end)
        except WireError:
            assert any(size > max_bytes and size != source for size, source in batch.lengths or ())
        else:
            assert trimmed == part


@given(batch=with_lengths(), data=st.data())
def test_trimming_by_records_keeps_whole_records_as_they_are(batch: Batch, data: st.DataObject) -> None:
    """With lengths a cut between two records parts them, whatever their bytes are."""
    lengths = list(batch.lengths or ())
    first = data.draw(st.integers(0, len(lengths) - 1))
    last = data.draw(st.integers(first + 1, len(lengths)))
    ends = [batch.offset + sum(source for _, source in lengths[:at]) for at in range(len(lengths) + 1)]
    part = trim(batch, ends[first], ends[last])
    assert list(records(part)) == list(records(batch))[first:last]
    assert part.levels == batch.levels[first:last]
    assert decode(encode(part)) == part


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.datetimes()
    | st.decimals()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9) | st.binary(max_size=9), inner),
    max_leaves=10,
)
KNOWN = (
    "host",
    "label",
    "path",
    "stream",
    "offset",
    "end",
    "records",
    "levels",
    "read_at_us",
    "fields",
    "lengths",
    "partial",
)
HEADERS = st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=5), VALUES, max_size=12)
TYPES = (
    st.sampled_from([TYPE, "logbus.batch.v2", "logbus.batch.v", "logbus.batch.v999999999999999999999999", None])
    | SCALARS
)
ENCODINGS = st.sampled_from([None, "zstd", "gzip", ""]) | SCALARS


def decodes_or_says_why(message: Message) -> None:
    """Decode a message that may be anything: a batch that keeps its rules comes out, or a WireError of one line."""
    try:
        batch = decode(message)
    except WireError as error:
        why = str(error)
    else:
        assert len(batch.levels) == len(list(records(batch)))
        assert not batch.stream or decode(encode(batch)) == replace(batch, user="")
        return
    assert why.startswith("cannot decode the message: ")
    assert "\n" not in why
    assert len(why) < 300


@given(body=st.binary(max_size=99), headers=HEADERS, kind=TYPES, encoding=ENCODINGS, user=SCALARS)
def test_no_message_whatever_raises_anything_but_wire_error(
    body: bytes,
    headers: dict[str, object],
    kind: Any,  # noqa: ANN401 - whatever
    encoding: Any,  # noqa: ANN401 - whatever
    user: Any,  # noqa: ANN401 - whatever
) -> None:
    """E28, S11: any body, properties and headers decode, or raise WireError."""
    decodes_or_says_why(Message(body, type=kind, content_encoding=encoding, user_id=user, headers=headers))


@given(batch=BATCHES, headers=HEADERS, missing=st.sets(st.sampled_from(KNOWN), max_size=2))
@example(Batch(b"a\n", b"6", stream="0" * 16, end=2), {"host": "\ud800"}, set())
@example(Batch(b"a\n", b"6", stream="0" * 16, end=2), {"fields": {b"\xff": "x"}}, set())
def test_a_batch_with_some_headers_replaced_raises_nothing_but_wire_error(
    batch: Batch, headers: dict[str, object], missing: set[str]
) -> None:
    """E28, S11: nearly right is checked as thoroughly as far from right."""
    message = encode(batch)
    forged = {name: value for name, value in {**message.headers, **headers}.items() if name not in missing}
    decodes_or_says_why(replace(message, headers=forged))


@given(batch=BATCHES, data=st.data())
def test_a_damaged_frame_raises_nothing_but_wire_error(batch: Batch, data: st.DataObject) -> None:
    """S10, E28: a compressed body with bytes changed, cut off or added decodes, or raises WireError."""
    message = encode(replace(batch, body=batch.body), compress_min_bytes=0)
    at = data.draw(st.integers(0, len(message.body)))
    damaged = (
        message.body[:at] + data.draw(st.binary(max_size=20)) + message.body[data.draw(st.integers(at, at + 20)) :]
    )
    decodes_or_says_why(replace(message, body=damaged, content_encoding="zstd"))
