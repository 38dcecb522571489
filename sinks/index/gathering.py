"""The blocks that are not finished: one for each output, the oldest first. Bounded, whatever is written."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from sinks.index.blocks import Block, Limits, Note, begun

OUTPUTS_MAX: Final = 10_000
LINES_MAX: Final = 16 << 20
"""Digits of so many lines are kept in memory, of all blocks together."""


class Gathering:
    """Makes blocks of writes. What is finished waits to be taken; what is too small is left out."""

    def __init__(self, limits: Limits, outputs_max: int = OUTPUTS_MAX, lines_max: int = LINES_MAX) -> None:
        self._limits = limits
        self._outputs_max = outputs_max
        self._lines_max = lines_max
        self._open: OrderedDict[bytes, Block] = OrderedDict()
        self._lines = 0
        self._finished: list[Block] = []

    def __bool__(self) -> bool:
        return bool(self._open or self._finished)

    def add(self, notes: Iterable[Note], now_s: float) -> None:
        """Add what was written, in order."""
        for note in notes:
            block = self._open.get(note.place.token)
            if block and not block.accepts(note, now_s, self._limits):
                self.finish(note.place.token)
                block = None
            if block:
                block.add(note, self._limits)
            else:
                self._open[note.place.token] = begun(note, now_s, self._limits)
            self._lines += len(note.digits)
        while len(self._open) > self._outputs_max or (self._open and self._lines > self._lines_max):
            self.finish(next(iter(self._open)))

    def finish(self, token: bytes) -> None:
        """Finish the block of an output, if there is one; too small a block is left out."""
        block = self._open.pop(token, None)
        if not block:
            return
        self._lines = self._lines - len(block.digits) if self._open else 0
        if block.content_bytes >= self._limits.least_bytes:
            self._finished.append(block)

    def ripen(self, now_s: float) -> None:
        """Finish the blocks that are old and large enough."""
        old = now_s - self._limits.block_s
        ripe = [
            token
            for token, block in self._open.items()
            if block.since_s <= old and block.content_bytes >= self._limits.least_bytes
        ]
        for token in ripe:
            self.finish(token)

    def finish_all(self) -> None:
        """Finish every block."""
        for token in list(self._open):
            self.finish(token)

    def forget(self, token: bytes) -> None:
        """Forget what is known of an output."""
        self._open.pop(token, None)
        self._finished = [block for block in self._finished if block.place.token != token]

    def take(self) -> list[Block]:
        """Return the finished blocks, once."""
        taken, self._finished = self._finished, []
        return taken
