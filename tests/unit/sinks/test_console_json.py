"""The console's JSON: the same bytes as if an object were made of each record, however many are escaped at once."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, records, select
from logbus.severity import Severity, classify
from sinks.console import as_json
from sinks.printable import inert_json

PIECES = st.sampled_from(
    [
        b"a",
        b" b",
        b'"',
        b"\\",
        b"\t",
        b"\r",
        b"\xff",
        b"\xc3\xa9",
        b"\xe2\x80\xae",
        b"\xc3",
        b"\x7f",
        b"{}",
        b"%s",
        b"ERROR x",
    ]
)
CONTROLS = st.sampled_from([b"\x1b", b"\x00"])
LINES = st.lists(st.lists(PIECES, max_size=4).map(b"".join), min_size=1, max_size=5)
STREAM = "0123456789abcdef"


def one_by_one(batch: Batch) -> bytes:
    """Make an object of each record, the simple way."""
    offset, shown = batch.offset, b""
    sources = [source for _, source in batch.lengths or ()] or [len(record) for record in records(batch)]
    for level, record, source in zip(batch.levels, records(batch), sources, strict=True):
        each = {
            "host": batch.host,
            "label": batch.label,
            "path": batch.path,
            "offset": offset if batch.stream else None,
            "severity": Severity(level - ord("0")).word,
            "message": record.removesuffix(b"\n").removesuffix(b"\r").decode(errors="backslashreplace"),
            "time": "1970-01-01T00:00:00.000001Z",
        }
        shown += inert_json(msgspec.json.encode(each).decode()).encode() + b"\n" if record else b""
        offset += source
    return shown


@given(LINES, st.sampled_from(["h", 'h"', "é", "%", "\x9b"]), st.data())
def test_all_records_at_once_are_what_they_are_one_by_one(lines: list[bytes], host: str, data: st.DataObject) -> None:
    """Plain, escaped, hidden and torn text, with a position or none, whole or with records left out."""
    body = b"\n".join([*lines, data.draw(CONTROLS | PIECES)]) + data.draw(st.sampled_from([b"", b"\n"]))
    stream = data.draw(st.sampled_from(["", STREAM]))
    span = (100, 100 + len(body)) if stream else (0, 0)
    batch = Batch(body, classify(body), host, "l", "/x", stream, *span, 1)
    count = len(batch.levels)
    part = select(batch, data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)))
    assert as_json(batch) == one_by_one(batch)
    assert as_json(part) == one_by_one(part)


@given(LINES, st.sampled_from(["h", 'h"', "é"]))
def test_every_record_is_an_object_that_says_what_it_held(lines: list[bytes], host: str) -> None:
    """Quotes, backslashes, control characters and bytes that are not UTF-8 come through any path of the encoder."""
    body = b"".join(line + b"\n" for line in lines)
    batch = Batch(body, classify(body), host, "l", "/x", STREAM, 100, 100 + len(body), 1)
    objects = [json.loads(line) for line in as_json(batch).splitlines()]
    assert [each["message"] for each in objects] == [
        line.removesuffix(b"\r").decode(errors="backslashreplace") for line in lines
    ]
    assert [each["offset"] for each in objects] == [100 + sum(len(x) + 1 for x in lines[:n]) for n in range(len(lines))]
    assert {each["host"] for each in objects} == {host}


def test_nothing_is_shown_of_an_empty_message() -> None:
    """A foreign message may hold no record at all."""
    assert as_json(Batch(b"", b"")) == b""
