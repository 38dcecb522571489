"""Severities of many lines at once, with Hyperscan if it is installed.

Most lines of most files are of one kind: a time stamp, then `INFO `. Hyperscan searches only for the *other* lines:
each pattern below matches a line once, as soon as the line proves not to be of that kind. What a match says about its
line is exactly what `formats.frequent_pattern` says, and lines that neither recognises are read one by one, so the
result is the same as without Hyperscan; a property test checks that.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from logbus import newlines
from logbus.severity.formats import STAMP_CHARACTERS

if TYPE_CHECKING:
    import hyperscan

LEAST_BYTES: Final = 64 * 1024
SAMPLE_BYTES: Final = 8 * 1024
LINE_BYTES: Final = 100
"""The assumed length of a line, where an estimate of the number of lines is enough."""
USUAL: Final = b"6"
"""The level of a line without a match: info."""
_AT_WORD: Final = 0
"""The pattern whose match ends with the first byte after a whole stamp."""
_MOST_OTHERS: Final = 16
"""One line in this many may be read alone; with more, reading all lines by pattern is as fast."""

Read = Callable[[bytes], bytes]


class _Words(dict[bytes, int]):
    """The level stated by the six bytes after a stamp, as an ASCII digit; 0: the line has to be read."""

    def __missing__(self, word: bytes) -> int:
        if not word.startswith(b"WARN "):
            return 0
        self[word] = ord("4")  # 256 words at most
        return self[word]


_DIGITS: Final = _Words({b"ERROR ": ord("3"), b"DEBUG ": ord("7")})


def usual(sample: bytes, lines: int) -> bool:
    """Return True if a body is probably worth scanning; its first `lines` lines state `sample`."""
    return sample.count(USUAL) * 4 >= lines * 3


def stated(body: bytes, read: Read) -> bytes | None:
    """Return the digit of each line of `body`, by `read` for unusual lines; None without Hyperscan or if too many are.

    `body` ends with a newline.
    """
    scanner = _scanner()
    if scanner is None:
        return None
    kinds = bytearray()
    places: list[int] = []

    def note(kind: int, _start: int, end: int, _flags: int, _context: object) -> None:
        kinds.append(kind)
        places.append(end - 1)

    scanner.scan(body, match_event_handler=note)
    if (len(kinds) - kinds.count(_AT_WORD)) * _MOST_OTHERS * LINE_BYTES > len(body):
        return None
    return _digits(body, kinds, places, read)


def _digits(body: bytes, kinds: bytearray, places: list[int], read: Read) -> bytes:
    """Return the digits; a match is its pattern's number and a place in its line, at most the newline."""
    lines = newlines.before(body, places)
    digits = bytearray(USUAL * lines.pop())
    words = [body[place : place + 6] for place in places]
    for line, kind, word in zip(lines, kinds, words, strict=True):
        digits[line] = _DIGITS[word] if kind == _AT_WORD else 0
    if 0 in digits:
        for line, place in zip(lines, places, strict=True):
            digits[line] = digits[line] or read(_line_at(body, place))[0]
    return bytes(digits)


def _line_at(body: bytes, place: int) -> bytes:
    return body[body.rfind(b"\n", 0, place) + 1 : body.find(b"\n", place) + 1]


@functools.cache
def _scanner() -> "hyperscan.Database | None":
    try:
        import hyperscan  # noqa: PLC0415 - optional, and only worth loading for a backlog
    except ImportError:
        return None
    patterns = _patterns()
    database = hyperscan.Database()
    flags = [hyperscan.HS_FLAG_MULTILINE] * len(patterns)
    database.compile(expressions=patterns, ids=list(range(len(patterns))), elements=len(patterns), flags=flags)
    return database


def _patterns() -> list[bytes]:
    """Return the patterns of unusual lines: the stamp is not a stamp, or `INFO ` does not follow it.

    A match ends with the first byte that proves this; a newline does too.
    """
    stamp = rb"^[0-9][%b]{7,}" % STAMP_CHARACTERS
    return [
        stamp + rb"[^%bI]" % STAMP_CHARACTERS,
        stamp + rb"(?:I[^N]|IN[^F]|INF[^O]|INFO[^ ])",
        rb"^[^0-9]",
        rb"^[0-9][%b]{0,6}[^%b]" % (STAMP_CHARACTERS, STAMP_CHARACTERS),
    ]
