"""What was written, and is to be handed over. Neighbours of one stream are one note: a trickle makes few of them."""

import time
from typing import Final

from logbus.batch import Batch
from sinks.index.blocks import HOUR_US, Note, Origin
from sinks.index.place import Written

NOTES_MAX: Final = 20_000
"""A commit makes fewer; what comes on top is left out of the index."""
PLENTY: Final = 5_000
PLENTY_BYTES: Final = 1 << 20


class Notes:
    """Notes in the order of their first writes, which for each output is the order of all."""

    def __init__(self) -> None:
        self._several: list[Note] = []
        self._latest: dict[bytes, Note] = {}
        self._content_bytes = 0

    def add(self, batch: Batch, written: Written, data: bytes, digits: bytes) -> None:
        """Note `data` of a batch, which was written where `written` says, with the digit of each of its lines."""
        read_us = batch.read_at_us or time.time_ns() // 1000
        latest = self._latest.get(written.place.token)
        if latest is None or not latest.goes_on(batch, written, data, digits, read_us):
            self._begin(batch, written, data, digits, read_us)
        self._content_bytes += len(data)

    def _begin(self, batch: Batch, written: Written, data: bytes, digits: bytes, read_us: int) -> None:
        if len(self._several) >= NOTES_MAX:
            return
        event_us = (batch.times.first_us, batch.times.last_us) if batch.times else None
        origin = Origin(batch.stream, batch.host, batch.label, batch.path)
        where = written.place, written.begin, written.end
        told = len(data), bytearray(digits), data.endswith(b"\n")
        hour = (event_us[0] if event_us else read_us) // HOUR_US
        note = Note(*where, *told, origin, batch.offset, batch.end, hour, read_us, read_us, event_us)
        self._latest[written.place.token] = note
        self._several.append(note)

    def is_plenty(self) -> bool:
        """Return True if these are so many that they should not become more."""
        return self._content_bytes >= PLENTY_BYTES or len(self._several) >= PLENTY

    def clear(self) -> None:
        """Forget everything."""
        self.take()

    def take(self) -> list[Note]:
        """Return the notes, once."""
        taken, self._several = self._several, []
        self._latest.clear()
        self._content_bytes = 0
        return taken

    def take_of(self, token: bytes) -> list[Note]:
        """Return the notes of one output, once."""
        if self._latest.pop(token, None) is None:
            return []
        taken = [note for note in self._several if note.place.token == token]
        self._several = [note for note in self._several if note.place.token != token]
        return taken
