"""The console's text: what records say, columns, times, and what the lines of a hostile record look like."""

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import MAX_BODY_BYTES, Batch, Lengths
from logbus.severity import classify
from logbus.wire.times import Times
from sinks.console import Settings
from sinks.console.text import Text
from support.stages import Stage

READ_AT_US = 1_795_490_466_123_456
"""2026-11-24 03:21:06.123 UTC."""
SGR = re.compile(r"\x1b\[[0-9;]*m")
OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
BEGIN = "03:21:06.123 info    web-1 app "


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()


def shown(batch: Batch, settings: Settings | None = None, *, colour: bool = False, width: int | None = None) -> str:
    """Return what a new console shows of a batch; `width`: that of its terminal."""
    text = Text(settings or Settings(utc=False), colour=colour, terminal=None if width is None else lambda: width)
    return b"".join(text.pieces(batch)).decode()


def told(record: bytes, settings: Settings | None = None, **fields: str) -> str:
    """Return what is shown of a record of `fields`, behind the columns."""
    size = len(record) + 1
    lengths = Lengths.of(((size, size),)) if b"\n" in record else None
    position = ("0123456789abcdef", 0, size, READ_AT_US)
    batch = Batch(record + b"\n", b"6", "h", "l", "/x", *position, fields=fields, lengths=lengths)
    return shown(batch, settings).removeprefix("04:21:06.123 info    h l ").removesuffix("\n")


GOLDEN = {
    b'{"time":"2026-11-24T03:21:06Z","level":"info","msg":"order stored","order":7,"user":"Jo D"}': (
        'order stored order=7 user="Jo D"'
    ),
    b'ts=2026-11-24T03:21:06Z level=info msg="order stored" order=7 user="Jo D"': 'order stored order=7 user="Jo D"',
    b'{"msg":"a","http":{"status":500,"path":"/x"},"tags":["a","b c"],"none":null,"ok":true,"f":1.5,"empty":{}}': (
        'a http.status=500 http.path=/x tags=["a","b c"] none=null ok=true f=1.5 empty={}'
    ),
    b'{"msg":"a","k=y":"b=c","a b":"","q":"say \\"hi\\"","nl":"a\\nb\\tc"}': (
        r'a "k=y"="b=c" "a b"="" q="say \"hi\"" nl="a\nb\tc"'
    ),
    b'{"msg":"a","event":"started","text":"a","epoch":3,"date":"2027-01-01","@timestamp":"2026-11-24T03:21:06Z"}': (
        "a event=started epoch=3 date=2027-01-01"
    ),
    b'{"t":{"$date":"2026-11-24T03:21:06.000Z"},"s":"I","msg":"Waiting"}': "Waiting s=I",
    b'{"time":1795490466123,"level":30,"msg":"pino"}': "pino",
    b'{"level":"info","order":7}': "order=7",
    b"level=info order=7": "order=7",
    b'{"level":"info"}': '{"level":"info"}',
    b"{}": "{}",
    b'{"msg":""}': '{"msg":""}',
    b'{"msg":"no object': '{"msg":"no object',
    b"[1]": "[1]",
    b"a=b and more text": "a=b and more text",
    b"2026-11-24 03:21:06 INFO [main] c.Foo - order=7": "2026-11-24 03:21:06 INFO [main] c.Foo - order=7",
    b"2026-11-24T03:21:06.123456789Z stderr F 2026-11-24 03:21:06 ERROR x": "2026-11-24 03:21:06 ERROR x",
    b'2026-11-24T03:21:06.123456789Z stdout F {"msg":"a","n":1}': "a n=1",
    b'{"log":"a\\u001b[31m\\n","stream":"stdout","time":"2026-11-24T03:21:06Z"}': r"a\x1b[31m",
    b'{"log":"{\\"msg\\":\\"a\\",\\"n\\":1}\\n","stream":"stdout","time":"2026-11-24T03:21:06Z"}': "a n=1",
    b'{"msg":"a\\r\\nb\\n","n":1}': "a\n" + " " * 25 + "b n=1",
    b'{"msg":"a"}\nbehind it': "a\n" + " " * 25 + "behind it",
    b'{"n":1}\nbehind it': '{"n":1}\n' + " " * 25 + "behind it",
    b'{"msg":"cut","a":"' + b"x" * 300 + b'","b":[' + b"1," * 200 + b"1]}": (
        f"cut a={'x' * 200}... b=[{'1,' * 99}1..."
    ),
    b'{"msg":"many",' + b",".join(b'"k%d":1' % n for n in range(150)) + b"}": (
        "many " + " ".join(f"k{n}=1" for n in range(100)) + " ..."
    ),
}  # fmt: skip


@pytest.mark.parametrize("record", GOLDEN, ids=lambda record: record[:40].decode())
def test_what_records_say(record: bytes) -> None:
    """JSON and logfmt as message and fields, containers' lines unwrapped, all other text as it is."""
    assert told(record, Settings(read_time=True)) == GOLDEN[record]


def test_raw_shows_records_as_they_are() -> None:
    """With `raw`, nothing is unwrapped."""
    for record in GOLDEN:
        if b"\n" not in record:
            assert told(record, Settings(raw=True, read_time=True)) == record.decode()


def test_some_fields() -> None:
    """With `fields`, only these, in their order; the shipper's stand behind other text as well."""
    wanted = Settings(fields=["http.status", "fields.team", "level", "none", "stream"], read_time=True)
    assert told(b'{"msg":"a","http":{"status":500},"level":"info"}', wanted, team="a b") == (
        'a http.status=500 fields.team="a b" level=info'
    )
    line = b"2026-11-24T03:21:06Z stderr F level=x msg=m"
    assert told(line, wanted, team="t") == "m fields.team=t level=x stream=stderr"
    assert told(b"plain", wanted, team="t\x1b\n") == r'plain fields.team="t\u001b\n"'
    assert told(b"plain", wanted) == "plain"
    assert told(b'{"msg":"a","b":1}', wanted) == "a"


HOSTILE = [
    b'{"msg":"a","\\u001b[2J":"\\u001b]0;x\\u0007","a\\nb":"c\\nd","\\u202e":"\\u202e","n":["\\u007f\\u009b"]}',
    b'{"msg":"\\u001b[2J\\n03:21:06.123 info    web-1 app forged","\x9b":1}',
    'msg="a\u202e" k=\u2028b'.encode(),
    b'{"log":"\\u001b[2J\\n","stream":"stdout","time":"2026-11-24T03:21:06Z"}',
    b'{"msg":"a","raw\x1b":"\xff\x00"}',
]


@pytest.mark.parametrize("record", HOSTILE)
@pytest.mark.parametrize("width", [None, 60, 200])
def test_what_records_say_is_inert(record: bytes, width: int | None) -> None:
    """S1, S2: no key or value does anything to a terminal, or looks like a record of its own."""
    size = len(record) + 1
    batch = Batch(record + b"\n", b"3", "h\x1b[2J\n", "l\u202e", "/x", "0123456789abcdef", 0, size, READ_AT_US)
    text = SGR.sub("", shown(batch, colour=True, width=width))
    assert not OBEYED.search(text)
    lines = [line for line in text.splitlines() if not line.startswith("--- ")]
    assert [line.startswith(" ") for line in lines] == [False] + [True] * (len(lines) - 1)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["msg", "time", "level", "fields", "event", "a.b"]) | st.text(max_size=5)


@given(
    st.dictionaries(KEYS, VALUES).map(lambda it: json.dumps(it).encode()) | st.binary(max_size=40),
    st.sampled_from([None, 0, 20, 90]),
    st.booleans(),
    st.text(max_size=30),
)
def test_whatever_a_record_is(record: bytes, width: int | None, colour: bool, host: str) -> None:
    """S1, S2: any bytes, on any terminal: printable text, and a line that begins with a digit for each record."""
    record = record.replace(b"\n", b" ") + b"\n"
    host = host.encode(errors="replace").decode()
    batch = Batch(record * 2, classify(record * 2), host, "l", "/x", "0123456789abcdef", 0, 2 * len(record), READ_AT_US)
    text = SGR.sub("", shown(batch, Settings(grep="[a-z]+"), colour=colour, width=width))
    assert not OBEYED.search(text)
    assert len([line for line in text.split("\n") if line[:1].isdigit()]) == 2
    assert {line[:1] for line in text.split("\n")} <= {"0", " ", "-", ""}


def test_the_time_is_the_records(stage: Stage) -> None:
    """When it happened, in local time; or in UTC, with its date, or when it was read."""
    batch = Batch(
        b"2026-11-23 10:00:00.5 a\n",
        *(b"6", "h", "l", "/x", "0123456789abcdef", 0, 24, READ_AT_US),
        times=Times("Europe/Berlin", READ_AT_US, READ_AT_US),
    )
    expected = {
        "10:00:00.500": Settings(),
        "09:00:00.500Z": Settings(utc=True),
        "2026-11-23 10:00:00.500": Settings(date=True),
        "2026-11-23 09:00:00.500Z": Settings(date=True, utc=True),
        "04:21:06.123": Settings(read_time=True),
    }
    assert {shown(batch, each).partition(" info ")[0]: each for each in expected.values()} == expected
    assert shown(stage.batch(b"x\n", read_at_us=-5)).startswith("01:00:00")


def test_a_new_day_is_told_on_a_terminal() -> None:
    """Before its first record; not in a pipe, where each line is a record, and not beside dates."""
    day_us = 86_400_000_000
    body = b"2020-01-01 10:00:00 a\n2020-01-01 23:00:00 b\n2020-01-02 00:00:01 c\n"
    times = Times("Europe/Berlin", READ_AT_US - day_us, READ_AT_US)
    batch = Batch(body, b"666", "h", "l", "/x", "0123456789abcdef", 0, len(body), READ_AT_US, times=times)
    assert [line[:14] for line in shown(batch, width=0).splitlines()] == [
        *("--- 2020-01-01", "10:00:00.000 i", "23:00:00.000 i", "--- 2020-01-02", "00:00:01.000 i"),
    ]
    assert "---" not in shown(batch) + shown(batch, Settings(date=True), width=0)
    text = Text(Settings(), terminal=lambda: 0)
    assert [b"".join(text.pieces(batch)).count(b"---") for _ in range(2)] == [4, 4]


def test_columns_adapt(stage: Stage) -> None:
    """They become as wide as the longest name, never narrower; what is too long loses its middle."""
    text = Text(Settings())
    names = ["web-1", "a", "server-of-name", "日本", "checkout-7f9c4d5b6f-kubernetes-x2x9z", "日" * 20, "b"]
    lines = [b"".join(text.pieces(stage.batch(b"x\n", host=name))).decode().rstrip() for name in names]
    assert [line.partition("info    ")[2] for line in lines] == [
        "web-1 app x",
        "a     app x",
        "server-of-name app x",
        "日本           app x",
        "checkout-7f…rnetes-x2x9z app x",
        f"{'日' * 5}…{'日' * 6}  app x",
        f"b{' ' * 23} app x",
    ]


def test_long_lines_are_wrapped_on_a_terminal(stage: Stage) -> None:
    """Below the beginning of the text, between words; in a pipe never."""
    long = b"the quick brown fox jumps over the lazy dog " * 2 + b"and-a-word-that-does-not-fit-in-a-row-as-a-whole"
    lines = shown(stage.batch(long + b"\n"), width=62).splitlines()[1:]
    indent = " " * 31
    assert lines == [
        "04:21:06.123 info    web-1 app the quick brown fox jumps over",
        f"{indent}the lazy dog the quick brown",
        f"{indent}fox jumps over the lazy dog",
        f"{indent}and-a-word-that-does-not-fit-in",
        f"{indent}-a-row-as-a-whole",
    ]
    assert shown(stage.batch(long + b"\n")).count("\n") == 1
    wide = shown(stage.batch(("日本" * 20 + "\n").encode()), width=62).splitlines()[1:]
    assert [len(line.removeprefix(BEGIN.replace("03", "04")).strip()) for line in wide] == [15, 15, 10]
    tabs = shown(stage.batch(b"\ta\tb\tc\td\te\n"), width=62).splitlines()[1:]
    assert [line[31:] for line in tabs] == ["\ta\tb\tc", "\td\te"]


def test_a_narrow_terminal_shows_text_below_its_columns(stage: Stage) -> None:
    """With little room beside them, the text has rows of its own."""
    assert shown(stage.batch(b"one two three four five six seven eight\n"), width=40).splitlines()[1:] == [
        "04:21:06.123 info    web-1 app ",
        "    one two three four five six seven",
        "    eight",
    ]


def test_what_no_shipper_sends_is_shown_as_it_is() -> None:
    """S9: a huge message is neither parsed nor wrapped, nor searched for times."""
    record = b'{"time":"2026-11-23T10:00:00Z","msg":"' + b"a " * (MAX_BODY_BYTES // 2) + b'"}\n'
    batch = Batch(record, b"6", "h", "l", "/x", "0123456789abcdef", 0, len(record), READ_AT_US)
    assert shown(batch, colour=True, width=80).endswith(f"l\x1b[0m {record.decode()}")
    many = Batch(b'{"a":1}\n' * 70_000, b"6" * 70_000, "h", "l", "/x", "0123456789abcdef", 0, 560_000, READ_AT_US)
    assert shown(many, width=20).splitlines()[-1] == '04:21:06.123 info    h l {"a":1}'


def test_many_lines_of_a_record_do_not_become_many_blanks(stage: Stage) -> None:
    """S9: a record of a million empty lines takes a blank for each."""
    batch = stage.batch(b"\n" * 1_000_000, levels=b"6", lengths=Lengths.of(((1_000_000, 1_000_000),)))
    assert len(shown(batch)) < 2_100_000
    assert len(shown(batch, width=80)) < 2_100_000
