"""What the console shows, and what it never sends to a terminal."""

import json
import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, Lengths
from logbus.errors import OutputError, UsageError
from logbus.wire.batch import count_lines
from sinks import console
from sinks.console import Console, Settings
from sinks.console.json_lines import as_json
from sinks.console.text import Text
from sinks.printable import inert_json, printable, printable_word
from sinks.sink import Context, OutputClosed
from support.stages import Stage

OBEYED = [*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200F]


def plain(batch: Batch) -> bytes:
    """Return what a new console shows of a batch in a pipe."""
    return b"".join(Text(Settings()).pieces(batch))


def in_json(batch: Batch) -> Iterator[bytes]:
    """Show a batch as JSON."""
    yield as_json(batch)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_record_is_a_line_with_columns(stage: Stage) -> None:
    """Time, severity, host, label, text."""
    shown = plain(stage.batch(b"one\ntwo\tx\n\n", levels=b"364")).decode()
    assert shown.split("\n") == [
        "03:21:06.123 err     web-1 app one",
        "03:21:06.123 info    web-1 app two\tx",
        "03:21:06.123 warning web-1 app ",
        "",
    ]


def test_a_pipe_gets_no_colour(capfd: pytest.CaptureFixture[str], stage: Stage) -> None:
    """Standard output that is no terminal gets plain text."""
    sink = console.open_sink(Settings(), Context("console", None, lambda _output, _mark: None))
    sink.write(stage.batch(b"x\n", levels=b"3"))
    assert "\x1b" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        (b"\x1b[2J\x1b[A", rb"\x1b[2J\x1b[A"),
        (b"\x1b]52;c;AAAA\x07", rb"\x1b]52;c;AAAA\x07"),
        ("\x9b31m".encode(), rb"\x9b31m"),
        ("a\u202eb\u2066c".encode(), rb"a\u202eb\u2066c"),
        (b"safe\roverwritten", rb"safe\roverwritten"),
        (b"\x00\x7f\x08", rb"\x00\x7f\x08"),
        (b"\xff\xfe", rb"\xff\xfe"),
        (b"\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8", rb"\x0b\x0c\x1c\x85\u2028"),
        ("Grüße 🙂 日本".encode(), "Grüße 🙂 日本".encode()),
        (b"crlf\r", b"crlf"),
        (b"two\r\r", rb"two\r"),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(stage: Stage, hostile: bytes, shown: bytes) -> None:
    """S1, S2: escapes, C1, bidi marks, lone CR and bytes that are not UTF-8; one record stays one line."""
    line = plain(stage.batch(hostile + b"\n"))
    assert line.endswith(b"app " + shown + b"\n")
    assert line.count(b"\n") == 1


def test_names_are_made_visible_too(stage: Stage) -> None:
    """S1, S2: a host or label with a newline or an escape forges no line."""
    line = plain(stage.batch(b"x\n", host="a\nb", label="\x1b[2J"))
    assert line.count(b"\n") == 1
    assert rb"a\nb" in line
    assert b"\x1b" not in line


@given(st.binary(), st.text(), st.text(), st.booleans())
def test_no_control_character_reaches_the_terminal(body: bytes, host: str, path: str, objects: bool) -> None:
    """S1: whatever is in a batch, there is nothing on standard output but LF, TAB and printable text."""
    path = path.encode(errors="replace").decode()
    batch = Batch(body, b"6" * count_lines(body), host=host.encode(errors="replace").decode(), path=path)
    shown = (as_json if objects else plain)(batch)
    text = shown.decode()
    assert not {chr(code) for code in OBEYED} & set(text)
    assert text.count("\n") == count_lines(body)


def test_a_record_of_several_lines_is_indented(stage: Stage) -> None:
    """S2: its further lines begin with blanks, so none of them looks like a record; dropped records are not shown."""
    batch = stage.batch(
        b"Traceback\n  at x\nnext\n", levels=b"366", end=30, lengths=Lengths.of(((17, 17), (0, 8), (5, 5)))
    )
    lines = plain(batch).decode().split("\n")
    assert lines[0].endswith("Traceback")
    assert lines[1] == " " * 31 + "  at x"
    assert lines[2].startswith("03:21:06.123 info")
    assert len(lines) == 4


def test_a_last_line_without_newline_is_a_line(stage: Stage) -> None:
    """The next batch does not go on in its line."""
    assert plain(stage.batch(b"no end")).endswith(b"no end\n")
    assert plain(stage.batch(b"")) == b""


def test_json_is_one_object_a_record(stage: Stage) -> None:
    """The keys of the outside contract; a message has no newline, and bytes that are not UTF-8 are escapes."""
    shown = as_json(stage.batch(b"one\r\n\xff\x1b\n", 100, levels=b"36", path="/a\udcff")).decode()
    first, second = (json.loads(line) for line in shown.splitlines())
    assert first == {
        "host": "web-1",
        "label": "app",
        "path": "/a\\xff",
        "offset": 100,
        "severity": "err",
        "message": "one",
        "time": "2026-11-24T03:21:06.123456Z",
        "event_time": "2026-11-24T03:21:06.123456Z",
        "read_time": "2026-11-24T03:21:06.123456Z",
    }
    assert (second["offset"], second["message"]) == (105, "\\xff\x1b")


def test_json_offsets_are_the_sources(stage: Stage) -> None:
    """Where records are not verbatim, `lengths` says where each began; a foreign one began nowhere."""
    batch = stage.batch(b"***\nb\n", levels=b"666", end=110, offset=90, lengths=Lengths.of(((4, 10), (0, 8), (2, 2))))
    assert [json.loads(line)["offset"] for line in as_json(batch).splitlines()] == [90, 108]
    foreign = json.loads(as_json(Batch(b"Hello World!", b"6")))
    assert (foreign["offset"], foreign["message"], foreign["host"]) == (None, "Hello World!", "unknown")


def test_an_absurd_time_is_shown_as_one(stage: Stage) -> None:
    """A forged time of reading does not stop the console."""
    assert json.loads(as_json(stage.batch(b"x\n", read_at_us=2**62)))["time"].startswith("9999")
    assert plain(stage.batch(b"x\n", read_at_us=2**62))


def shown_by(settings: Settings, *batches: Batch) -> bytes:
    """Return what a console shows of some batches, as JSON."""
    out, into = os.pipe()
    sink = Console(settings, in_json, into)
    for batch in batches:
        sink.write(batch)
    sink.close()
    os.close(into)
    shown = b"".join(iter(lambda: os.read(out, 65536), b""))
    os.close(out)
    return shown


def test_records_are_chosen_by_a_pattern(stage: Stage) -> None:
    """A joined record is shown whole or not at all; what is shown keeps its offset and severity."""
    joined = stage.batch(b"a\nerror\n  timeout\nb\n", 10, levels=b"636", lengths=Lengths.of(((2, 2), (16, 16), (2, 2))))
    shown = shown_by(Settings(grep="(?i)TIME.ut$"), joined, stage.batch(b"none\n"), stage.batch(b"no timeout\nx\n"))
    assert [(each["offset"], each["severity"], each["message"]) for each in map(json.loads, shown.splitlines())] == [
        (12, "err", "error\n  timeout"),
        (0, "info", "no timeout"),
    ]
    with pytest.raises(UsageError, match="look-around"):
        Settings(grep="(?=x)")


def test_hosts_and_labels_are_chosen_by_globs(stage: Stage) -> None:
    """Only what matches both is shown."""
    out, into = os.pipe()
    sink = Console(Settings(host="web-*", label="a?p"), lambda batch: iter([plain(batch)]), into)
    for host, label in [("web-1", "app"), ("db-1", "app"), ("web-2", "x")]:
        sink.write(stage.batch(b"x\n", host=host, label=label))
    sink.close()
    os.close(into)
    assert os.read(out, 4096).count(b"\n") == 1
    os.close(out)


def test_a_pipe_that_nobody_reads_ends_it(stage: Stage) -> None:
    """F9: `| head -1` is no error."""
    out, into = os.pipe()
    os.close(out)
    sink = Console(Settings(), lambda batch: iter([plain(batch)]), into)
    with pytest.raises(OutputClosed):
        sink.write(stage.batch(b"x\n"))
    sink.close()
    os.close(into)


def test_a_slow_reader_is_waited_for(stage: Stage) -> None:
    """F9: what does not fit in a pipe is kept, no write blocks, and every byte comes once when there is room again."""
    out, into = os.pipe()
    body = (b"x" * 99 + b"\n") * 5000
    sink = Console(Settings(), lambda batch: iter([batch.body]), into)
    sink.write(stage.batch(body))
    assert not sink.ready()
    got = bytearray()
    while not sink.ready():
        got += os.read(out, 65536)
    sink.close()
    os.close(into)
    while part := os.read(out, 65536):
        got += part
    os.close(out)
    assert got == body


def test_an_output_that_fails_is_said(stage: Stage) -> None:
    """Any other error is an OutputError, to be tried again."""
    with pytest.raises(OutputError, match="standard output"):
        Console(Settings(), lambda batch: iter([plain(batch)]), 987).write(stage.batch(b"x\n"))


def test_printable_leaves_plain_text_alone() -> None:
    """Text without a suspicious byte is returned as it is, not copied."""
    body = b"plain\ttext\n"
    assert printable(body) is body
    assert inert_json(body.decode()) == body.decode()
    assert printable_word("a\tb") == rb"a\tb"
