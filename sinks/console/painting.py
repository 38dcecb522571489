"""The text of a record on a terminal: wrapped to its width, with what is found and the fields in colours. Pure."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from logbus.config.patterns import compile_pattern
from sinks.console.colours import DIM, MARK, RESET
from sinks.console.columns import TAB, width_of_character

MARKS_MAX: Final = 100
"""More matches in one record are not marked."""
_WITHIN_A_CHARACTER: Final = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 behind the first of a character."""
ROOM_MIN: Final = 24
_NARROW_INDENT: Final = 4


class Space(NamedTuple):
    """Where text may stand: rows of `room` columns behind `indent`, the first one `below` the names or beside them.

    Without a terminal's width, `room` is None, and lines are not wrapped.
    """

    indent: int
    room: int | None = None
    below: bool = False


def space_of(begins_at: int, columns: int) -> Space:
    """Return where text may stand that begins at a column, on a terminal of so many columns, 0 if it is none."""
    if not columns:
        return Space(begins_at)
    if columns - begins_at >= ROOM_MIN:
        return Space(begins_at, columns - begins_at)
    return Space(_NARROW_INDENT, max(columns - _NARROW_INDENT, TAB), below=True)


class Painter:
    """Lays out the text of records; with `colour`, marks what matches `grep`, and shows fields dimly."""

    def __init__(self, *, colour: bool, grep: str = "") -> None:
        self._colour = colour
        self._pattern = compile_pattern(grep) if grep and colour else None

    def painted(self, text: bytes, fields_at: int, space: Space) -> bytes:
        """Return the rows of a text, whose fields begin at `fields_at`, at its end if it has none."""
        hits = self._hits(text)
        if hits or (self._colour and fields_at < len(text)):
            rows = _coloured(text, fields_at if self._colour else len(text), hits, space.room)
        elif _fits(text, space.room) and not space.below:
            return text
        else:
            rows = (row for line in text.split(b"\n") for row in _plain(line, space.room))
        begin = b"\n" + b" " * space.indent
        return (begin if space.below else b"") + begin.join(rows)

    def _hits(self, text: bytes) -> list[tuple[int, int]]:
        """Return where the pattern matches, in characters."""
        if not self._pattern:
            return []
        spans = [found.span() for found in islice(self._pattern.finditer(text), MARKS_MAX)]
        return _in_characters(text, [(begin, end) for begin, end in spans if begin < end])


def _fits(text: bytes, room: int | None) -> bool:
    """Return True if a text certainly fits in a row."""
    if room is None:
        return b"\n" not in text
    return len(text) <= room and text.isascii() and b"\t" not in text and b"\n" not in text


def _plain(line: bytes, room: int | None) -> Iterable[bytes]:
    """Return the rows of a line."""
    if room is None or _fits(line, room):
        return [line]
    text = line.decode()
    return [text[begin:end].encode() for begin, end in _wrapped(text, room)]


def _coloured(text: bytes, fields_at: int, hits: list[tuple[int, int]], room: int | None) -> Iterable[bytes]:
    characters = text.decode()
    parts = list(_parts(len(characters), len(text[:fields_at].decode()), hits))
    return map(str.encode, _painted_rows(characters, _rows(characters, room), parts))


def _in_characters(text: bytes, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if text.isascii():
        return spans
    at = count = 0
    places = []
    for place in (each for span in spans for each in span):
        count += len(text[at:place].translate(None, _WITHIN_A_CHARACTER))
        at = place
        places.append(count)
    return list(zip(places[::2], places[1::2], strict=True))


def _rows(text: str, room: int | None) -> Iterator[tuple[int, int]]:
    """Yield where each row begins and ends: a line, or as much of it as there is room for."""
    at = 0
    for line in text.split("\n"):
        for begin, end in _wrapped(line, room) if room else [(0, len(line))]:
            yield at + begin, at + end
        at += len(line) + 1


def _wrapped(line: str, room: int) -> Iterator[tuple[int, int]]:
    """Yield where the rows of a line begin and end, between words where one ends in the second half of a row."""
    at = 0
    while (end := at + _fitting(line[at : at + room], room)) < len(line):
        blank = line.rfind(" ", at + room // 2, end + 1)
        if blank > at:
            yield at, blank
            at = blank + 1
        else:
            yield at, end
            at = end
    yield at, len(line)


def _fitting(text: str, room: int) -> int:
    """Return how many characters of a text fit in a row."""
    if text.isascii() and "\t" not in text:
        return len(text)
    for number, character in enumerate(text):
        room -= width_of_character(character)
        if room < 0:
            return number
    return len(text)


def _parts(size: int, fields_at: int, hits: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """Yield the parts of a text, each with its colour, "" for the usual one."""
    at = 0
    for begin, end in [*hits, (size, size)]:
        if at < (stop := min(begin, fields_at)):
            yield at, stop, ""
        if (start := max(at, fields_at)) < begin:
            yield start, begin, DIM
        if begin < end:
            yield begin, end, MARK
        at = end


def _painted_rows(text: str, rows: Iterator[tuple[int, int]], parts: list[tuple[int, int, str]]) -> Iterator[str]:
    """Yield the text of each row, with the colours of its parts; no colour goes on in the next row."""
    number = 0
    for begin, end in rows:
        row = []
        while number < len(parts):
            start, stop, colour = parts[number]
            piece = text[max(start, begin) : min(stop, end)]
            row.append(f"{colour}{piece}{RESET}" if colour and piece else piece)
            if stop > end:
                break
            number += 1
        yield "".join(row)
