"""Severities of a container's records, by the texts in them. Pure.

A record has the severity of the first of its texts that states one, as if no runtime had wrapped them. Where a text of
the other stream stands between the pieces of one, the more severe of the two streams counts.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from logbus.severity import PIECE, SILENT_ERR, UNSTATED, Severity, stated_inside
from shipper.records.container_runs import Lines, first_text, texts_of

_ERR: Final = b"%d" % Severity.ERR
_ORDER: Final = b"01234567" + SILENT_ERR + UNSTATED
"""Marks, the most severe first, those of texts that state nothing last."""


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
    found = bytearray(map(marks.__getitem__, starts[:-1]))
    streams = bytes(map(lines.letters.__getitem__, starts[:-1])).lower()
    several = [
        number for number, mark in enumerate(found) if mark == ord(PIECE) or starts[number + 1] > starts[number] + 1
    ]
    if not several:
        return Texts(bytes(found), lines.texts, streams)
    texts = [(number, *each) for number in several for each in texts_of(lines, starts[number], starts[number + 1])]
    inside = stated_inside(b"".join(b"o" + text for _, _, text in texts))
    pairs = zip(texts, inside, strict=True)
    for number, some in groupby(pairs, key=lambda each: each[0][0]):
        found[number] = _mark([(stream, text, digit) for (_, stream, text), digit in some])
    firsts = [first_text(lines, *pair) for pair in zip(starts[:-1], starts[1:], strict=True)]
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
