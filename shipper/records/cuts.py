"""Where records end and what becomes of them, as a recorder tells whoever reads a entry. Pure."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shipper.records.encoding import Encoding


class Bounds(NamedTuple):
    """Records, one after the other: their bytes, as decoded, and their lines. The last may go on if `open`."""

    sizes: list[int]
    lines: list[int]
    open: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """Complete records end at `end`. `bounds` are theirs in the decoded text, None if each is a line.

    `forced`: the last one might have gone on, as far as its bytes tell. `more`: others are left to the next slice,
    because one holds only so many.
    """

    end: int
    bounds: Bounds | None = None
    forced: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """What a batch carries: body, levels, lengths."""

    body: bytes
    levels: bytes
    lengths: tuple[tuple[int, int], ...] | None = None


class Records(Protocol):
    """What makes records of a file's bytes: `recorder.Recorder`."""

    @property
    def encoding(self) -> Encoding:
        """How the file's text is written."""

    @property
    def joins(self) -> bool:
        """Whether a record may be several lines."""

    @property
    def rewrites(self) -> bool:
        """Whether what is published may not be what the file holds."""

    @property
    def flush_s(self) -> float:
        """How long the last record waits for lines that belong to it."""

    @property
    def max_record_bytes(self) -> int:
        """How large a record may be."""

    def cut(self, data: bytes, start: int = 0, *, flush: bool = False, final: bool = False, at: int = 0) -> Cut:
        """Return how far the complete records of data[start:] go."""

    def finish(self, body: bytes, bounds: Bounds | None, now: float, at: int = 0) -> Finished:
        """Return what a batch carries of a slice that was cut so."""
