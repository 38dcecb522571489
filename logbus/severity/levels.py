"""Severity: the eight levels of syslog (RFC 5424), their words and digits, and the one that each record states.

What counts is the level that a record *states*, in the place where its format has one: `INFO: retrying after ERROR` is
info, and `connection error while reading` states nothing. `logbus.severity.formats` and `logbus.severity.words` define
how levels are written.
"""

import enum
import functools
import io
import re
from collections.abc import Iterable
from itertools import compress
from typing import Final

from logbus.errors import UsageError
from logbus.native import newlines
from logbus.native.pcre2 import Substitution
from logbus.severity import container_lines, formats, pcre, words


class Severity(enum.IntEnum):
    """A syslog severity: lower is worse."""

    EMERG = 0
    ALERT = 1
    CRIT = 2
    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7

    @property
    def word(self) -> str:
        """The word used in routing keys, flags and tables: emerg, alert, crit, err, warning, notice, info, debug."""
        return self.name.lower()


UNSTATED: Final = b"-"
_WRAPPED: Final = b"w"
_PIECE_BYTES: Final = 1 << 16
LINE_MAX_BYTES: Final = 1 << 17
"""This much of a line is searched: patterns keep some state for each step. Docker cuts at 16 KiB, before escaping."""


def _by_word() -> dict[bytes, Severity]:
    """Return every lower-case word and capital letter with its severity."""
    table = {word: name for name, spellings in words.SPELLINGS.items() for word in spellings.split()}
    table |= {letter: name for name, letters in words.LETTERS.items() for letter in letters}
    return {spelled.encode(): Severity[name.upper()] for spelled, name in table.items()}


class _Digits(dict[bytes, bytes]):
    """Captures of `formats.line_pattern` -> the severity's digit; anything else is unstated."""

    def __missing__(self, token: bytes) -> bytes:
        return UNSTATED


def _by_token() -> _Digits:
    digits = {spelled: b"%d" % level for spelled, level in _WORDS.items()}
    digits |= {spelled.upper(): digit for spelled, digit in digits.items()}
    digits |= {spelled.title(): digit for spelled, digit in digits.items()}
    for table in (words.SYMBOLS, words.JSON_NUMBERS, words.EXTRA):
        digits |= {
            token.encode(): b"%d" % Severity[name.upper()] for name, tokens in table.items() for token in tokens.split()
        }
    digits |= {b"%d%c" % (priority, end): b"%d" % (priority % 8) for priority in range(192) for end in b">)"}
    for name, numbers in words.OTEL_NUMBERS.items():
        digits |= {b":%s%d" % (gap, each): b"%d" % Severity[name.upper()] for each in numbers for gap in (b"", b" ")}
    return _Digits(digits | dict.fromkeys([b"{", b"stdout", b"stderr"], _WRAPPED) | {b"": UNSTATED})


_WORDS: Final = _by_word()
_TOKENS: Final = _by_token()
_ERROR: Final = b"%d" % Severity.ERR
PIECE: Final = b"p"
"""A piece of a container's line, of which another one follows."""
SILENT_ERR: Final = b"e"
"""A line that states nothing, from the standard error of a container."""
_MARKS: Final = pcre.Marks(_TOKENS, UNSTATED, SILENT_ERR, _WRAPPED)


class LineReader:
    """Reads which levels lines state in one of `accepted` formats; without `pcre2`, by `re` alone."""

    def __init__(self, accepted: Iterable[formats.Format], *, pcre2: bool = True) -> None:
        self._formats = tuple(accepted)
        self._was_wrapped = False
        self._marks = Substitution(pcre.line_pattern(self._formats, _MARKS)) if pcre2 else None

    @functools.cached_property
    def _inner_marks(self) -> Substitution | None:
        return Substitution(pcre.inner_pattern(self._formats, _MARKS)) if self._marks else None

    @functools.cached_property
    def _pattern(self) -> re.Pattern[bytes]:  # compiled on first use: it takes up to 200 ms
        return formats.line_pattern(self._formats)

    @property
    def is_fast(self) -> bool:
        """True if PCRE2 reads the lines."""
        return self._marks is not None and self._marks.of(b"\n", 1) is not None

    def prepare(self) -> None:
        """Compile now what would otherwise keep the first record waiting."""
        if not self.is_fast:
            _ = self._pattern

    def read(self, body: bytes) -> bytes:
        """Return what each line of `body` states: a digit or UNSTATED; of a container runtime's, what is inside."""
        return self._marked(body, pieces=False).replace(SILENT_ERR, _ERROR)

    def marked(self, body: bytes) -> bytes:
        """Return the same, but PIECE for pieces, and SILENT_ERR for what states nothing on standard error."""
        return self._marked(body, pieces=True)

    def inside(self, texts: bytes) -> bytes:
        """Return what a container's texts state, each behind `o` or `e`: a digit, UNSTATED or SILENT_ERR."""
        return self._inside(texts)

    def _marked(self, body: bytes, *, pieces: bool) -> bytes:
        texts = container_lines.texts(body) if self._was_wrapped else None
        if texts is not None:
            return self._inside(texts)
        digits = self._read(body)
        count = digits.count(_WRAPPED)
        texts = container_lines.texts(body) if count * 2 > len(digits) else None
        self._was_wrapped = texts is not None  # as the next body will be, most likely
        if texts is not None:
            return self._inside(texts)
        return self._unwrapped(body, digits, pieces=pieces) if count else digits

    def _read(self, body: bytes) -> bytes:
        found = self._marks.of(body, newlines.count(body) + 1) if self._marks else None
        return self._searched(body) if found is None else found

    def _unwrapped(self, body: bytes, digits: bytes, *, pieces: bool) -> bytes:
        """Replace `_WRAPPED`, for a container runtime's lines in `body`, by the level that their text states."""
        wrapped = list(compress(io.BytesIO(body), (digit == ord(_WRAPPED) for digit in digits)))
        inside = self._inside(b"".join(container_lines.text(line) + b"\n" for line in wrapped))
        if pieces:
            inside = b"".join(
                PIECE if (found := container_lines.unwrapped(line)) and found.is_piece else bytes([digit])
                for line, digit in zip(wrapped, inside, strict=True)
            )
        parts = digits.split(_WRAPPED)
        return parts[0] + b"".join(bytes([digit]) + part for digit, part in zip(inside, parts[1:], strict=True))

    def _inside(self, texts: bytes) -> bytes:
        """Return what containers' texts state, each behind `o` or `e`; what was wrapped twice states nothing."""
        marks = self._inner_marks
        found = marks.of(texts, newlines.count(texts)) if marks else None
        if found is not None:
            return found
        lines = list(io.BytesIO(texts))
        stated = self._searched(b"".join(line[1:] for line in lines)).replace(_WRAPPED, UNSTATED)
        return b"".join(
            SILENT_ERR if digit == ord(UNSTATED) and line.startswith(b"e") else bytes([digit])
            for digit, line in zip(stated, lines, strict=True)
        )

    def _searched(self, body: bytes) -> bytes:
        digits: list[bytes] = []
        last = len(body) - body.endswith(b"\n")
        at = 0
        while at <= last:  # in pieces: sixteen MiB of bare newlines would otherwise be sixteen million objects at once
            end = body.find(b"\n", at + _PIECE_BYTES, last)
            end = last if end < 0 else end
            digits.append(b"".join(map(_TOKENS.__getitem__, self._pattern.findall(b"\n" + body[at:end]))))
            at = end + 1
        return b"".join(digits)


@functools.cache
def _any_format() -> LineReader:
    return LineReader(formats.FORMATS)


def prepare() -> None:
    """Compile the patterns now, so that the first record need not wait for them."""
    _any_format().prepare()


def severity_of_word(word: bytes) -> Severity | None:
    """Return the severity of a level word in any usual spelling (`WARN`, `warning`, `W`, `Fatal`), or None."""
    return _WORDS.get(word.upper() if len(word) == 1 else word.lower())


def parse_severity(text: str, key: str = "severity") -> Severity:
    """Return the severity that a flag or the setting `key` names. Raises UsageError, with the words that do."""
    severity = severity_of_word(text.strip().encode(errors="replace"))
    if severity is None:
        known = ", ".join(level.word for level in Severity)
        raise UsageError("use the severity", f"{key} {text!r} is not a severity", f"use one of {known}")
    return severity


def stated(body: bytes, reader: LineReader | None = None) -> bytes:
    """Return the level that each line of `body` states in its first 128 KiB: an ASCII digit, or `-` for none.

    By default, `reader` accepts any known format. A line's digit depends only on its own bytes, so
    `stated(a + b) == stated(a) + stated(b)` if `a` ends in a newline.
    """
    if not body:
        return b""
    return (reader or _any_format()).read(_beginnings(body))


def marked(body: bytes) -> bytes:
    """Return the same in any format, but with the marks PIECE and SILENT_ERR."""
    return _any_format().marked(_beginnings(body)) if body else b""


def stated_inside(texts: bytes) -> bytes:
    """Return what a container's texts state, each behind `o` or `e`: a digit, UNSTATED or SILENT_ERR."""
    return _any_format().inside(_beginnings(texts)) if texts else b""


def _beginnings(body: bytes) -> bytes:
    """Return `body` with its overlong lines cut; without any, `body` itself, at the cost of a search every 128 KiB."""
    kept: list[bytes] = []
    at = done = 0
    while at + LINE_MAX_BYTES < len(body):
        line_end = body.rfind(b"\n", at, at + LINE_MAX_BYTES + 1) + 1
        if not line_end:
            kept.append(body[done : at + LINE_MAX_BYTES])
            line_end = done = body.find(b"\n", at + LINE_MAX_BYTES)
            if done < 0:
                return b"".join(kept)
        at = line_end
    return b"".join([*kept, body[done:]]) if kept else body


def classify(body: bytes, default: Severity = Severity.INFO) -> bytes:
    """Return one ASCII digit per line of `body`: its stated severity, or `default`."""
    return stated(body).replace(UNSTATED, b"%d" % default)
