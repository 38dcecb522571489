"""Hostile messages, by name: each of them would stall a sink, fill its memory, or multiply what it writes.

`attacks()` makes them one at a time, because some are large. None is an error of the sink's: each is written, cut, or
set aside in the dead letters, within the bounds that `tests/system/test_attacks.py` holds every sink to.
"""

import gzip
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Unpack

from msgspec.structs import replace

from logbus.batch import MAX_RECORDS, Batch, Message, encode
from logbus.wire import frames
from logbus.wire.lengths import Lengths, pack
from support.batches import BatchKeys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1 << 20
ACCEPTED_BYTES = 16 * MIB
STREAM = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Attack:
    """A hostile message, made when it is needed."""

    name: str
    make: Callable[[], Message]


def attacks() -> Iterator[Attack]:
    """Yield every attack."""
    for name, unit in FLOODS.items():
        yield Attack(f"foreign {name}", partial(_foreign, unit, ACCEPTED_BYTES))
    yield Attack("zstd of newlines", lambda: _zstd(b"\n" * ACCEPTED_BYTES))
    yield Attack("zstd of one line", lambda: _zstd(b"a" * ACCEPTED_BYTES))
    yield Attack("zstd bomb", lambda: _zstd(bytes(64 * MIB)))
    yield Attack("zstd bomb of 1 GiB", lambda: Message(_bomb(1024), content_encoding="zstd"))
    yield Attack("zstd bomb that states no size", lambda: Message(_unsized(64), content_encoding="zstd"))
    yield Attack("gzip", lambda: Message(_noise(ACCEPTED_BYTES), content_encoding="gzip"))
    yield Attack("gzip bomb", lambda: Message(gzip.compress(bytes(256 * MIB), 1), content_encoding="gzip"))
    yield Attack("gzip of newlines", lambda: Message(gzip.compress(b"\n" * ACCEPTED_BYTES), content_encoding="gzip"))
    for name, unit in JSON_FLOODS.items():
        yield Attack(f"JSON of {name}", partial(_json, unit))
    yield Attack("unknown encoding", lambda: Message(b"\n" * ACCEPTED_BYTES, content_encoding="rot13"))
    yield Attack("64 MiB", lambda: Message(b"a\n" * (32 * MIB)))
    yield Attack("127 MiB as a batch", lambda: replace(encode(_batch(b"a\n")), body=b"a\n" * (127 * MIB // 2)))
    yield Attack("many headers", lambda: Message(b"a\n", headers={str(number): True for number in range(14_000)}))
    yield Attack("nested headers", lambda: Message(b"a\n", headers={"x": _nested(200)}))
    yield Attack("batch of newlines", lambda: encode(_batch(b"\n" * MAX_RECORDS)))
    yield Attack("batch of bytes", lambda: encode(_batch(b"\xff" * ACCEPTED_BYTES)))
    yield Attack("batch of controls", lambda: encode(_batch(b"\x1b" * ACCEPTED_BYTES)))
    yield Attack("long names before each record", _long_names)
    yield Attack("lengths of empty records", _empty_records)
    yield Attack("a record far beyond its source", _grown_record)
    yield Attack("deep path", lambda: encode(_batch(b"deep\n", path="/x" * 4_000)))


FLOODS = {
    "newlines": b"\n",
    "short lines": b"{\n",
    "one line": b"a",
    "escapes": b"\x1b[",
    "escapes in lines": b"\x1b\x1b\x1b\x1b" * 16 + b"\n",
    "bytes": b"\xff",
    "bytes in lines": b"\xff\x80\xc3\xe2" * 16 + b"\n",
    "digits": b"1",
    "braces": b"{",
    "nested objects": b'{"a":',
    "JSON pairs": b'"a":1,',
    "JSON in lines": b'{"a":1,"b":{"c":[{"d":1}]},"e":"x","f":"y","g":"zzzzzz"}\n',
    "logfmt pairs": b"a=b ",
    "docker lines": b'{"log":"a\\u001b\\u001b\\u001b\\u001b\\u001b\\u001b\\n","stream":"stdout"}\n',
    "bidi marks": "\u202e".encode(),
}
"""What is repeated up to 16 MiB."""


JSON_FLOODS = {"blanks": b" " * 200 + b"\n", "braces": b"{", "arrays": b"[" * 200 + b"\n", "nested": b'{"message":'}
"""What is repeated up to 16 MiB behind the beginning of an object of several lines."""


def _foreign(unit: bytes, size_bytes: int) -> Message:
    return Message((b"{" if unit.startswith(b'"') else b"") + unit * (size_bytes // len(unit) - 1))


def _json(unit: bytes) -> Message:
    body = b'{\n"message": ' + unit * (ACCEPTED_BYTES // len(unit) - 1)
    return Message(body, content_type="application/vnd.masstransit+json", timestamp=2**63 - 1)


def _zstd(content: bytes) -> Message:
    return Message(frames.compress(content, 3), content_encoding="zstd")


def _bomb(mib: int) -> bytes:
    """Return a frame of so many MiB of zeros, which says so."""
    compressor = zstd.ZstdCompressor(level=1)
    compressor.set_pledged_input_size(mib * MIB)
    parts = [compressor.compress(bytes(MIB)) for _ in range(mib)]
    return b"".join([*parts, compressor.flush()])


def _unsized(mib: int) -> bytes:
    compressor = zstd.ZstdCompressor(level=1)
    parts = [compressor.compress(bytes(MIB)) for _ in range(mib)]
    return b"".join([*parts, compressor.flush()])


def _noise(size_bytes: int) -> bytes:
    return random.Random(1).randbytes(size_bytes)  # noqa: S311 - repeatable on purpose


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"x": value}
    return value


def _batch(body: bytes, **other: Unpack[BatchKeys]) -> Batch:
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    plain = Batch(body, b"3" * lines, host="h", label="attack", path="/attack.log", stream=STREAM, end=len(body))
    return replace(plain, **other)


def _long_names() -> Message:
    body = b"\n" * MAX_RECORDS
    return encode(_batch(body, host="h" * 255, path="/" + "p" * 8_000, fields={"f": "\x01" * 12_000}))


def _empty_records() -> Message:
    lengths = Lengths([0] * 12_288, [1] * 12_288)
    return encode(_batch(b"", levels=b"3" * 12_288, lengths=lengths, end=12_288, stream="e" * 16))


def _grown_record() -> Message:
    body = b"a" * ACCEPTED_BYTES
    table = dict(encode(_batch(b"a", stream="d" * 16)).headers)
    return replace(encode(_batch(b"a")), body=body, headers={**table, "lengths": pack(Lengths([len(body)], [1]))})
