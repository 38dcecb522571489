"""What the index is told of a write: the digits of its lines. Pure."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat

from logbus.batch import Batch, levels_of
from logbus.wire.batch import count_lines
from sinks.file.settings import Format
from sinks.index import digits

_DIGITS: dict[Format, Callable[[Batch], bytes]] = {
    "prefix": partial(digits.of_lines, closed=True),
    "json": levels_of,
}
"""The digits of the lines that each other format than "raw" makes of a batch."""


def unnoted(pieces: Iterable[bytes], _batch: Batch) -> Iterator[tuple[bytes, bytes]]:
    """Yield pieces of output without the digits of their lines."""
    return zip(pieces, repeat(b""))


def noted(form: Format) -> Callable[[Iterable[bytes], Batch], Iterator[tuple[bytes, bytes]]]:
    """Return what yields the pieces that a format makes of a batch, each with the digits of its lines."""
    if form == "raw":
        return _in_one_piece
    digits_of = _DIGITS[form]
    return lambda pieces, batch: _in_pieces(pieces, digits_of(batch))


def _in_one_piece(pieces: Iterable[bytes], batch: Batch) -> Iterator[tuple[bytes, bytes]]:
    levels = batch.levels if batch.lengths is None else digits.of_lines(batch)  # nothing is called for most batches
    return zip(pieces, repeat(levels))


def _in_pieces(pieces: Iterable[bytes], found: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield pieces of output, each with the digits of its lines, of which `found` are those of all."""
    at = 0
    for piece in pieces:
        lines = count_lines(piece)
        yield piece, found[at : at + lines]
        at += lines
