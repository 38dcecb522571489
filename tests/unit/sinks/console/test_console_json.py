"""The console's JSON: the same bytes as if an object were made of each record, however many are escaped at once."""

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, records, select
from logbus.severity import Severity, classify
from logbus.wire.times import Times
from sinks.console.json_lines import as_json
from sinks.parsed import Which
from sinks.printable import inert_json, is_plain

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
READ_TIME = "1970-01-01T00:00:00.000001Z"
UNREAD = Times("", 1, 1)


def one_by_one(batch: Batch) -> bytes:
    """Make an object of each record, the simple way."""
    offset, shown = batch.offset, b""
    sources = [source for _, source in batch.lengths or ()] or [len(record) for record in records(batch)]
    for level, record, source in zip(batch.levels, records(batch), sources, strict=True):
        each = {
            "host": batch.host,
            "label": batch.label,
            "path": batch.path,
            "read_time": READ_TIME,
            "offset": offset if batch.stream else None,
            "severity": Severity(level - ord("0")).word,
            "message": record.removesuffix(b"\n").removesuffix(b"\r").decode(errors="backslashreplace"),
            "time": READ_TIME,
            "event_time": READ_TIME,
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
    batch = Batch(body, classify(body), host, "l", "/x", stream, *span, 1, times=UNREAD)
    count = len(batch.levels)
    part = select(batch, bytes(data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))))
    assert as_json(batch, "none") == one_by_one(batch)
    assert as_json(part, "none") == one_by_one(part)


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


OBJECTS = st.dictionaries(st.sampled_from(["time", "msg", "a.b", "n"]), st.text(max_size=5) | st.integers(), min_size=1)


def object_in(line: str) -> dict[str, object] | None:
    """Return the object that a line is, None if it is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@given(
    st.lists(
        OBJECTS.map(json.dumps) | st.sampled_from(["plain", "", "{", '{"a":1},{"b":2}', '{"a":', "1}", "[1]"]),
        min_size=1,
    )
)
def test_what_a_record_says_stands_beside_it(written: list[str]) -> None:
    """An object's fields are its own, wherever it stands among others; nothing that is no object passes for one."""
    body = "".join(f"{line}\n" for line in written).encode()
    batch = Batch(body, classify(body), "h", "l", "/x", STREAM, 100, 100 + len(body), 1)
    for line, shown in zip(written, as_json(batch).splitlines(), strict=True):
        assert json.loads(shown).get("parsed") == object_in(line)


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b'{"msg":"\xe2\x80\xae\xc2\x9b","n":1e999}', None),
        (b'{"msg":"\\u202e\\u009b"}', {"msg": "\u202e\x9b"}),
        (b'ts=1 level=info msg="a \xe2\x80\xae"', {"ts": "1", "level": "info", "msg": "a \u202e"}),
        (
            b"2026-11-24 10:00:00 INFO [main] c.Foo - a",
            {"message": "a", "level": "INFO", "thread": "main", "logger": "c.Foo"},
        ),
        (b'2026-11-24T10:00:00Z stderr F {"msg":"a"}', {"stream": "stderr", "msg": "a"}),
        (b'{"log":"a\\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}', {"stream": "stdout", "message": "a"}),
    ],
)
def test_what_is_parsed_is_inert_as_well(line: bytes, parsed: dict[str, str] | None) -> None:
    """S1: no field makes a terminal do anything, however it was written."""
    shown = as_json(Batch(line + b"\n", b"6", stream=STREAM, end=len(line) + 1, read_at_us=1))
    assert is_plain(shown)
    assert parsed is None or json.loads(shown)["parsed"] == parsed


def test_which_records_are_parsed_can_be_chosen() -> None:
    """Objects take little time, also in a container's line; other formats are parsed where somebody asks."""
    lines = b'level=info msg=a\n{"msg":"a"}\n2026-11-24T10:00:00Z stdout F {"msg":"a"}\n'
    batch = Batch(lines, b"666", stream=STREAM, end=len(lines), read_at_us=1)
    found = {
        which: ["parsed" in json.loads(line) for line in as_json(batch, which).splitlines()]
        for which in get_args(Which)
    }
    assert found == {"all": [True] * 3, "objects": [False, True, True], "none": [False] * 3}


def test_a_record_has_its_own_time_and_that_of_reading() -> None:
    """A backlog that is shipped at noon did not happen at noon; without a time, a record has that of the one before."""
    body = b"2026-11-24 10:00:00.5 a\n  b\n"
    times = Times("Europe/Berlin", 1_795_510_800_500_000, 1_795_510_800_500_000)
    read_at_us = 1_795_600_000_000_000
    batch = Batch(body, b"66", stream=STREAM, end=len(body), read_at_us=read_at_us, fields={"team": "x"}, times=times)
    for line in as_json(batch).splitlines():
        shown = json.loads(line)
        assert shown["time"] == shown["event_time"] == "2026-11-24T09:00:00.500000Z"
        assert shown["read_time"] == "2026-11-25T09:46:40.000000Z"
        assert shown["fields"] == {"team": "x"}


def test_a_part_of_a_batch_goes_on_where_the_one_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record without a time has that of the record before it, also where a batch is written in parts."""
    monkeypatch.setattr("sinks.console.json_lines.AT_ONCE_BYTES", 1)
    body = b"2026-11-24 10:00:00 a\n2026-11-24 10:00:01 b\n  c\n"
    times = Times("UTC", 1_795_514_400_000_000, 1_795_514_401_000_000)
    batch = Batch(body, b"666", stream=STREAM, end=len(body), read_at_us=1_795_600_000_000_000, times=times)
    assert [json.loads(line)["time"][17:19] for line in as_json(batch).splitlines()] == ["00", "01", "01"]
