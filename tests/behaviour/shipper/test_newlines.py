"""`newline`: records that end with NUL or CR."""

import pytest

from logbus.batch import decode, encode
from shipper.records.encoding import Newline
from shipper.records.filters import Selection
from shipper.records.redaction.presets import Redact
from shipper.records.rules import Multiline
from support.shores import Shore

ENDS: list[tuple[Newline, bytes]] = [("nul", b"\0"), ("cr", b"\r")]


def records(shore: Shore) -> list[tuple[bytes, int]]:
    """Return each published record, as a reader of the wire takes it apart, with its severity; all is checked."""
    found: list[tuple[bytes, int]] = []
    for each in shore.publisher.batches:
        batch = decode(encode(each))
        sizes = [size for size, _ in batch.lengths] if batch.lengths else []
        body = batch.body
        texts = [body[sum(sizes[:at]) : sum(sizes[: at + 1])] for at in range(len(sizes))]
        found += zip(texts or body.splitlines(keepends=True), (int(chr(level)) for level in batch.levels), strict=True)
    return found


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_records_end_with_it(shore: Shore, name: Newline, end: bytes) -> None:
    """The wire has LF in its place; an unfinished record waits; offsets are those of the file."""
    shore.write("a.log", b"ERROR one" + end + b"DEBUG two" + end + b"unfin")
    shore.start(newline=name)
    shore.run()
    assert records(shore) == [(b"ERROR one\n", 3), (b"DEBUG two\n", 7)]
    shore.write("a.log", b"ished" + end)
    shore.run()
    assert records(shore)[2:] == [(b"unfinished\n", 6)]
    assert [(each.offset, each.end) for each in shore.publisher.batches] == [(0, 20), (20, 31)]
    assert all(each.lengths is None for each in shore.publisher.batches)


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_a_line_feed_within_a_record_stays(shore: Shore, name: Newline, end: bytes) -> None:
    """A record with LFs in it is one record of several lines, with one severity and its length."""
    shore.write("a.log", b"ERROR one\n  more\n" + end + b"two" + end + end + b"\nthree" + end)
    shore.start(newline=name)
    shore.run()
    assert records(shore) == [(b"ERROR one\n  more\n\n", 3), (b"two\n", 6), (b"\n", 6), (b"\nthree\n", 6)]


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_nothing_is_lost_or_repeated_after_a_crash(shore: Shore, name: Newline, end: bytes) -> None:
    """The file is resumed at its offset; what was not confirmed is sent again, with the same bytes."""
    content = b"".join(b"line %d\nand more" % number + end for number in range(20_000))
    shore.write("a.log", content)
    shore.publisher.window, shore.publisher.holding = 1, True
    shore.start(newline=name)
    shore.crash()
    shore.publisher.window, shore.publisher.holding = 1000, False
    shore.start(newline=name)
    shore.write("a.log", b"last 1" + end)
    shore.run()
    assert shore.lives() == [content.replace(end, b"\n") + b"last 1\n"]
    assert len({each.stream for each in shore.publisher.batches}) == 1


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_a_very_long_record_is_published_in_pieces(shore: Shore, name: Newline, end: bytes) -> None:
    """LFs in it do not end it, even where pieces are cut."""
    content = b"x\n" * 2000 + end + b"next" + end
    shore.write("a.log", content)
    shore.start(newline=name, max_record_bytes=1024)
    shore.run()
    assert b"".join(each.body for each in shore.publisher.batches) == content.replace(end, b"\n")
    assert [each.partial for each in shore.publisher.batches] == [True, True, True, False]
    assert all(decode(encode(each)) for each in shore.publisher.batches)


def test_other_keys_see_one_line(shore: Shore) -> None:
    """Selections, redaction and multiline treat each record as a line."""
    shore.write("a.log", b"one\nkeep a@b.example\0 more of one\0drop two\n\0three\0")
    shore.start(
        newline="nul",
        multiline=Multiline(preset="indent"),
        drop=[Selection(contains="drop")],
        redact=Redact(presets=["email"]),
    )
    shore.run(3.0)
    shore.run(3.0)
    texts = [text for text, _ in records(shore) if text]
    assert texts == [b"one\nkeep [redacted email]\n more of one\n", b"three\n"]


def test_a_file_that_ends_with_nul_is_read_to_its_end(shore: Shore) -> None:
    """Its last NUL is a newline, not space, for `start: end` and `once` as well."""
    shore.write("a.log", b"one 1\0two 2\0")
    shore.start(newline="nul", start="end")
    shore.write("a.log", b"three 3\0")
    shore.run()
    assert records(shore) == [(b"three 3\n", 6)]
    shore.stop()
    shore.write("b.log", b"four 4\0five")
    agent = shore.start("b.log", newline="nul", once=True, remember=False)
    shore.run()
    shore.run()
    assert agent.finished()
    assert records(shore)[1:] == [(b"four 4\n", 6), (b"five", 6)]
