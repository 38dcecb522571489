"""Compares the rows of an output with its bytes. What is missing is no flaw, and is counted."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from logbus.errors import WireError
from logbus.eventtime import zone_told
from sinks.index.digits import counts_of
from sinks.index.packing import unpacked
from sinks.search.files.reading import Content
from sinks.settling.borders import Walk
from sinks.settling.opened import Heard, Opened, walk_of
from sinks.settling.published import DIGITS_MAX_BYTES
from sinks.settling.settling import rows_of
from sinks.settling.store import Store, Stored, values_of

_COMPARED: Final = (
    *("begin", "end", "content_bytes", "lines", "first_event_us", "last_event_us", "counts"),
    *("content_begin", "first_line", "before_us", "hours"),
)


class Checked(Struct, frozen=True):
    """What is wrong with the rows of an output; and how many bytes of its content have no row, of how many."""

    flaws: tuple[str, ...]
    missing_bytes: int
    content_bytes: int


def check(store: Store, opened: Opened, layout: str, heard: Heard) -> Checked:
    """Read an output, and compare it with its rows. Raises SourceError, OSError and sqlite3.Error."""
    rows = store.stored(opened)
    told, content_bytes = _measured(opened, rows, heard)
    flaws = [flaw for row, lines in zip(rows, told, strict=True) for flaw in _flaws(row, lines)]
    flaws += [
        f"rows at byte {after.begin} overlap" for before, after in itertools.pairwise(rows) if after.begin < before.end
    ]
    zone = store.zone_if_settled(opened)
    if zone is not None and not flaws:
        exact = {row.begin: row for row in rows if row.settled}
        flaws += _inexact(exact, rows_of(opened, store.old(opened), layout, zone_told(zone), heard))
    known_bytes = sum(row.content_bytes for row in rows)
    return Checked(tuple(flaws), max(0, content_bytes - known_bytes), content_bytes)


def _flaws(row: Stored, found: tuple[int, int] | None) -> Iterator[str]:
    """Yield what is wrong with a row, of which the file has `found` bytes of content and lines."""
    at = f"the row at byte {row.begin}"
    if found is None:
        yield f"{at} begins or ends within a frame"
        return
    if found[0] != row.content_bytes:
        yield f"{at} tells of {row.content_bytes} bytes of content, and there are {found[0]}"
    if found[1] != row.lines:
        yield f"{at} tells of {row.lines} lines, and there are {found[1]}"
    try:
        digits = unpacked(row.digits, DIGITS_MAX_BYTES)
    except WireError:
        digits = b""
    if len(digits) != row.lines or counts_of(digits) != msgspec.msgpack.decode(row.counts):
        yield f"{at} has severities of {len(digits)} lines, which do not fit its counts"


def _inexact(rows: dict[int, Stored], exact: Iterator[Any]) -> Iterator[str]:
    """Yield what is wrong with settled rows, by those that were made anew."""
    for row in map(values_of, exact):
        stored = rows.pop(row.begin, None)
        if stored is None:
            yield f"no settled row begins at byte {row.begin}"
            continue
        wrong = [name for name in _COMPARED if getattr(stored, name) != getattr(row, name)]
        if wrong:
            yield f"the row at byte {row.begin} is wrong in {', '.join(wrong)}"
    yield from (f"a settled row begins at byte {begin}, where no record does" for begin in rows)


def _measured(
    opened: Opened, rows: Sequence[Stored], heard: Callable[[int], None]
) -> tuple[list[tuple[int, int] | None], int]:
    """Return for each row how many bytes and lines of content it has; and how much content the output has."""
    places = _places(rows, walk_of(opened))
    count = _Lines(sorted({place for pair in places if pair for place in pair}))
    for piece in Content(opened.fd, heard, ((0, opened.limit),)).pieces():
        count.add(piece)
    count.add_end()
    return [None if pair is None else count.between(*pair) for pair in places], count.at


def _places(rows: Sequence[Stored], walk: Walk) -> list[tuple[int, int] | None]:
    """Return where each row begins and ends in the content; None if one of both is no border."""
    content = {at: walk.content_of(at) for at in sorted({at for row in rows for at in (row.begin, row.end)})}
    pairs = ((content[row.begin], content[row.end]) for row in rows)
    return [None if begin is None or end is None else (begin, end) for begin, end in pairs]


class _Lines:
    """Counts newlines up to places in a content, which are in order."""

    def __init__(self, places: Sequence[int]) -> None:
        self.at = 0
        self._waiting = list(reversed(places))
        self._newlines = 0
        self._last = b"\n"
        self._told: dict[int, tuple[int, bool]] = {}

    def add(self, piece: bytes) -> None:
        """Go on behind a piece."""
        done = 0
        while self._waiting and self._waiting[-1] <= self.at + len(piece):
            place = self._waiting.pop()
            size = place - self.at
            self._newlines += piece.count(b"\n", done, size)
            done = max(done, size)
            last = piece[size - 1 : size] if size > 0 else self._last
            self._told[place] = self._newlines, last == b"\n"
        self._newlines += piece.count(b"\n", done)
        self._last = piece[-1:] or self._last
        self.at += len(piece)

    def add_end(self) -> None:
        """Count all places behind the end as the end."""
        while self._waiting:
            self._told[self._waiting.pop()] = self._newlines, self._last == b"\n"

    def between(self, begin: int, end: int) -> tuple[int, int]:
        """Return the bytes and the lines between two places."""
        lines = self._told[end][0] - self._told[begin][0] + (not self._told[end][1])
        return max(0, min(end, self.at) - begin), lines if end > begin else 0
