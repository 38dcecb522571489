r"""Operators' regular expressions, by RE2: their time is linear in the text, whatever the pattern (S18).

Text and patterns are bytes: a class or a dot stands for one byte, so that no log line is "invalid"; non-ASCII letters
in a pattern match as their UTF-8 bytes. No match extends beyond the end of a line, and `^` and `$` match at line ends;
`\A` and `\z` are refused: where the text ends depends on where reading stopped. The library is imported with the first
pattern: without patterns it costs nothing.

Globs are compiled to such patterns, so their time is linear too; they match characters, not bytes, and whole texts.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, cast

from logbus.errors import UsageError

MAX_PATTERN_LENGTH = 4096
MAX_MEMORY_BYTES = 8 << 20
LINEWISE = "(?m)"
"""What we put before each pattern: `^` and `$` match at line ends."""
_SET = re.compile(r"\[!?\]?[^\]]*\]")
_SPECIAL = re.compile(r"[*?\[]")
_GLOB_PART = re.compile(rf"{_SET.pattern}|\*+|.", re.DOTALL)
_ENDS_OF_TEXT = re.compile(r"(?<!\\)(?:\\\\)*\\[Az]")


Glob = Callable[[str], bool]
"""Tells whether a text matches."""


class Match(Protocol):
    """One place where a pattern matched."""

    def start(self, group: int = 0) -> int:
        """Return where a group begins, -1 if it did not match."""

    def span(self, group: int = 0) -> tuple[int, int]:
        """Return where a group begins and ends, (-1, -1) if it did not match."""

    def __getitem__(self, group: int) -> bytes | None:
        """Return the text of a group."""


class Pattern(Protocol):
    """A compiled pattern; its groups' names are bytes."""

    @property
    def groupindex(self) -> Mapping[bytes, int]:
        """Group name -> number."""

    def search(self, text: bytes, pos: int = 0, endpos: int | None = None) -> Match | None:
        """Return the first match in text[pos:endpos]."""

    def finditer(self, text: bytes, pos: int = 0, endpos: int | None = None) -> Iterator[Match]:
        """Yield all matches in text[pos:endpos], without overlaps."""


@functools.lru_cache(maxsize=256)
def compile_pattern(text: str, *groups: str) -> Pattern:
    """Return `text` compiled; `groups` are the names it must define. Raises UsageError."""
    import re2  # noqa: PLC0415 - only when there is a pattern

    if len(text) > MAX_PATTERN_LENGTH:
        raise UsageError("use the pattern", f"it is longer than {MAX_PATTERN_LENGTH} characters")
    if _ENDS_OF_TEXT.search(text):
        raise UsageError(f"use the pattern {text!r}", r"\A and \z match ends of a text, not of a line", "write ^ or $")
    try:
        pattern = cast("Pattern", re2.compile(LINEWISE.encode() + text.encode(), _options()))
    except (re2.error, UnicodeEncodeError) as error:
        cause = f"{text!r} is not a valid pattern: {_why(error, text)}"
        raise UsageError("use the pattern", cause, "patterns have RE2's syntax: no look-around") from None
    for name in groups:
        if name.encode() not in pattern.groupindex:
            raise UsageError(f"use the pattern {text!r}", f"it has no group named {name}", f"write (?P<{name}>...)")
    return pattern


@functools.lru_cache(maxsize=256)
def compile_glob(text: str) -> Glob:
    """Return a glob compiled: `*` is any text, `?` a character, `[ab]` one of these, `[!ab]` not. Raises UsageError."""
    if not _SPECIAL.search(text):
        return text.__eq__
    import re2  # noqa: PLC0415 - as above

    if len(text) > MAX_PATTERN_LENGTH:
        raise UsageError("use the glob", f"it is longer than {MAX_PATTERN_LENGTH} characters")
    try:
        found = re2.compile("(?s)" + "".join(map(_translated, _GLOB_PART.findall(text))), _options(by_lines=False))
    except (re2.error, UnicodeEncodeError):
        raise UsageError("use the glob", f"{text!r} is none", "as in 2*, or [!a-z]*") from None
    return lambda value: found.fullmatch(value) is not None


def _translated(part: str) -> str:
    """Return a part of a glob as a part of a pattern."""
    if part[0] in "*?":
        return ".*" if part[0] == "*" else "."
    if not _SET.fullmatch(part):
        return re.escape(part)
    inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", part[1:-1].removeprefix("!"))
    return f"[{'^' * part.startswith('[!')}{inside}]"


def _options(*, by_lines: bool = True) -> object:
    import re2  # noqa: PLC0415 - as above

    options = re2.Options()
    if by_lines:
        options.encoding = re2.Options.Encoding.LATIN1
        options.never_nl = True
    options.log_errors = False
    options.max_mem = MAX_MEMORY_BYTES
    return options


def _why(error: Exception, text: str) -> str:
    """Return RE2's reason; a pattern that it quotes is shown as it was written."""
    cause = error.args[0] if error.args else error
    reason = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
    return reason.replace(LINEWISE + text, text)
