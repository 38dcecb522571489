"""Blocks of an output: what was written to it, neighbours merged. Pure: the caller has the clock.

A block ends where the next bytes are not its neighbours, after about `block_bytes` of content, after `block_s` seconds,
and where the hour (UTC) changes; but not before it has `least_bytes`, because a row about less would cost more than it
saves. What stays below that is in no row.
"""

from typing import Final, NamedTuple

from msgspec import Struct, field

from logbus.batch import Batch
from sinks.index.place import Place, Written

HOUR_US: Final = 3_600_000_000
MERGED_BYTES: Final = 32 << 10
"""A note of more content is not added to: a block has that at least."""


class Limits(Struct, frozen=True):
    """When a block ends; and how much content it has at least for each part that is told of it."""

    block_bytes: int = 1 << 20
    least_bytes: int = 32 << 10
    block_s: float = 60.0
    part_bytes: int = 16 << 10
    parts_min: int = 2


class Origin(NamedTuple):
    """Where records come from: a stream's id ("": unknown), and the host, label and path that it stated."""

    stream: str
    host: str
    label: str
    path: str


class Note(Struct):
    """Writes to an output, one behind the other: its bytes [begin, end), and what is known of them.

    `digits`: one for each line; `whole`: they end with a newline. [offset, offset_end): bytes of the stream. The times
    are in microseconds since 1970: of reading, and the event times of the first and last record, None if untold: either
    may be earlier. `hour`: when the first record happened, or was read, in hours since 1970.
    """

    place: Place
    begin: int
    end: int
    content_bytes: int
    digits: bytearray
    whole: bool
    origin: Origin
    offset: int
    offset_end: int
    hour: int
    first_read_us: int
    last_read_us: int
    event_us: tuple[int, int] | None

    def goes_on(self, batch: Batch, written: Written, data: bytes, digits: bytes, read_us: int) -> bool:
        """Add a write that goes on where this ends, in the output and in the stream; return False if it is none.

        One method, because it is called for each write.
        """
        times = batch.times
        if not (
            self.end == written.begin
            and self.offset_end == batch.offset
            and self.whole
            and self.content_bytes < MERGED_BYTES
            and (self.event_us is None) == (times is None)
            and self.hour == (times.first_us if times else read_us) // HOUR_US
            and self.origin == (batch.stream, batch.host, batch.label, batch.path)
            and self.place is written.place
        ):
            return False
        self.end, self.offset_end = written.end, batch.end
        self.content_bytes += len(data)
        self.digits += digits
        self.whole = data.endswith(b"\n")
        if read_us > self.last_read_us:
            self.last_read_us = read_us
        elif read_us < self.first_read_us:
            self.first_read_us = read_us
        if self.event_us and times:
            self.event_us = _both(self.event_us, (times.first_us, times.last_us))
        return True


class Part(Struct):
    """Bytes [offset, end) of one stream in a block, and the digits of the lines that begin in them."""

    origin: Origin
    offset: int
    end: int
    digits: bytearray


class Block(Struct):
    """Neighbouring writes. `parts` is None if they are too many to be told; `since_s`: when it was begun."""

    place: Place
    begin: int
    end: int
    since_s: float
    hour: int
    first_read_us: int
    last_read_us: int
    event_us: tuple[int, int] | None
    content_bytes: int = 0
    digits: bytearray = field(default_factory=bytearray)
    whole: bool = True
    parts: list[Part] | None = field(default_factory=list)
    _last_of: dict[Origin, Part] = field(default_factory=dict)
    _latest: Part | None = None

    def accepts(self, note: Note, now_s: float, limits: Limits) -> bool:
        """Return True if a write belongs to this block."""
        if note.begin != self.end or (note.event_us is None) != (self.event_us is None):
            return False
        if note.place is not self.place and note.place != self.place:  # the second takes longer
            return False
        if self.content_bytes < limits.least_bytes:
            return True
        return (
            self.content_bytes + note.content_bytes <= limits.block_bytes
            and now_s - self.since_s < limits.block_s
            and note.hour == self.hour
        )

    def add(self, note: Note, limits: Limits) -> None:
        """Add a write, which is the block's neighbour. The first one's digits become the block's."""
        digits = note.digits if self.whole else self._joined(note.digits)
        if self.digits:
            self.digits += digits
        else:
            self.digits = digits
        self._add_part(note, digits, limits.block_bytes // limits.part_bytes)
        self.end, self.whole = note.end, note.whole
        self.content_bytes += note.content_bytes
        self.first_read_us = min(self.first_read_us, note.first_read_us)
        self.last_read_us = max(self.last_read_us, note.last_read_us)
        if self.event_us and note.event_us:
            self.event_us = _both(self.event_us, note.event_us)

    def told_parts(self, limits: Limits) -> list[Part] | None:
        """Return the parts, None if they are many for the block's content."""
        most = max(limits.parts_min, self.content_bytes // limits.part_bytes)
        return self.parts if self.parts is not None and len(self.parts) <= most else None

    def _joined(self, digits: bytearray) -> bytearray:
        """Return the digits without the first, whose line began before: that has the worse of the two."""
        old, new = self.digits[-1], digits[0]
        if new < old:
            self.digits[-1] = new
            if self._latest:
                self._latest.digits[-1] = new
        return digits[1:]

    def _add_part(self, note: Note, digits: bytearray, most: int) -> None:
        if self.parts is None:
            return
        part = self._last_of.get(note.origin)
        if part and part.end == note.offset:
            part.end = note.offset_end
            part.digits += digits
        elif len(self.parts) < most:
            part = self._last_of[note.origin] = Part(note.origin, note.offset, note.offset_end, bytearray(digits))
            self.parts.append(part)
        else:
            self.parts = self._latest = None
            self._last_of.clear()
        if digits and self.parts:
            self._latest = part  # a later line goes on in the part where it begins


def _both(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Return the earliest and the latest of four times."""
    return min(*one, *other), max(*one, *other)


def begun(note: Note, now_s: float, limits: Limits) -> Block:
    """Return a block that begins with a write."""
    block = Block(
        *(note.place, note.begin, note.begin, now_s, note.hour, note.first_read_us, note.last_read_us, note.event_us),
    )
    block.add(note, limits)
    return block
