"""A container's lines, unwrapped: which of them are one text, and which texts stand in the way of each other. Pure.

Theory of operation. Each line has a letter: `o` or `e` for its stream, in capitals for a piece of a text that continues
in the next line of the stream, `s` for a line that no runtime wrapped. A *unit* is a run of lines without an open piece
before or behind it: one line, or the pieces of a text with what the other stream wrote in between. A line that is not
wrapped ends a unit, as its last line. A unit that reaches the limits ends, and whatever follows begins a new one. So
units depend only on the bytes since the end of any earlier one.

A record has the severity of the first of its texts that states one, as if no runtime had wrapped them. Where a text of
the other stream stands between the pieces of one, the more severe of the two streams counts.
"""

import functools
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from logbus.native import newlines
from logbus.severity import PIECE, SILENT_ERR, UNSTATED, Severity, container_lines, stated_inside
from logbus.traces import line_kinds

NO_STREAM: Final = b"s"
_OF_CRI: Final = frozenset(b"oeOE")
_OPEN: Final = re.compile(b"[OE]")
_ERR: Final = b"%d" % Severity.ERR
_ORDER: Final = b"01234567" + SILENT_ERR + UNSTATED
"""Marks, the most severe first, those of texts that state nothing last."""


class Lines(NamedTuple):
    """The letter of each line, and what it holds, with its newline."""

    letters: bytes
    texts: list[bytes]


class Units(NamedTuple):
    """The line behind each unit, after the first line; `open` if the last one needs more lines."""

    starts: list[int]
    open: bool


@functools.cache
def _looks() -> Callable[[bytes], bytes]:
    return line_kinds(container_lines.LINES)


def lines_of(body: bytes) -> Lines | None:
    """Return the lines of a body, unwrapped; None if none is wrapped."""
    if not container_lines.may_be_in(body):
        return None
    looks = _looks()(body)
    kinds = set(looks)
    if kinds <= {ord(NO_STREAM)}:
        return None
    if kinds == {ord("d")} and (texts := container_lines.texts(body)):
        some = list(io.BytesIO(texts))
        return Lines(b"".join([each[:1] for each in some]), [each[1:] for each in some])
    if not body.endswith(b"\n"):
        body += b"\n"
    if kinds <= _OF_CRI:
        return Lines(looks, [line.split(b" ", 3)[3] for line in io.BytesIO(body)])
    letters, lines = bytearray(), []
    for line, look in zip(io.BytesIO(body), looks, strict=True):
        found = container_lines.unwrapped(line) if look != ord(NO_STREAM) else None
        letters += found.stream if found else NO_STREAM
        lines.append(found.text + b"\n" if found else line)
    return Lines(bytes(letters), lines) if letters.strip(NO_STREAM) else None


def units_of(letters: bytes, ends: list[int], max_lines: int, max_bytes: int, rest_bytes: int = 0) -> Units:
    """Return the units of lines, which begin with one. `ends`: the byte behind each line, after the first byte.

    `rest_bytes`: how much of an unfinished line follows.
    """
    starts, at, count = [0], 0, len(letters)
    while at < count:
        opening = _OPEN.search(letters, at)
        first = opening.start() if opening else count
        starts.extend(range(at + 1, first + 1))
        if not opening:
            break
        at = _unit_end(letters, ends, first, max_lines, max_bytes)
        if not at:
            over = count - first >= max_lines or ends[count] - ends[first] + rest_bytes > max_bytes
            return Units([*starts, count], not over)
        starts.append(at)
    return Units(starts, open=False)


def _unit_end(letters: bytes, ends: list[int], first: int, max_lines: int, max_bytes: int) -> int:
    """Return the line behind the unit that begins with the line `first`; 0 if it goes on behind the last line."""
    is_open = {ord("o"): False, ord("e"): False}
    for line in range(first, len(letters)):
        if line > first and (line - first >= max_lines or ends[line + 1] - ends[first] > max_bytes):
            return line
        letter = letters[line]
        if letter == ord(NO_STREAM):
            return line + 1
        is_open[letter | 0x20] = letter < ord("a")
        if not any(is_open.values()):
            return line + 1
    return 0


def texts_of(lines: Lines, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the stream and each text of the lines from `start` to `end`, in the order in which they begin."""
    texts: list[tuple[bytes, list[bytes]]] = []
    unfinished: dict[bytes, list[bytes]] = {}
    for number in range(start, end):
        letter = lines.letters[number : number + 1]
        stream = letter.lower()
        pieces = unfinished.pop(stream, None)
        if pieces is None:
            pieces = []
            texts.append((stream, pieces))
        pieces.append(lines.texts[number])
        if letter != stream:
            unfinished[stream] = pieces
    for stream, pieces in texts:
        yield stream, b"".join([*(each[:-1] for each in pieces[:-1]), pieces[-1]])


def first_text(lines: Lines, start: int, end: int) -> bytes:
    """Return the text that begins first in the lines from `start` to `end`."""
    return lines.texts[start] if end == start + 1 else next(texts_of(lines, start, end))[1]


def ends_of(body: bytes) -> list[int]:
    """Return the byte behind each line, after the first byte."""
    return list(accumulate(newlines.sizes(body), initial=0))


class Texts(NamedTuple):
    """Of each record: its mark (a digit, or a letter if it states nothing), its first text and that one's stream."""

    marks: bytes
    firsts: list[bytes]
    streams: bytes

    def begun(self, kinds: bytes, stated: bytes) -> bytes:
        """Return `kinds` with `S` for each record of another stream than the one before it, if it states nothing."""
        if not self.streams.strip(self.streams[:1]):
            return kinds
        found = bytearray(kinds)
        for number in range(1, len(found)):
            if stated[number] == ord(UNSTATED) and self.streams[number] != self.streams[number - 1]:
                found[number] = ord("S")
        return bytes(found)


def of_texts(lines: Lines, starts: Sequence[int], marks: bytes) -> Texts:
    """Return the texts of records that begin with the lines `starts`; the last one is behind the last line.

    `marks`: of each line.
    """
    if len(starts) == len(marks) + 1 and PIECE not in marks:
        return Texts(marks, lines.texts, lines.letters.lower())
    found = bytearray(map(marks.__getitem__, starts[:-1]))
    streams = bytes(map(lines.letters.__getitem__, starts[:-1])).lower()
    several = [
        number for number, mark in enumerate(found) if mark == ord(PIECE) or starts[number + 1] > starts[number] + 1
    ]
    texts = [(number, *each) for number in several for each in texts_of(lines, starts[number], starts[number + 1])]
    inside = stated_inside(b"".join(b"o" + text for _, _, text in texts))
    pairs = zip(texts, inside, strict=True)
    for number, some in groupby(pairs, key=lambda each: each[0][0]):
        found[number] = _mark([(stream, text, digit) for (_, stream, text), digit in some])
    firsts = [first_text(lines, *pair) for pair in pairwise(starts)]
    return Texts(bytes(found), firsts, streams)


def _mark(texts: list[tuple[bytes, bytes, int]]) -> int:
    """Return the mark of a record of these streams, texts and digits."""
    streams = groupby(sorted(texts, key=itemgetter(0)), key=itemgetter(0))
    return min((_of_stream(stream, list(some)) for stream, some in streams), key=_ORDER.index)


def _of_stream(stream: bytes, texts: list[tuple[bytes, bytes, int]]) -> int:
    """Return the mark of the texts of one stream: the first that is stated, also by an object of several lines."""
    digit = next((digit for _, _, digit in texts if digit != ord(UNSTATED)), ord(UNSTATED))
    if digit == ord(UNSTATED) and len(texts) > 1 and texts[0][1].startswith(b"{"):
        whole = b" ".join(text.rstrip(b"\r\n") for _, text, _ in texts)
        digit = stated_inside(b"o" + whole.replace(b"\r", b" ") + b"\n")[0]
    return ord(SILENT_ERR) if digit == ord(UNSTATED) and stream == b"e" else digit


def merged(digits: bytes, marks: bytes) -> bytes:
    """Return `digits`, but that of errors for what stderr has that neither states nor inherits a severity."""
    if SILENT_ERR not in marks:
        return digits
    return bytes(
        ord(_ERR) if mark == ord(SILENT_ERR) and digit == ord(UNSTATED) else digit
        for digit, mark in zip(digits, marks, strict=True)
    )
