"""Encoding and decoding: every rule of the contract, one by one."""

import gzip
import os
import tracemalloc

import pytest
from msgspec.structs import replace

from logbus import VERSION
from logbus.batch import (
    DECODE_MAX_BYTES,
    MAX_RECORDS,
    MAX_RECORDS_WITH_LENGTHS,
    TYPE,
    Batch,
    Message,
    decode,
    encode,
    of_bounded_records,
    records,
    routing_key,
    split,
    word,
)
from logbus.errors import WireError
from logbus.wire import frames, headers, lengths
from logbus.wire.lengths import Lengths
from logbus.wire.times import Times
from support.batches import BatchKeys

BATCH = Batch(
    body=b"one\nERROR two\n",
    levels=b"63",
    host="web-1",
    label="nginx",
    path="/var/log/nginx/error.log",
    stream="0123456789abcdef",
    offset=1_000,
    end=1_014,
    read_at_us=1_714_557_600_123_456,
    fields={"team": "shop"},
)
MESSAGE = encode(BATCH, user_id="shipper")
LINE = b"a line that looks like the others and so compresses well\n"
BIG = replace(BATCH, body=LINE * 100, levels=b"6" * 100, end=1_000 + 100 * len(LINE))


NO_TABLE = {"fields": None}
EVENTS = {"first_event_us": 1, "last_event_us": 2}


def forged(**changed: object) -> Message:
    """Return MESSAGE with some headers changed, or left out where None."""
    table = {**MESSAGE.headers, **changed}
    return replace(MESSAGE, headers={name: value for name, value in table.items() if value is not None})


def cause_of(message: Message) -> str:
    """Return why a message is refused."""
    with pytest.raises(WireError) as raised:
        decode(message)
    return str(raised.value).removeprefix("cannot decode the message: ")


def test_a_small_batch_is_plain_text_that_any_client_shows() -> None:
    """The body of a trickle is the line itself, with no encoding."""
    assert (MESSAGE.body, MESSAGE.content_encoding, MESSAGE.content_type) == (BATCH.body, None, "text/plain")


def test_the_properties_say_what_and_whose_it_is() -> None:
    """Type, id, time, program, user and routing key are those of the contract."""
    assert (MESSAGE.type, MESSAGE.message_id, MESSAGE.timestamp) == (TYPE, "0123456789abcdef:1000", 1_714_557_600)
    assert (MESSAGE.app_id, MESSAGE.user_id) == (f"logbus/{VERSION}", "shipper")
    assert MESSAGE.routing_key == "web-1.nginx.err.info"


def test_a_large_body_is_one_frame_and_comes_with_it() -> None:
    """A compressed body decodes to the same batch, which keeps the frame for sinks that archive it."""
    message = encode(BIG)
    batch = decode(message)
    assert message.content_encoding == "zstd"
    assert len(message.body) < len(BIG.body)
    assert (batch, batch.encoded) == (BIG, message.body)


def test_a_body_that_compression_does_not_shrink_is_sent_as_it_is() -> None:
    """Random bytes are not made larger by a frame around them."""
    noise = os.urandom(5_000).replace(b"\n", b"x")
    message = encode(replace(BATCH, body=noise, levels=b"6", end=6_000))
    assert (message.content_encoding, message.body) == (None, noise)


def test_the_user_that_rabbitmq_vouches_for_reaches_the_batch() -> None:
    """S8: the sink learns which AMQP user published; without one it is empty."""
    assert decode(MESSAGE).user == "shipper"
    assert decode(replace(MESSAGE, user_id=None)).user == ""


@pytest.mark.parametrize(
    "name", [b"plain.log", b"with space\n.log", b"\xff\xfe.log", "\N{PILE OF POO}".encode(), b"x" * 255]
)
def test_file_names_of_any_bytes_survive(name: bytes) -> None:
    """D17: a name is text where it is UTF-8 and bytes where it is not, and comes back the same."""
    message = encode(replace(BATCH, path=os.fsdecode(b"/var/log/" + name)))
    assert isinstance(message.headers["path"], bytes if b"\xff" in name else str)
    assert os.fsencode(decode(message).path) == b"/var/log/" + name


@pytest.mark.parametrize(
    "line", [b"a\r\n", b"\n", b"  \n", b"\0" * 5000 + b"x\n", b"\x0b\x0c\x1c\x85\xe2\x80\xa8\r\n", b"\xff\n"]
)
def test_bytes_of_lines_are_untouched(line: bytes) -> None:
    """B4, B5, B8, B9, B10: CR, blanks, NULs, other separators and bytes that are not UTF-8 stay as they are."""
    batch = replace(BATCH, body=line * 2, levels=b"66", end=1_000 + 2 * len(line))
    assert decode(encode(batch)).body == line * 2


def test_a_batch_far_into_a_large_file_keeps_its_position() -> None:
    """B11: offsets beyond 32 bits are right."""
    batch = replace(BATCH, offset=2**40, end=2**40 + 14)
    assert decode(encode(batch)).span == batch.span


def test_an_unfinished_last_record_is_a_record_and_says_so() -> None:
    """B3, B6: a body may end without newline; `partial` tells that the record goes on."""
    batch = replace(BATCH, body=b"one\npart", end=1_008, partial=True)
    assert encode(batch).headers["partial"] is True
    assert decode(encode(batch)) == batch
    assert "partial" not in MESSAGE.headers


def test_a_record_may_have_another_length_than_its_source() -> None:
    """Joined, redacted and dropped records carry both lengths."""
    batch = replace(
        BATCH, body=b"a\nb\nc***\n", levels=b"640", end=1_040, lengths=Lengths.of(((4, 4), (5, 30), (0, 6)))
    )
    assert decode(encode(batch)) == batch


def test_lengths_are_leb128_pairs() -> None:
    """The packing is the one the contract describes."""
    assert lengths.pack(Lengths.of(((1, 127), (128, 300)))) == bytes.fromhex("01 7f 8001 ac02")
    assert lengths.unpack(bytes.fromhex("01 7f 8001 ac02")) == Lengths.of(((1, 127), (128, 300)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.error.b", "a_error_b"), ("*", "_"), ("#", "_"), ("", "_"), ("a-B_9", "a-B_9"), ("\xe9" * 99, "_" * 64)],
)
def test_a_name_is_one_word_of_the_routing_key(text: str, expected: str) -> None:
    """S28: no dot, star or hash of a host name changes where a message goes."""
    assert word(text) == expected


def test_the_routing_key_lists_the_severities_that_occur() -> None:
    """Most severe first, each once, and never over AMQP's 255 bytes."""
    assert routing_key("h", "l", b"6663766") == "h.l.err.info.debug"
    assert len(routing_key("h" * 300, "l" * 300, b"76543210")) <= 255


@pytest.mark.parametrize("body", [b"", b"Hello World!", b"\xff\n\n", b"\n" * 100_000])
def test_a_message_of_no_type_is_foreign_and_its_body_is_lines(body: bytes) -> None:
    """E29: any other program's message is a batch with no position, never an error."""
    batch = decode(Message(body, headers={"host": 5, "levels": []}, content_encoding="gzip"))
    lines = body.count(b"\n") + (body[-1:] not in (b"", b"\n"))
    assert (batch.body, batch.stream, batch.host, batch.label) == (body, "", "unknown", "unknown")
    assert len(batch.levels) == lines


def test_a_foreign_message_is_classified_here() -> None:
    """E29: the severity of foreign lines is read from the lines."""
    assert decode(Message(b"ERROR: no\nhello\n", type="something.else")).levels == b"36"


def test_a_foreign_frame_is_decompressed_if_it_is_one() -> None:
    """A foreign body that says zstd is shown as text where that is true, and as it came where it is not."""
    frame = frames.compress(b"Hello\n", 1)
    assert decode(Message(frame, content_encoding="zstd")).body == b"Hello\n"
    assert decode(Message(b"Hello\n", content_encoding="zstd")).body == b"Hello\n"


GZIPPED = gzip.compress(b"Hello\nERROR: no\n", mtime=0)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "gzip:UTF-8", "gzip, utf-8"])
def test_a_foreign_gzip_body_is_unpacked(encoding: str) -> None:
    """As Spring names it, too: with the charset behind it. No frame comes with it, as one of Zstandard would."""
    batch = decode(Message(GZIPPED, content_encoding=encoding))
    assert (batch.body, batch.levels, batch.encoded) == (b"Hello\nERROR: no\n", b"63", None)


@pytest.mark.parametrize("body", [b"Hello\n", GZIPPED[:-1], GZIPPED + b"x", GZIPPED * 2, b"\x1f\x8b", b""])
def test_what_is_no_gzip_is_shown_as_it_came(body: bytes) -> None:
    """Cut short, continued, or something else."""
    assert decode(Message(body, content_encoding="gzip")).body == body


@pytest.mark.parametrize("encoding", ["deflate", "gzip, zstd", "gzip:gzip:x", "utf-8"])
def test_any_other_encoding_is_left_alone(encoding: str) -> None:
    """Bytes as they are."""
    assert decode(Message(GZIPPED, content_encoding=encoding)).body == GZIPPED


def test_a_gzip_bomb_is_too_large() -> None:
    """It is unpacked up to the limit, and not further."""
    bomb = gzip.compress(bytes(DECODE_MAX_BYTES * 4), 6)
    assert "does not decompress to at most" in cause_of(Message(bomb, content_encoding="gzip"))
    largest = gzip.compress(bytes(DECODE_MAX_BYTES), 1)
    assert len(decode(Message(largest, content_encoding="gzip")).body) == DECODE_MAX_BYTES


PRETTY = b'{\n  "level": "error",\n  "text": "a"\n}\n'


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/vnd.masstransit+json",
        "application/cloudevents+json",
    ],
)
@pytest.mark.parametrize("body", [PRETTY, PRETTY.replace(b"\n", b"\r\n"), b"\n" + PRETTY + b"\n\n", PRETTY[:-1]])
def test_json_over_several_lines_is_one_record(kind: str, body: bytes) -> None:
    """Its bytes stay as they are, and its severity is that of the object."""
    batch = decode(Message(body, content_type=kind))
    assert (batch.body, batch.levels, list(records(batch))) == (body, b"3", [body])
    assert [part.body for part in split(batch, 10)] == [body[at : at + 10] for at in range(0, len(body), 10)]


@pytest.mark.parametrize(
    ("kind", "body", "count"),
    [
        ("text/plain", PRETTY, 4),
        (None, PRETTY, 4),
        ("application/json", b'{"a":1}', 1),
        ("application/json", b'{"a":1}\n', 1),
        ("application/json", b'{"a":1}\n{"a":2}\n', 2),
        ("application/x-ndjson", b"{\n}\n", 2),
        ("application/json", b"", 0),
    ],
)
def test_other_bodies_are_lines(kind: str | None, body: bytes, count: int) -> None:
    """Without such a type, or where each line is a value."""
    batch = decode(Message(body, content_type=kind))
    assert (batch.lengths, len(batch.levels)) == (None, count)


@pytest.mark.parametrize(
    ("inner", "level"),
    [
        ('{"level":"Error","text":"x"}', b"3"),
        ('{\n"level":\n"Error"}', b"3"),
        ('{"text":"x"}', b"6"),
        ('"level"', b"6"),
        ("[", b"6"),
    ],
)
def test_an_envelope_of_masstransit_has_the_severity_of_its_message(inner: str, level: bytes) -> None:
    """It is one record; what the message does not state is as for any other."""
    body = f'{{"messageId":"1","messageType":["urn:message:A"],"message":{inner},"sentTime":"2026-01-01T00:00:00Z"}}'
    assert decode(Message(body.encode(), content_type="application/vnd.masstransit+json")).levels[:1] == level


def test_a_task_of_celery_is_a_record() -> None:
    """Arguments, keywords and the rest are one line of JSON."""
    body = b'[[1, 2], {"level": "x"}, {"callbacks": null, "chain": null}]'
    message = Message(body, content_type="application/json", content_encoding="utf-8", headers={"task": "a", "id": "1"})
    assert list(records(decode(message))) == [body]


@pytest.mark.parametrize(
    ("timestamp", "time_us"),
    [
        (1_714_557_600, 1_714_557_600_000_000),
        (1_714_557_600_123, 1_714_557_600_123_000),
        (0, None),
        (5, None),
        (2**63 - 1, None),
        (-5, None),
        (None, None),
    ],
)
def test_a_foreign_timestamp_is_the_time_of_its_records(timestamp: int | None, time_us: int | None) -> None:
    """In seconds, or in JavaScript's milliseconds; one that cannot be does not count."""
    expected = None if time_us is None else Times("", time_us, time_us)
    assert decode(Message(b"a\nb\n", timestamp=timestamp)).times == expected


def test_an_empty_zone_of_a_batch_is_none() -> None:
    """It would say that all records happened at one time, which only a foreign message can say."""
    table = {**MESSAGE.headers, "timezone": "", "first_event_us": 5, "last_event_us": 5}
    assert decode(replace(MESSAGE, headers=table)).times is None


def test_another_version_is_refused_and_named() -> None:
    """H9: a batch of a later version is an error that says which one is known."""
    assert "version 2" in cause_of(replace(MESSAGE, type="logbus.batch.v2"))
    assert "version 1 is the only one" in cause_of(replace(MESSAGE, type="logbus.batch.v2"))


def test_unknown_headers_are_ignored() -> None:
    """A later minor addition does not stop an older sink."""
    assert decode(forged(colour="blue", deep={"a": [1, {"b": None}]})) == replace(BATCH, user="shipper")


def test_values_of_other_languages_types_are_taken() -> None:
    """Digits as a string, text as bytes and lengths as text mean the same."""
    assert decode(forged(levels="63", host=b"web-1", path=b"/var/log/nginx/error.log")) == decode(MESSAGE)
    assert decode(forged(lengths="\x04\x04\x0a\x0a")).lengths == Lengths.of(((4, 4), (10, 10)))


@pytest.mark.parametrize("name", ["host", "label", "stream", "offset", "end", "records", "levels"])
def test_a_missing_header_is_named(name: str) -> None:
    """E28: the reason says which header is missing."""
    assert cause_of(forged(**{name: None})) == f"the header {name!r} is missing"


@pytest.mark.parametrize("name", ["path", "read_at_us", "fields"])
def test_headers_with_a_meaning_for_nothing_may_be_missing(name: str) -> None:
    """What a simple producer does not know it need not invent."""
    assert decode(forged(**{name: None})).body == BATCH.body


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"records": 3}, "3 records are announced, and levels are given for 2"),
        ({"levels": b"6"}, "2 records are announced, and levels are given for 1"),
        ({"levels": b"666", "records": 3}, "its body has 2 lines, and levels are given for 3"),
        ({"levels": b"68"}, "its levels are not at most 65536 digits from 0 to 7"),
        ({"levels": b"6x6", "records": 3}, "its levels are not at most 65536 digits from 0 to 7"),
        ({"levels": 66}, "the header 'levels' holds a whole number, not text or bytes"),
        ({"levels": b"6" * (MAX_RECORDS + 1)}, "the header 'levels' is longer than 65536 bytes"),
        ({"stream": "0123456789ABCDEF"}, "its stream is not 16 hexadecimal digits"),
        ({"stream": "0123456789abcdef\n"}, "its stream is not 16 hexadecimal digits"),
        ({"stream": ""}, "its stream is not 16 hexadecimal digits"),
        ({"offset": True}, "the header 'offset' holds true or false, not a whole number"),
        ({"offset": "1000"}, "the header 'offset' holds text, not a whole number"),
        ({"offset": -1}, "the header 'offset' is outside 0 to 2**62"),
        ({"end": 2**63}, "the header 'end' is outside 0 to 2**62"),
        ({"end": 1_000}, "its position [1000, 1000) is none"),
        ({"end": 1_015}, "its body has 14 bytes, its position 15"),
        ({"read_at_us": -1}, "the header 'read_at_us' is outside 0 to 2**62"),
        ({"host": "h" * 256}, "the header 'host' is longer than 255 bytes"),
        ({"host": "\xe9" * 128}, "the header 'host' is longer than 255 bytes"),
        ({"label": b"\xff"}, "the header 'label' is not UTF-8"),
        ({"label": []}, "the header 'label' holds a list, not text or bytes"),
        ({"path": "p" * 8_193}, "the header 'path' is longer than 8192 bytes"),
        ({"partial": 1}, "the header 'partial' holds a whole number, not true or false"),
        ({"fields": "x"}, "the header 'fields' holds text, not a table"),
        ({"fields": {"a": {"b": "c"}}}, "the header 'fields value' holds a table, not text or bytes"),
        ({"fields": {str(n): "" for n in range(65)}}, "the header 'fields' holds more than 64 entries"),
        ({"fields": {"a": "x" * 9_000, "b": "x" * 9_000}}, "the header 'fields' is longer than 16384 bytes"),
        ({"fields_json": "[]", **NO_TABLE}, "the header 'fields_json' is not a JSON object of text"),
        ({"fields_json": '{"a":1}', **NO_TABLE}, "the header 'fields_json' is not a JSON object of text"),
        ({"fields_json": b"\xff", **NO_TABLE}, "the header 'fields_json' is not a JSON object of text"),
        ({"fields_json": "[" * 90_000, **NO_TABLE}, "the header 'fields_json' is not a JSON object of text"),
        ({"fields_json": "x" * 99_000, **NO_TABLE}, "the header 'fields_json' is longer than 98304 bytes"),
        ({"fields_json": 1, **NO_TABLE}, "the header 'fields_json' holds a whole number, not text or bytes"),
        ({"timezone": "UTC"}, "the header 'first_event_us' is missing"),
        ({"timezone": "U" * 65, **EVENTS}, "the header 'timezone' is longer than 64 bytes"),
        ({"timezone": "UTC", **EVENTS, "last_event_us": -1}, "the header 'last_event_us' is outside 0 to 2**62"),
        ({"timezone": "UTC", **EVENTS, "time_format": "%" * 256}, "the header 'time_format' is longer than 255 bytes"),
        ({"lengths": b"\x80"}, "the header 'lengths' ends in the middle of a pair"),
        ({"lengths": b"\x01\x01\x01"}, "the header 'lengths' ends in the middle of a pair"),
        ({"lengths": b"\xff" * 20}, "the header 'lengths' holds a number of more than 63 bits"),
        ({"lengths": b"\x0e\x0e"}, "its 1 lengths are not one for each of at most 12288 records"),
        ({"lengths": b"\x01\x04\x01\x0a"}, "its lengths do not add up to its body"),
        ({"lengths": b"\x04\x04\x0a\x09"}, "its lengths do not add up to its position"),
        ({"lengths": b"\x04\x00\x0a\x0e"}, "its lengths do not add up to its position"),
    ],
)
def test_a_header_that_breaks_the_contract_is_named(changed: dict[str, object], cause: str) -> None:
    """E28, S9, S11: wrong types, sizes, counts and positions are refused with the reason."""
    assert cause_of(forged(**changed)) == cause


def test_too_many_records_with_lengths_are_refused() -> None:
    """S12: the pairs are bounded more tightly, because they are work to unpack."""
    count = MAX_RECORDS_WITH_LENGTHS + 1
    message = forged(levels=b"6" * count, records=count, lengths=b"\0\1" * count, offset=0, end=count)
    assert cause_of(replace(message, body=b"")).startswith(f"its {count} lengths")


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "its body is not a Zstandard frame"),
        (b"plain text\n", "its body is not a Zstandard frame"),
        (b"\x50\x2a\x4d\x18\0\0\0\0", "its body is not a Zstandard frame"),
        (frames.compress(BATCH.body, 1) * 2, "its body goes on after its Zstandard frame"),
        (frames.compress(BATCH.body, 1) + b"x", "its body goes on after its Zstandard frame"),
        (frames.compress(BATCH.body, 1)[:-3], "its body is a Zstandard frame cut short"),
        (frames.compress(b"other", 1), "its body has 5 bytes, its position 14"),
    ],
)
def test_a_body_that_is_not_one_whole_frame_is_refused(body: bytes, cause: str) -> None:
    """E28: trailing bytes, several frames and frames cut short are not read as far as they go."""
    assert cause_of(replace(MESSAGE, body=body, content_encoding="zstd")) == cause


def test_an_unknown_encoding_of_a_batch_is_refused() -> None:
    """A batch's encoding is zstd or none."""
    assert "content_encoding" in cause_of(replace(MESSAGE, content_encoding="gzip"))


def test_a_frame_without_its_size_is_refused() -> None:
    """S10: what does not say how large it gets is not decompressed."""
    frame = bytes.fromhex("28b52ffd00487100006f6e650a4552524f522074776f0a")  # streamed by zstd
    assert "does not say" in cause_of(replace(MESSAGE, body=frame, content_encoding="zstd"))


def test_a_decompression_bomb_allocates_nothing() -> None:
    """S10: a frame that grows beyond the limit is refused by its header."""
    bomb = replace(MESSAGE, body=frames.compress(bytes(DECODE_MAX_BYTES + 1), 1), content_encoding="zstd")
    tracemalloc.start()
    cause = cause_of(bomb)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cause == f"its body does not say that it decompresses to at most {DECODE_MAX_BYTES} bytes"
    assert peak_bytes < 100_000


def test_a_frame_that_lies_about_its_size_is_refused() -> None:
    """S10: no more is decompressed than the header says."""
    frame = bytearray(frames.compress(b"x" * 200, 1))
    assert frame[5] == 200
    frame[5] = 100
    assert "does not decompress" in cause_of(replace(MESSAGE, body=bytes(frame), content_encoding="zstd"))


def test_a_batch_of_millions_of_empty_lines_is_refused() -> None:
    """S12: the number of records is bounded."""
    message = forged(levels=b"6" * (MAX_RECORDS + 1), records=MAX_RECORDS + 1)
    assert "levels" in cause_of(replace(message, body=b"\n" * (MAX_RECORDS + 1)))


def test_short_lines_are_shared_out() -> None:
    """S12: halves of halves, until each holds few enough: no line is cut, and there are not many more than needed."""
    body = b"0123456789\n" * 150_000 + b"x" * 100_000 + b"\n"
    batch = replace(BATCH, body=body, levels=b"6" * 150_001, offset=7, end=7 + len(body))
    parts = of_bounded_records(batch)
    assert b"".join(part.body for part in parts) == body
    assert all(len(part.levels) <= MAX_RECORDS and part.body.endswith(b"\n") for part in parts)
    assert [part.offset for part in parts[1:]] == [part.end for part in parts[:-1]]
    assert len(parts) <= 4
    long_end = b"\n" * 70_000 + b"x" * 1_000_000
    batch = replace(BATCH, body=long_end, levels=b"6" * 70_001, offset=7, end=7 + len(long_end))
    assert b"".join(part.body for part in of_bounded_records(batch)) == long_end
    assert of_bounded_records(BATCH) == [BATCH]


def test_the_largest_batch_fits_into_the_header_frame() -> None:
    """All headers at their largest stay within what we allow ourselves of AMQP's 128 KiB."""
    fields = {f"{n:02}": "v" * 250 for n in range(64)}
    batch = replace(BATCH, body=b"\n" * MAX_RECORDS, levels=b"6" * MAX_RECORDS, end=1_000 + MAX_RECORDS)
    message = encode(replace(batch, path="/" + "p" * 4_095, host="h" * 255, label="l" * 255, fields=fields))
    assert headers.table_bytes(message.headers) < headers.MAX_TABLE_BYTES


@pytest.mark.parametrize(
    "wrong",
    [
        {"stream": ""},
        {"levels": b"68"},
        {"end": 5},
        {"host": "h" * 256},
        {"host": "\ud800"},
        {"path": "\ud800"},
        {"fields": {"a" * 256: ""}},
        {"read_at_us": -1},
        {"lengths": Lengths.of(((14, 14),))},
    ],
)
def test_encoding_a_batch_that_breaks_the_contract_is_a_programming_error(wrong: BatchKeys) -> None:
    """What every sink would refuse is never published: ValueError."""
    with pytest.raises(ValueError, match=r"."):
        encode(replace(BATCH, **wrong))


def test_fields_as_text_are_left_out_where_there_is_no_room() -> None:
    """They repeat the table, so the message is sent without them rather than not at all."""
    escaped = {f"{n}": "\1" * 250 for n in range(60)}
    each = Lengths([1] * 12_288, [70_000] * 12_288)
    batch = replace(BATCH, body=b"\n" * 12_288, levels=b"6" * 12_288, lengths=each, end=1_000 + 70_000 * 12_288)
    message = encode(replace(batch, fields=escaped))
    assert "fields_json" not in message.headers
    assert decode(message).fields == escaped


def test_headers_too_large_for_their_frame_are_a_programming_error() -> None:
    """E18: settings bound what goes into headers; what gets through nevertheless is not sent."""
    each = Lengths([2**30] * 12_000, [2**30] * 12_000)
    batch = replace(BATCH, body=b"", levels=b"6" * 12_000, lengths=each, offset=0, end=12_000 * 2**30)
    with pytest.raises(ValueError, match="headers are longer"):
        encode(batch)
