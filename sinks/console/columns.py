"""Columns of names: as wide as the longest so far, never narrower again. And how wide characters are."""

import unicodedata
from functools import lru_cache
from typing import Final

from sinks.console import colours
from sinks.printable import printable_word

WIDTH_MAX: Final = 24
TAB: Final = 8
"""A tab takes so many columns at most."""


class Column:
    """Shows names of one kind, hosts or labels, in a colour of their own if `colour`."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self.width = 0

    def cell(self, name: str) -> bytes:
        """Return a name, cut or filled with blanks to the width of the column."""
        text = _cut(printable_word(name).decode())
        taken = width_of(text)
        self.width = max(self.width, taken)
        filled = text + " " * (self.width - taken)
        return f"{colours.of_name(name)}{filled}{colours.RESET}".encode() if self._colour else filled.encode()


def width_of(text: str) -> int:
    """Return how many columns a text takes."""
    return len(text) if text.isascii() and "\t" not in text else sum(map(width_of_character, text))


@lru_cache(1 << 12)
def width_of_character(character: str) -> int:
    """Return how many columns a character takes: those of East Asia and emoji two, a tab as many as it may."""
    if character == "\t":
        return TAB
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str) -> str:
    """Return a text without its middle, if it is too long: names of pods differ at their ends."""
    if len(text) <= WIDTH_MAX // 2 or width_of(text) <= WIDTH_MAX:
        return text
    kept = WIDTH_MAX - 1 if width_of(text) == len(text) else WIDTH_MAX // 2 - 1
    return f"{text[: kept // 2]}…{text[kept // 2 - kept :]}"
