"""The results of a recorder, for those who read a file: where records end, and what a batch carries. Pure."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from logbus.traces import NOTHING, Before
from logbus.wire.lengths import Lengths
from logbus.wire.times import Times
from shipper.records.encoding import Encoding


class Bounds(NamedTuple):
    """Consecutive records: their sizes in bytes, decoded, and their lines. The last `open` ones may change.

    `wrapped`: a container runtime may have wrapped some of the lines.
    """

    sizes: Sequence[int]
    lines: Sequence[int]
    open: int = 0
    wrapped: bool = True


class Cut(Struct, frozen=True):
    """Complete records end at `end`. `bounds` are their bounds in the decoded text, None if each is a line.

    `forced`: judging by its bytes, the last one might have continued. `more`: further records are left to the next
    slice, because this one is full. `body`: the complete records, if they had to be taken out, with their `marks`.
    """

    end: int
    bounds: Bounds | None = None
    forced: bool = False
    more: bool = False
    body: bytes | None = None
    marks: bytes | None = None


class Finished(Struct, frozen=True):
    """The payload of a batch: body, levels, lengths. `after`: what the next line may continue."""

    body: bytes
    levels: bytes
    lengths: Lengths | None = None
    after: Before = NOTHING


class Records(Protocol):
    """Turns a file's bytes into records: `recorder.Recorder`."""

    @property
    def encoding(self) -> Encoding:
        """The encoding of the file."""

    @property
    def joins(self) -> bool:
        """Whether a record may be several lines."""

    @property
    def rewrites(self) -> bool:
        """Whether the published bytes may differ from the file's."""

    @property
    def reworks(self) -> bool:
        """Whether records are usually joined or changed."""

    @property
    def flush_s(self) -> float:
        """How long the last record waits for lines that belong to it."""

    @property
    def max_record_bytes(self) -> int:
        """The largest size of a record."""

    def cut(self, data: bytes, start: int = 0, *, flush: bool = False, final: bool = False, at: int = 0) -> Cut:
        """Return where the complete records of data[start:] end."""

    def begins(self, line: bytes) -> bool:
        """Return True if a line begins a record, whatever is before it."""

    def look_back(self, data: bytes, at: int) -> Before:
        """Return what the next line may continue, by the `data` before it, which begins at an offset."""

    def times(self, found: Finished, read_at_us: int, before: Before) -> Times | None:
        """Return how the records' times are read, and those of the first and the last."""

    def finish(  # noqa: PLR0913, PLR0917 - what was found of a slice
        self,
        body: bytes,
        bounds: Bounds | None,
        now: float,
        at: int = 0,
        before: Before = NOTHING,
        marks: bytes | None = None,
    ) -> Finished:
        """Return what a batch carries of a slice with these bounds."""
