"""How writes become blocks: what is merged, when a block ends, and what is told of its parts."""

import pytest
from msgspec.structs import replace

from sinks.index.blocks import HOUR_US, Block, Limits, Note, Origin, begun
from sinks.index.gathering import Gathering
from sinks.index.place import Place

PLACE = Place(b"t" * 16, "1.2", "out.log")
ORIGIN = Origin("0123456789abcdef", "web-1", "app", "/app.log")
LIMITS = Limits(block_bytes=100, least_bytes=10, block_s=60.0, part_bytes=10)


def note(begin: int = 0, digits: bytes = b"6666", read_us: int = HOUR_US) -> Note:
    """Return a write of five bytes a line at `begin`."""
    size = len(digits) * 5
    return Note(
        PLACE,
        begin,
        begin + size,
        size,
        bytearray(digits),
        whole=True,
        origin=ORIGIN,
        offset=begin,
        offset_end=begin + size,
        hour=read_us // HOUR_US,
        first_read_us=read_us,
        last_read_us=read_us,
        event_us=None,
    )


def gathered(*notes: Note, now_s: float = 0.0) -> list[Block]:
    """Return the blocks of these writes."""
    gathering = Gathering(LIMITS)
    gathering.add(notes, now_s)
    gathering.finish_all()
    return gathering.take()


def test_neighbours_are_one_block() -> None:
    """What goes on where the last write ended is merged, up to the block's size."""
    blocks = gathered(*(note(begin) for begin in range(0, 200, 20)))
    assert [(block.begin, block.end, len(block.digits)) for block in blocks] == [(0, 100, 20), (100, 200, 20)]


@pytest.mark.parametrize("there", [note(25), replace(note(20), place=replace(PLACE, identity="2.2"))])
def test_what_is_no_neighbour_begins_a_block(there: Note) -> None:
    """Neither a gap in an output nor another file is bridged."""
    assert [block.begin for block in gathered(note(), there)] == [0, there.begin]


def test_an_hour_ends_a_block_that_is_large_enough() -> None:
    """Hours are counted by block; below the least size, a row would cost more than it saves."""
    assert [block.begin for block in gathered(note(), note(20, read_us=2 * HOUR_US))] == [0, 20]
    [block] = gathered(note(digits=b"6"), note(5, read_us=2 * HOUR_US))
    assert (block.first_read_us, block.last_read_us) == (HOUR_US, 2 * HOUR_US)


def test_times_that_were_told_and_not_are_kept_apart() -> None:
    """A block's times are those of all its records, or none."""
    first, second = gathered(note(), replace(note(20), event_us=(5, 2)), replace(note(40), event_us=(1, 9)))
    assert (first.event_us, second.event_us, second.end) == (None, (1, 9), 60)


def test_a_block_is_finished_after_a_minute() -> None:
    """Then it is saved, though more may follow; a small one waits on."""
    gathering = Gathering(LIMITS)
    gathering.add([note(), replace(note(0, b"6"), place=replace(PLACE, token=b"u" * 16))], 0.0)
    gathering.ripen(59.0)
    assert gathering.take() == []
    gathering.ripen(60.0)
    assert [block.place for block in gathering.take()] == [PLACE]
    assert gathering


def test_blocks_in_memory_are_bounded() -> None:
    """The oldest are finished when there are too many, or too many lines in them."""
    places = [replace(PLACE, token=bytes([n]) * 16) for n in range(4)]
    for gathering in (Gathering(LIMITS, outputs_max=2), Gathering(LIMITS, lines_max=8)):
        gathering.add([replace(note(), place=place) for place in places], 0.0)
        assert [block.place for block in gathering.take()] == places[:2]


def test_what_is_too_small_is_in_no_row() -> None:
    """A row about a few lines would take more than one in a hundred of their bytes."""
    assert gathered(note(digits=b"6")) == []


def test_a_line_that_goes_on_has_the_worst_digit() -> None:
    """A line in pieces is one line, of the part in which it begins."""
    other = ORIGIN._replace(stream="f" * 16)
    block = begun(replace(note(digits=b"66"), whole=False), 0.0, LIMITS)
    block.add(replace(note(10, digits=b"36"), origin=other), LIMITS)
    assert bytes(block.digits) == b"636"
    assert [bytes(part.digits) for part in block.parts or []] == [b"63", b"6"]


def test_a_part_is_a_stretch_of_a_stream() -> None:
    """Streams that take turns have a part each, and a gap in a stream begins another."""
    other = ORIGIN._replace(host="web-2")
    turns = [(ORIGIN, 0), (other, 0), (ORIGIN, 20), (other, 20), (ORIGIN, 60)]
    [block] = gathered(
        *(replace(note(n * 20), origin=o, offset=at, offset_end=at + 20) for n, (o, at) in enumerate(turns))
    )
    assert [(part.origin, part.offset, part.end) for part in block.told_parts(LIMITS) or []] == [
        (ORIGIN, 0, 40),
        (other, 0, 40),
        (ORIGIN, 60, 80),
    ]


def test_too_many_parts_are_not_told() -> None:
    """They would take more room than they are worth: nothing is told then, rather than some of them."""
    block = begun(note(digits=b"6"), 0.0, LIMITS)
    for number in range(1, 12):
        block.add(replace(note(number * 5, b"6"), origin=ORIGIN._replace(host=f"other-{number}")), LIMITS)
        most = max(2, block.content_bytes // 10)
        assert (block.told_parts(LIMITS) is None) == (number + 1 > most)
