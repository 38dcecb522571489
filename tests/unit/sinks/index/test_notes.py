"""Which writes of a commit become one note."""

import pytest
from msgspec.structs import replace

from logbus.batch import Batch
from logbus.wire.times import Times
from sinks.index.blocks import HOUR_US, MERGED_BYTES, Note
from sinks.index.notes import PLENTY_BYTES, Notes
from sinks.index.place import Place, Written

PLACE = Place(b"t" * 16, "1.2", "out.log")
LINE = b"INFO a line\n"
FIRST = Batch(LINE, b"6", host="web-1", label="app", path="/a", stream="f" * 16, offset=0, end=12, read_at_us=HOUR_US)


def notes_of(*writes: tuple[Batch, Place]) -> Notes:
    """Return what notes batches that are written one behind the other."""
    notes, at = Notes(), 0
    for batch, place in writes:
        size = len(batch.body)
        notes.add(batch, Written(place, at, at + size), batch.body, b"6")
        at += size
    return notes


def noted(*writes: tuple[Batch, Place]) -> list[Note]:
    """Return the notes of batches that are written one behind the other."""
    return notes_of(*writes).take()


def after(batch: Batch) -> Batch:
    """Return the batch of one line that goes on where another ended, a microsecond later."""
    return replace(batch, offset=batch.end, end=batch.end + len(batch.body), read_at_us=batch.read_at_us + 1)


def test_what_goes_on_is_one_note() -> None:
    """It has the digits of both, and the times of both ends."""
    second = after(FIRST)
    [note] = noted((FIRST, PLACE), (second, PLACE), (after(second), PLACE))
    assert (note.begin, note.end, note.content_bytes, note.offset, note.offset_end) == (0, 36, 36, 0, 36)
    assert (bytes(note.digits), note.first_read_us, note.last_read_us) == (b"666", HOUR_US, HOUR_US + 2)


def test_the_earliest_and_latest_time_are_kept() -> None:
    """Records of a note may be in any order."""
    times = [Times("UTC", first, last) for first, last in ((5, 2), (1, 9))]
    first = replace(FIRST, times=times[0])
    [note] = noted((first, PLACE), (replace(after(first), times=times[1], read_at_us=HOUR_US - 1), PLACE))
    assert (note.event_us, note.first_read_us, note.last_read_us) == ((1, 9), HOUR_US - 1, HOUR_US)


@pytest.mark.parametrize(
    "other",
    [
        {"host": "web-2"},
        {"stream": "e" * 16},
        {"offset": 13, "end": 25},
        {"read_at_us": 2 * HOUR_US},
        {"times": Times("UTC", HOUR_US, HOUR_US)},
    ],
)
def test_what_does_not_belong_together_is_apart(other: dict[str, object]) -> None:
    """Neither another stream's lines, nor what is behind a gap, of another hour, or told less of."""
    assert [note.begin for note in noted((FIRST, PLACE), (replace(after(FIRST), **other), PLACE))] == [0, len(LINE)]


def test_another_output_is_apart() -> None:
    """Also where the file of the same name was replaced."""
    there = [replace(PLACE, token=b"u" * 16), replace(PLACE, identity="2.2")]
    assert [len(noted((FIRST, PLACE), (after(FIRST), place))) for place in there] == [2, 2]


def test_a_line_that_goes_on_begins_a_note() -> None:
    """Which severity it has is told by the block."""
    begun = replace(FIRST, body=b"INFO a line ", end=12)
    assert len(noted((begun, PLACE), (after(begun), PLACE))) == 2


def test_notes_are_bounded() -> None:
    """What is large enough is not added to, so that a block can end."""
    first = replace(FIRST, body=LINE * (MERGED_BYTES // len(LINE) + 1), end=12)
    assert len(noted((first, PLACE), (after(first), PLACE))) == 2


def test_what_is_taken_is_gone() -> None:
    """All notes, or those of one output; the next write begins another."""
    other = replace(PLACE, token=b"u" * 16)
    notes = notes_of((FIRST, PLACE), (FIRST, other))
    assert [note.place for note in notes.take_of(other.token)] == [other]
    assert notes.take_of(other.token) == []
    assert [note.place for note in notes.take()] == [PLACE]
    notes.add(after(FIRST), Written(PLACE, 12, 24), LINE, b"6")
    assert [note.begin for note in notes.take()] == [12]


def test_much_content_is_plenty() -> None:
    """It is told at once, not with what comes in a second."""
    large = replace(FIRST, body=LINE * (PLENTY_BYTES // len(LINE) + 1))
    notes = notes_of((large, PLACE))
    assert notes.is_plenty()
    notes.clear()
    assert not notes.is_plenty()
    assert not notes_of((FIRST, PLACE)).is_plenty()
