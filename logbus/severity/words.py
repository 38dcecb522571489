"""The words, letters and symbols of severities, and the patterns that find them in a line."""

from collections.abc import Iterable
from typing import Final

SPELLINGS: Final[dict[str, str]] = {
    "emerg": "emerg emergency panic pani pnc",
    "alert": "alert",
    "crit": "crit critical fatal fata ftl dpanic",
    "err": "err error erro eror severe fail failure",
    "warning": "warning warn wrn",
    "notice": "notice",
    "info": "info information informational inf note log config success",
    "debug": "debug debu dbug dbg trace trac trce trc verbose vrb fine finer finest",
}
"""Severity -> its usual words. `erro`, `debu`: logrus; `eror`: log15; `ftl`, `pnc`: zerolog; `dbug`, `trce`, `fail`:
.NET; `dpanic`: zap; `severe`, `config`, `fine`: java.util.logging; `note`: MySQL; `log`: PostgreSQL; `success`:
loguru."""

LETTERS: Final[dict[str, str]] = {
    "crit": "FC", "err": "E", "warning": "W", "notice": "N", "info": "I", "debug": "DVT",
}  # fmt: skip
"""Severity -> the letters of klog, logcat, MongoDB, etcd and Ruby. A level only where such a format has one."""

SYMBOLS: Final[dict[str, str]] = {"warning": "#", "notice": "*", "info": "-", "debug": "."}
"""Severity -> Redis's symbols."""

JSON_NUMBERS: Final[dict[str, str]] = {
    "emerg": "0", "alert": "1", "crit": "2 60", "err": "3 50", "warning": "4 40",
    "notice": "5", "info": "6 30", "debug": "7 10 20",
}  # fmt: skip
"""Severity -> numbers in JSON: syslog's (GELF, journald), and the multiples of ten of pino and bunyan."""

EXTRA: Final[dict[str, str]] = {
    "err": "CRASH SUPERVISOR EE Er", "crit": "Cr", "alert": "Al", "emerg": "Em", "warning": "WW Wa",
    "notice": "Deprecated Strict No", "info": "PROGRESS II In", "debug": "verb silly Db Level",
}  # fmt: skip
"""Severity -> words that state it in one format only: Erlang's reports, Xorg, ESXi, PHP, npm, zap's `Level(-2)`."""

OTEL_NUMBERS: Final[dict[str, range]] = {
    "debug": range(1, 9), "info": range(9, 13), "warning": range(13, 17), "err": range(17, 21), "crit": range(21, 25),
}  # fmt: skip
"""Severity -> OpenTelemetry's severity numbers
(https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber)."""

PROSE: Final = frozenset(["note", "log", "config", "success", "fine", "finer", "finest", "failure", "alert", "panic"])
"""Words that also begin ordinary sentences: in lower case they state a level only in brackets or as a value."""
_HEADINGS: Final = PROSE - {"alert", "panic"}


_OPENING: Final = rb"(?>(?:"
_CLOSING: Final = rb"(?#repeated))"
"""What stands around a repeated pattern: a comment, so that its end can be told from others."""


def either(*patterns: bytes) -> bytes:
    """Return the pattern for the first of `patterns` that matches; of none, one that never does."""
    return rb"(?:" + rb"|".join(patterns) + rb")" if patterns else rb"(?!)"


def repeated(pattern: bytes, count: bytes) -> bytes:
    """Return `pattern` repeated by `count`, which is b"*", b"?" and so on; it never backtracks.

    Not written as `(?:...)*+`: up to Python 3.11.4 that fails to match where `pattern` itself could backtrack
    (https://github.com/python/cpython/issues/106052); after a single character or class it is safe.
    """
    return _OPENING + pattern + rb")" + count + _CLOSING


def possessive(pattern: bytes) -> bytes:
    """Return a pattern of ours with possessive repeats, for PCRE2: it then keeps no state for each of their turns."""
    return pattern.replace(_OPENING, rb"(?:").replace(_CLOSING, b"+")


def maybe(pattern: bytes) -> bytes:
    """Return an optional `pattern`; it never backtracks."""
    return repeated(pattern, b"?")


def any_of(words: Iterable[str]) -> bytes:
    """Return an alternation of `words` grouped by first letter; `re` skips a group with one comparison."""
    tails: dict[str, list[str]] = {}
    for word in sorted(words):
        tails.setdefault(word[0], []).append(word[1:])
    return either(*(f"{head}(?:{'|'.join(tail)})".encode() for head, tail in tails.items()))


def spelled(words: Iterable[str]) -> set[str]:
    """Return `words` in the two spellings that also occur in sentences: lower case and Title case."""
    return {spelling for word in words for spelling in (word, word.title())}


WORDS: Final = frozenset(word for words in SPELLINGS.values() for word in words.split())
UPPER: Final = any_of(map(str.upper, WORDS - PROSE))
"""Words in capitals that begin no heading."""
PROSE_UPPER: Final = any_of(map(str.upper, _HEADINGS))
"""Those in capitals that do."""
ALL_UPPER: Final = any_of(map(str.upper, WORDS))
"""Any word in capitals, for where punctuation follows it."""
ANY: Final = any_of(spelled(WORDS) | set(map(str.upper, WORDS)))
"""Any word in any of its spellings."""
SMALL: Final = any_of(spelled(WORDS - PROSE))
"""Words in lower case, or capitalised, that begin no sentence."""
LOWER: Final = any_of(WORDS)
"""Any word in lower case."""
GAP: Final = rb"[ \t]*+"
PARTS: Final = {"any": ANY, "small": SMALL, "upper": ALL_UPPER}
"""Parts that occur in many patterns."""
