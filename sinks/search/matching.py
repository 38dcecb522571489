"""What is searched for: a text as bytes, or a pattern by RE2. Neither ever matches across the end of a line."""

import re
from collections.abc import Iterator
from typing import Final, Protocol

from msgspec import Struct

from logbus.config.patterns import Pattern, compile_pattern
from logbus.errors import UsageError
from logbus.native import memmem

_SPECIAL: Final = re.compile(r"[\\.^$*+?{}\[\]|()]")


class Matcher(Protocol):
    """Finds places in bytes."""

    def first(self, body: bytes, at: int = 0) -> int:
        """Return where the first match at or behind `at` begins, -1 if there is none."""

    def spans(self, body: bytes) -> Iterator[tuple[int, int]]:
        """Yield where matches begin and end, without overlaps and without empty ones."""


class Text(Struct, frozen=True):
    """Finds a text."""

    text: bytes

    def first(self, body: bytes, at: int = 0) -> int:
        """Return the first place."""
        return memmem.find(body, self.text, at)

    def spans(self, body: bytes) -> Iterator[tuple[int, int]]:
        """Yield all places."""
        at = 0
        while self.text and (at := memmem.find(body, self.text, at)) >= 0:
            yield at, at + len(self.text)
            at += len(self.text)


class Regular(Struct, frozen=True):
    """Finds what a pattern matches."""

    pattern: Pattern

    def first(self, body: bytes, at: int = 0) -> int:
        """Return the first place."""
        found = self.pattern.search(body, at)
        return found.start() if found else -1

    def spans(self, body: bytes) -> Iterator[tuple[int, int]]:
        """Yield all places."""
        return (span for span in (found.span() for found in self.pattern.finditer(body)) if span[0] < span[1])


def matcher(text: str, *, fixed: bool = False, ignore_case: bool = False, words: bool = False) -> Matcher:
    """Return what finds `text`: a pattern unless `fixed`; cases are those of ASCII letters. Raises UsageError."""
    if "\n" in text:
        raise UsageError("search", "the pattern has a line end, and none matches across one", "search for one line")
    if ignore_case or words or not (fixed or not _SPECIAL.search(text)):
        inner = re.escape(text) if fixed else text
        inner = rf"\b(?:{inner})\b" if words else inner
        return Regular(compile_pattern(f"(?i){inner}" if ignore_case else inner))
    return Text(text.encode(errors="surrogateescape"))
