"""What was written since the last commit. Neighbours of one stream are one note: a trickle makes few of them."""

import time
from typing import Final

from logbus.batch import Batch
from sinks.index.blocks import HOUR_US, Note, Origin
from sinks.index.place import Written

NOTES_MAX: Final = 20_000
"""A sink's commit has fewer writes; what comes on top is left out of the index."""
MERGED_BYTES: Final = 32 << 10
"""A note of more content is not added to: a block has that at least."""


class Notes:
    """Notes in the order of their first writes, which for each output is the order of all."""

    def __init__(self) -> None:
        self._several: list[Note] = []
        self._latest: dict[bytes, Note] = {}

    def add(self, batch: Batch, written: Written, data: bytes, digits: bytes) -> None:
        """Note `data` of a batch, which was written where `written` says, with the digit of each of its lines."""
        read_us, times = batch.read_at_us or time.time_ns() // 1000, batch.times
        hour = (times.first_us if times else read_us) // HOUR_US
        latest = self._latest.get(written.place.token)
        if latest and hour == latest.hour and _goes_on(latest, batch, written):
            latest.extend(written, data, digits, batch.end, read_us)
            if times:
                latest.reach((times.first_us, times.last_us))
        elif len(self._several) < NOTES_MAX:
            self._begin(batch, written, data, digits, (hour, read_us, read_us))

    def _begin(self, batch: Batch, written: Written, data: bytes, digits: bytes, at: tuple[int, int, int]) -> None:
        event_us = (batch.times.first_us, batch.times.last_us) if batch.times else None
        origin = Origin(batch.stream, batch.host, batch.label, batch.path)
        where = written.place, written.begin, written.end
        told = len(data), bytearray(digits), data.endswith(b"\n")
        note = Note(*where, *told, origin, batch.offset, batch.end, *at, event_us)
        self._latest[written.place.token] = note
        self._several.append(note)

    def clear(self) -> None:
        """Forget everything."""
        self._several.clear()
        self._latest.clear()

    def take(self) -> list[Note]:
        """Return the notes, once."""
        taken, self._several = self._several, []
        self._latest.clear()
        return taken


def _goes_on(note: Note, batch: Batch, written: Written) -> bool:
    """Return True if a batch goes on where a note ends, and as much is told of both."""
    return (
        note.end == written.begin
        and note.offset_end == batch.offset
        and note.whole
        and note.content_bytes < MERGED_BYTES
        and (note.event_us is None) == (batch.times is None)
        and note.origin == (batch.stream, batch.host, batch.label, batch.path)
        and note.place is written.place
    )
