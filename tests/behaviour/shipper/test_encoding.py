"""Encodings: UTF-16 is decoded, each byte of the file once, wherever reading stops."""

import os
import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, decode, encode, records
from shipper.__main__ import main
from shipper.files.opening import open_regular
from shipper.lives.stdin import Stdin
from shipper.lives.tail import Tail
from shipper.records.encoding import Name as EncodingName
from shipper.records.encoding import encoding_of
from shipper.records.filters import RateLimit, Selection
from shipper.records.recorder import Recorder
from shipper.records.redaction.presets import Redact
from shipper.records.rules import Multiline
from shipper.settings import Input
from support.shores import Kind, Shore

CODECS: dict[EncodingName, str] = {"utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
NAMES = sorted(CODECS)
TRICKY = "ab\n\r\0\u010a\u0a0a\u0a00\u000a\ufeff\U0001f600\u20ac"
"""Characters of which some have the byte 0a and are no newline, and one is two units."""
TEXTS = st.text(st.sampled_from(TRICKY), max_size=60)


def utf16(text: str, name: EncodingName) -> bytes:
    """Return text as a file holds it."""
    return text.encode(CODECS[name], "surrogatepass")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text; only LF ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def utf8(text: str) -> bytes:
    """Return a file's text as it leaves: without a mark at its beginning, unless there is nothing else in the line."""
    return re.sub(r"\A\ufeff(?=.)", "", text, flags=re.DOTALL).encode("utf-8", "surrogatepass")


def tail_of(path: Path, name: EncodingName, max_record_bytes: int = 1024) -> Tail:
    """Open a file as the shipper does."""
    source = Input(paths=["*"], encoding=name, max_record_bytes=max_record_bytes)
    return Tail(open_regular(str(path)), Recorder(source))


def read_all(tail: Tail) -> bytes:
    """Read on to the present end; return what leaves."""
    left = b""
    while piece := tail.read():
        found = tail.recorder.finish(piece.body, piece.bounds, 0.0, piece.offset)
        assert found.lengths
        assert sum(size for size, _ in found.lengths) == len(found.body)
        assert sum(source for _, source in found.lengths) == len(piece.body)
        assert min(source for _, source in found.lengths) > 0
        assert len(found.lengths) == len(found.levels)
        left += found.body
        tail.advance(piece)
    return left


@given(text=TEXTS, name=st.sampled_from(NAMES))
def test_text_is_decoded_and_each_line_knows_its_bytes(text: str, name: EncodingName) -> None:
    """B9: what is decoded is the text; the ends of its lines are those of the source's lines."""
    found = encoding_of(name).decode(utf16(text, name))
    assert found.body == utf8(text)
    lines = lines_of(text)
    assert found.file_ends == [len(utf16("".join(lines[: each + 1]), name)) for each in range(len(lines))]
    assert found.ends == [len(utf8("".join(lines[: each + 1]))) for each in range(len(lines))]


@given(data=st.binary(max_size=80), name=st.sampled_from(NAMES), at=st.integers(0, 3))
def test_any_bytes_can_be_decoded(data: bytes, name: EncodingName, at: int) -> None:
    """B9: broken text is no error: all of its bytes are accounted for, from any offset, and whole units come back."""
    encoding = encoding_of(name)
    found = encoding.decode(data, at)
    assert len(found.ends) == len(found.file_ends)
    assert (found.file_ends or [0])[-1] == len(data)
    assert all(first < second for first, second in pairwise([0, *found.file_ends]))
    if data and not at % 2 and not len(data) % 2 and "\ufeff" not in data.decode(CODECS[name], "surrogatepass"):
        assert found.body.decode("utf-8", "surrogatepass").encode(CODECS[name], "surrogatepass") == data


@given(text=TEXTS, cuts=st.lists(st.integers(0, 200), max_size=6), name=st.sampled_from(NAMES))
def test_a_file_is_read_once_however_it_is_written(
    text: str, cuts: list[int], name: EncodingName, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """B7, B13: written in any pieces, whole lines leave, and the rest when the life ends, but NULs at its end."""
    path = tmp_path_factory.mktemp("utf16") / "a.log"
    path.touch()
    data, tail, left = utf16(text, name), tail_of(path, name), b""
    places = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    for place in places:
        with path.open("ab") as file:
            file.write(data[file.tell() : place])
        left += read_all(tail)
    complete = text[: text.rfind("\n") + 1]
    assert left == utf8(complete)
    tail.final = True
    assert left + read_all(tail) == utf8(complete + text[len(complete) :].rstrip("\0"))
    assert tail.offset + tail.content.space == len(data)
    tail.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("most", [1024, 1025])
def test_a_line_that_is_too_long_is_cut_between_characters(name: EncodingName, most: int, tmp_path: Path) -> None:
    """B6: in pieces of max_record_bytes or a character less, none lost, each of whole characters."""
    text = "x" + "\U0001f600" * 2000 + "\u0a0a\nnext\n"
    path = tmp_path / "a.log"
    path.write_bytes(utf16(text, name))
    tail, pieces = tail_of(path, name, most), []
    while piece := tail.read():
        pieces.append((tail.recorder.finish(piece.body, piece.bounds, 0.0, piece.offset).body, piece.partial))
        tail.advance(piece)
    assert b"".join(body for body, _ in pieces).decode() == text
    assert all(body.decode() for body, _ in pieces)
    assert [partial for _, partial in pieces] == [True] * (len(pieces) - 1) + [False]
    assert len(pieces) == len(utf16(text, name)) // (most - 2) + 1
    tail.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_line_that_comes_slowly_is_found_complete(name: EncodingName, tmp_path: Path) -> None:
    """B1: a newline whose two bytes come one by one ends the line, also of one that is longer than one read."""
    data = utf16("y" * 300 + "\n", name)
    path = tmp_path / "a.log"
    path.touch()
    tail = tail_of(path, name)
    for part in (data[:601], data[601:]):
        with path.open("ab") as file:
            file.write(part)
        left = read_all(tail)
    assert left == b"y" * 300 + b"\n"
    assert tail.offset == len(data)
    tail.close()


@pytest.mark.parametrize("name", NAMES)
def test_levels_marks_and_selections_are_of_the_decoded_text(shore: Shore, name: EncodingName) -> None:
    """Severities, redaction, dropping and joining see UTF-8; positions stay those of the file."""
    text = (
        "\ufeffERROR of jo@example.com\r\njava.lang.IllegalStateException: x\n\tat a.B.c(D.java:1)\n"
        "DEBUG: not wanted\nWARN \u00e4\n"
    )
    path = shore.write("a.log", utf16(text, name))
    kind: Kind = {
        "encoding": name,
        "multiline": Multiline(preset="java"),
        "redact": Redact(presets=["email"]),
        "drop": [Selection(severities=["debug"])],
    }
    shore.start(**kind)
    shore.run(6.0)
    batches: list[Batch] = shore.publisher.batches
    assert [decode(encode(batch)) for batch in batches] == batches
    assert batches[-1].end == path.stat().st_size
    assert [record.decode() for batch in batches for record in records(batch) if record] == [
        "ERROR of [redacted email]\r\njava.lang.IllegalStateException: x\n\tat a.B.c(D.java:1)\n",
        "WARN \u00e4\n",
    ]
    levels = [level for batch in batches for level, record in zip(batch.levels, records(batch), strict=True) if record]
    assert bytes(levels) == b"34"


@given(text=TEXTS, more=st.binary(max_size=9), name=st.sampled_from(NAMES))
def test_what_is_unfinished_never_gets_shorter(text: str, more: bytes, name: EncodingName) -> None:
    """Where a joined record ends does not depend on when it is read: no line is taken for longer than it is."""
    encoding = encoding_of(name)
    data = utf16(text, name)
    for size in range(len(data)):
        part, whole = encoding.decode_unfinished(data[:size] + more), encoding.decode(data[:size] + more + data[size:])
        rest = len(part.body) - part.body.rfind(b"\n") - 1
        at = part.body.count(b"\n")
        lengths = [second - first for first, second in pairwise([0, *whole.ends])]
        assert not rest or rest <= lengths[at]


@pytest.mark.parametrize("name", NAMES)
def test_a_record_before_a_line_that_is_too_long_leaves(shore: Shore, name: EncodingName) -> None:
    """B6, B14: a joined record is over before a line that fits nowhere, though its file never comes to rest."""
    shore.start(encoding=name, multiline=Multiline(preset="indent"), max_record_bytes=1024)
    shore.write("a.log", utf16("record\n" + "x" * 3000 + "\nafter\n", name))
    for number in range(10):
        shore.write("a.log", utf16(f"more {number}\n", name))
        shore.run(0.5)
    left = b"".join(batch.body for batch in shore.publisher.batches)
    assert left.endswith(b"x\nafter\n" + b"".join(b"more %d\n" % number for number in range(9)))


@pytest.mark.parametrize("name", NAMES)
def test_half_a_unit_has_no_byte_to_spare(shore: Shore, name: EncodingName) -> None:
    """B3: a file's last byte, half a unit, leaves with a summary of what a rate limit dropped before it."""
    shore.start(encoding=name, rate_limit=RateLimit(records_per_s=1))
    path = shore.write("a.log", utf16("a\nb\nc\n", name))
    shore.run()
    shore.write("a.log", b"\n")
    path.rename(shore.logs / "gone")
    for _ in range(9):
        shore.run(1.0)
    assert shore.publisher.batches[-1].end == 13
    assert [decode(encode(batch)) for batch in shore.publisher.batches] == shore.publisher.batches


@pytest.mark.parametrize(
    "kind", [{"encoding": "utf-16le"}, {"encoding": "utf-16be"}, {"redact": Redact(presets=["email"])}]
)
def test_a_piece_that_is_sent_again_is_flagged_again(shore: Shore, kind: Kind) -> None:
    """B6, C1: a piece of a line that is too long says that it goes on, also after a crash."""
    name = kind.get("encoding")
    text = "x" + "\U0001f600" * 2000
    shore.start(**(kind | Kind(max_record_bytes=1024)))
    shore.publisher.holding = True
    shore.write("a.log", utf16(text, name) if name else text.encode())
    shore.run()
    sent = [(batch.offset, batch.end, batch.partial) for batch in shore.publisher.batches]
    assert [partial for _, _, partial in sent] == [True] * 7
    shore.crash()
    shore.start(**(kind | Kind(max_record_bytes=1024)))
    shore.run()
    assert [(batch.offset, batch.end, batch.partial) for batch in shore.publisher.batches[7:]] == sent


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_repeats_whole_records(shore: Shore, name: EncodingName) -> None:
    """C1: what was not confirmed is sent again with the same offsets, and reading goes on in the middle of a file."""
    luck = random.Random(5)  # noqa: S311 - a test's luck
    lines = ["INFO " + "\u20ac" * luck.randint(0, 9) + f" {number}\n" for number in range(200)]
    shore.write("a.log", utf16("".join(lines[:100]), name))
    shore.start(encoding=name)
    shore.run()
    shore.publisher.holding = True
    shore.write("a.log", utf16("".join(lines[100:150]), name))
    shore.run()
    shore.crash()
    shore.publisher.holding = False
    shore.write("a.log", utf16("".join(lines[150:]), name))
    shore.start(encoding=name)
    shore.run()
    first, lost, *again = shore.publisher.batches
    assert (lost.offset, again[0].offset) == (first.end, first.end)
    assert b"".join(batch.body for batch in [first, *again]).decode() == "".join(lines)
    assert again[0].body.startswith(lost.body)


@pytest.mark.parametrize("name", NAMES)
def test_start_at_the_end_is_the_end_of_a_line(shore: Shore, name: EncodingName) -> None:
    """D14: `start: end` begins behind the last line that is complete."""
    shore.write("a.log", utf16("old \u0a0a\nun", name))
    shore.start(encoding=name, start="end")
    shore.write("a.log", utf16("finished\n", name))
    shore.run()
    assert [batch.body for batch in shore.publisher.batches] == [b"unfinished\n"]


@pytest.mark.parametrize("name", NAMES)
def test_a_writer_that_goes_on_behind_a_hole(shore: Shore, name: EncodingName) -> None:
    """A11: after a truncation it writes at its old offset; its next line comes once, without the hole."""
    path = shore.write("a.log", utf16("first line\n" * 50, name))
    shore.start(encoding=name)
    shore.run()
    size = path.stat().st_size
    os.truncate(path, 0)
    shore.run()
    with path.open("r+b") as file:
        file.seek(size)
        file.write(utf16("second\n", name))
    shore.run()
    assert [batch.body for batch in shore.publisher.batches] == [b"first line\n" * 50, b"second\n"]


@pytest.mark.parametrize("name", NAMES)
def test_standard_input_is_decoded(name: EncodingName) -> None:
    """A pipe's text is decoded as a file's is, in whatever pieces it comes."""
    out, into = os.pipe()
    source = Stdin(Input(paths=["-"], encoding=name), out)
    text, left = "INFO \u20ac\n\u0a0a\nlast", b""
    for byte in utf16(text, name):
        os.write(into, bytes([byte]))
        while piece := source.read():
            left += source.recorder.finish(piece.body, piece.bounds, 0.0, piece.offset).body
    os.close(into)
    while not source.at_end:
        if piece := source.read():
            left += source.recorder.finish(piece.body, piece.bounds, 0.0, piece.offset).body
    os.close(out)
    assert left.decode() == text


def _config(shore: Shore, name: EncodingName) -> str:
    path = Path(shore.folder / "shipper.yml")
    path.write_text(f"state: {shore.folder}/state\ninputs:\n  - {{paths: ['{shore.logs}/*.log'], encoding: {name}}}\n")
    return str(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_rewind_goes_to_the_start_of_a_line(shore: Shore, name: EncodingName) -> None:
    """`rewind --to` finds the line by the input's encoding, where the configuration tells it."""
    path = shore.write("a.log", utf16("one \u0a0a\ntwo\n", name))
    shore.start(encoding=name)
    shore.run()
    shore.stop()
    rotated = path.rename(shore.logs / "a.log.1")
    words = ["rewind", str(rotated), "--to", "17", "--config", _config(shore, name)]
    assert "from byte 12 (where the line of byte 17 begins)" in CliRunner().invoke(main, words).stdout
    rotated.rename(path)
    shore.start(encoding=name)
    shore.run()
    assert shore.publisher.batches[-1].body == b"two\n"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_configuration_makes_of_a_file(shore: Shore, name: EncodingName) -> None:
    """`shipper test` shows the decoded records, at their offsets in the file."""
    path = shore.write("a.log", utf16("INFO \u20ac\nWARN two\n", name))
    result = CliRunner().invoke(main, ["test", str(path), "--config", _config(shore, name)])
    assert "record 2: warning, line 2, from byte 14" in result.stdout
    assert "    INFO \u20ac\n" in result.stdout


@pytest.mark.parametrize(("mark", "name"), [(b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be")])
@pytest.mark.parametrize("later", [False, True])
def test_a_byte_order_mark_without_an_encoding_is_reported_once(
    shore: Shore, mark: bytes, name: str, later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The report names the file and the encoding to set; a file that is written later, or rotated, is reported once."""
    text = "one 1\n".encode(name)
    path = shore.write("a.log", b"" if later else mark + text)
    shore.start()
    shore.write("a.log", mark + text if later else text)
    shore.run()
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log", mark + text)
    shore.run()
    said = [each for each in caplog.messages if "byte order mark" in each]
    assert said == [
        f"{path} begins with a UTF-16 byte order mark, but is published as bytes: set encoding: {name} for its input"
    ]


@pytest.mark.parametrize("head", [b"\xff\xfe\0\0o\0\0\0", b"\xef\xbb\xbfone 1\n", b"\xff 1\n", b"plain 1\n"])
def test_other_beginnings_are_not_reported(shore: Shore, head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """UTF-32, UTF-8 and any other bytes say nothing about UTF-16."""
    shore.write("a.log", head)
    shore.start()
    assert "byte order mark" not in caplog.text


def test_a_byte_order_mark_with_an_encoding_is_not_reported(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """It is removed, as it always was."""
    shore.write("a.log", "\ufeffone 1\n".encode("utf-16le"))
    shore.start(encoding="utf-16le")
    assert shore.publisher.batches[0].body == b"one 1\n"
    assert "byte order mark" not in caplog.text
