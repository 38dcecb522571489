"""Encodings and newlines of inputs, as far as the shipper needs them: where lines end, and their text in UTF-8.

In nearly every encoding the byte LF ends a line and means nothing else: UTF-8, Latin-1, EUC, Shift-JIS, ... Such text
is handled as bytes and published unchanged. UTF-16 is decoded: its characters are units of two bytes at even offsets,
newlines included. A byte order mark at the beginning of a file is removed; a lone surrogate becomes three bytes, as if
UTF-8 allowed it, so that nothing is lost; half a unit, where a file ends within one, becomes a question mark. So
incomplete text is never longer than the same text once it is complete.

Where another byte than LF ends lines, the two are swapped: every byte stays at its offset, and LF ends a line, as
everywhere else. An LF within such a line becomes an LF again once the record is complete (`Encoding.newline`).
"""

import io
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from logbus.wire.lengths import Lengths

Name = Literal["", "utf-16le", "utf-16be"]
Newline = Literal["lf", "cr", "nul"]

MARK_BYTES: Final = 4
"""As many of the first bytes show the byte order mark, and that it is not UTF-32's."""

_MARK: Final = "\ufeff"
_HALF: Final = "?"


class Text(Struct, frozen=True):
    """Bytes of a file decoded to UTF-8, `body`. Its lines end at `ends`, and those of the file at `file_ends`."""

    body: bytes
    ends: list[int]
    file_ends: list[int]

    def file_at(self, end: int) -> int:
        """Return how many of the file's bytes make body[:end]; within a line, counted back from the line's end."""
        if not end:
            return 0
        line = bisect_left(self.ends, end)
        return max(self.file_ends[line] - (self.ends[line] - end), self.file_ends[line - 1] if line else 0)

    def lengths(self, of_records: Lengths | None) -> Lengths:
        """Convert each record's (bytes, bytes of `body`) to (bytes, bytes of the file); None: one record per line."""
        if of_records is None:
            sizes = _between([0, *self.ends])
            of_records = Lengths(sizes, sizes)
        ends = map(self.file_at, accumulate(of_records.sources, initial=0))
        return Lengths(of_records.sizes, _between(ends))


class Encoding(Struct, frozen=True):
    """An encoding: `newline`, one unit long, ends lines. `codec`: Python's name; "" for text handled as bytes.

    `longest`: the most bytes of a character. `at` is the offset in the file of the first byte of `data`: units begin
    at multiples of their length.
    """

    codec: str
    newline: bytes
    longest: int

    @property
    def decodes(self) -> bool:
        """Whether text is decoded before it is published."""
        return bool(self.codec)

    @property
    def swaps(self) -> bool:
        """Whether lines end with another byte than LF."""
        return self.newline in _SWAPS

    @property
    def has_space(self) -> bool:
        """Whether NULs at the end of a file are space, and no content."""
        return self.newline != b"\0"

    def swapped(self, data: bytes) -> bytes:
        """Return `data` with newline and LF in each other's place; unchanged if LF, or two bytes, end lines."""
        return data.translate(_SWAPS[self.newline]) if self.swaps else data

    @property
    def unit(self) -> int:
        """The size of a unit in bytes."""
        return len(self.newline)

    def behind_first(self, data: bytes, start: int = 0, at: int = 0) -> int:
        """Return where the first line of data[start:] ends; 0 if none does."""
        found = data.find(self.newline, start)
        while found >= 0 and (at + found) % self.unit:
            found = data.find(self.newline, found + 1)
        return found + self.unit if found >= 0 else 0

    def behind_last(self, data: bytes, start: int, end: int, at: int = 0) -> int:
        """Return the end of the last line that ends in data[start:end]; 0 if there is none."""
        found = data.rfind(self.newline, start, end)
        while found >= 0 and (at + found) % self.unit:
            found = data.rfind(self.newline, start, found + self.unit - 1)
        return found + self.unit if found >= 0 else 0

    def whole(self, data: bytes, at: int = 0) -> bytes:
        """Return `data` without an incomplete character at its end, unless there is nothing else."""
        end = len(data) - (at + len(data)) % self.unit
        if self.decodes and end >= self.unit and "\ud800" <= self._text(data[end - self.unit : end]) < "\udc00":
            end -= self.unit
        return data[:end] if end > 0 else data

    def decode(self, data: bytes, at: int = 0) -> Text:
        """Return `data` decoded to UTF-8, for encodings with a codec."""
        first = min(at % self.unit, len(data))  # the second half of a unit
        last = max(first, len(data) - (at + len(data)) % self.unit)
        text = _HALF * first + self._text(data[first:last]) + _HALF * (len(data) - last)
        lines = list(io.StringIO(text, newline="\n"))
        ends = accumulate(len(line.encode(self.codec, "surrogatepass")) for line in lines)
        file_ends = [min(end - first, len(data)) for end in ends]
        if not at and lines and lines[0] != _MARK:
            lines[0] = lines[0].removeprefix(_MARK)
        parts = [line.encode("utf-8", "surrogatepass") for line in lines]
        return Text(b"".join(parts), list(accumulate(map(len, parts))), file_ends)

    def decode_unfinished(self, data: bytes, at: int = 0) -> Text:
        """Decode `data` where more may follow: an unfinished last line is no longer than it will be when complete."""
        text = self.decode(self.whole(data, at), at)
        return replace(text, body=text.body.removesuffix(_MARK.encode()))

    def _text(self, data: bytes) -> str:
        return data.decode(self.codec, "surrogatepass")


def _between(places: Iterable[int]) -> list[int]:
    return [end - start for start, end in pairwise(places)]


BYTES: Final = Encoding("", b"\n", 1)
_NEWLINES: Final = {"lf": BYTES, "cr": Encoding("", b"\r", 1), "nul": Encoding("", b"\0", 1)}
_SWAPS: Final = {each: bytes.maketrans(each + b"\n", b"\n" + each) for each in (b"\r", b"\0")}
_ENCODINGS: Final = {
    "": BYTES,
    "utf-16le": Encoding("utf-16-le", b"\n\0", 4),
    "utf-16be": Encoding("utf-16-be", b"\0\n", 4),
}


def marked_encoding(head: bytes) -> Name:
    """Return the encoding that the byte order mark at the beginning of a file names; "" without one of UTF-16."""
    if head.startswith(b"\xff\xfe") and head[2:4] != b"\0\0":  # with NULs, it is UTF-32's
        return "utf-16le"
    return "utf-16be" if head.startswith(b"\xfe\xff") else ""


def encoding_of(name: Name, newline: Newline = "lf") -> Encoding:
    """Return the encoding that settings name; `newline` counts for text handled as bytes."""
    return _ENCODINGS[name] if name else _NEWLINES[newline]
