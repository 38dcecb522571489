"""Any bytes: nothing raises, nothing is lost, and the time is linear."""

import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.fields import flat, parse, parse_all, text_of, value_at
from logbus.severity.formats import FORMATS
from support.stopwatch import least_cpu_s

PARTS = [
    *(
        "1",
        "-",
        '"',
        "{",
        "[",
        "(",
        "a ",
        "a=",
        "a=b ",
        'a="',
        "1 ",
        "[ ",
        "<1>",
        "\x1b[0m",
        " ",
        "\n",
        "\\",
        "1:",
        "a.",
    ),
    *("\0", "A", "a:", "a/", "a::", "A.a", "[a] ", '{"a":', '{"a":1,', "\\ud8", '{"log":"', "\t", " | ", "<", "ERROR "),
    *("2024-01-02 15:04:05 ", "2024-01-02T15:04:05Z stdout P ", "Nov 24 10:00:00 ", "web | ", "@cee:", ": ", "error: "),
]
HEADS = ["", "2024-01-02 15:04:05 INFO ", "2024-01-02T15:04:05Z stdout F ", "<34>1 - - - - - [a ", '{"a":"', "1 - - ["]
EXAMPLES = [each.example for each in FORMATS]
MIXED = st.lists(st.sampled_from([each.encode() for each in PARTS]) | st.binary(max_size=4), max_size=12).map(b"".join)
NEAR = st.tuples(st.sampled_from(EXAMPLES), st.integers(0, 60), st.integers(0, 4), st.binary(max_size=4)).map(
    lambda some: some[0][: some[1]] + some[3] + some[0][some[1] + some[2] :]
)
PAIRS = frozenset(b"{=")
"""With one of these, there may be an object or pairs with a message of their own."""


@given(record=MIXED | NEAR)
def test_anything_is_parsed(record: bytes) -> None:
    """Whatever the bytes are, both ways say the same, and every field can be shown and encoded."""
    found = parse(record)
    assert [*parse_all([record])] == [found]
    for name, value in flat(found.fields):
        assert name.encode() is not None
        assert text_of(value).encode() is not None
        value_at(found.fields, name)


@given(record=MIXED | NEAR)
def test_text_keeps_all_its_bytes(record: bytes) -> None:
    """The message of a record with columns is its end."""
    found = parse(record)
    own = record.removesuffix(b"\n").removesuffix(b"\r")
    if found.stream:
        return
    if found.format == "text":
        assert found.message == own
    elif not PAIRS & set(own):
        assert own.endswith(found.message)


def took_s(record: bytes) -> float:
    """Return the processor time that a record takes."""
    return least_cpu_s(lambda: parse(record))


@pytest.mark.parametrize("head", HEADS)
def test_time_is_linear(head: str) -> None:
    """A record four times as long takes at most ten times as long, or next to nothing."""
    for part in PARTS:
        short, long = (head.encode() + part.encode() * (size // len(part)) for size in (16_000, 64_000))
        assert took_s(long) < max(10 * took_s(short), 0.03), part


@pytest.mark.parametrize("head", HEADS)
def test_lines_start_no_garbage_collection(head: str) -> None:
    """A record of very many lines leaves few objects behind that a garbage collection would look at."""
    record = head.encode() + b"\n" * 64_000
    before = _collections()
    parse(record)
    assert _collections() - before <= 2


def _collections() -> int:
    return sum(each["collections"] for each in gc.get_stats())


@pytest.mark.parametrize(
    "record",
    [
        b'{"a":"' + b"x" * (1 << 20) + b'"}',
        b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
        b'{"' + b"k" * (1 << 19) + b'":{' + b",".join(b'"%d":1' % number for number in range(50_000)) + b"}}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":"' + b"\\ud800" * 100_000 + b'"}',
        b'{"a":"' + b"\xff" * (1 << 20) + b'"}',
        b'{"a":' + b"9" * (1 << 20) + b"}",
        b"a=b " * (1 << 15),
    ],
    ids=["string", "keys", "long key", "deep", "surrogates", "no UTF-8", "digits", "pairs"],
)
def test_large_records(record: bytes) -> None:
    """A MiB takes a second at most, its fields shown included."""
    began = time.process_time()
    found = parse(record)
    assert sum(len(name) + len(text_of(value)) for name, value in flat(found.fields)) < 8 << 20
    assert time.process_time() - began < 1
