"""Severities of many lines in one call: the pattern for PCRE2 and its JIT, see `libpcre2`.

Theory of operation. The pattern of `formats.line_pattern` is written in another way: instead of capturing a token, it
sets a mark, which is the digit of the severity, by an alternation of all tokens. To replace each match by its mark
turns a body into its digits, without a Python object per line. A match begins at the beginning of a line and takes one
character at least; the library skips the rest of the line as fast as memchr.

What occurs in several places is a subroutine, because PCRE2 compiles patterns of up to 64 KiB only. Each stands where
it first occurs: a call of it costs as much as saving the state of all groups in it, 50 to 200 ns for the larger ones.

A line's digit is the same as by `re`; a property test checks that. PCRE2 bounds its steps and its memory, so that a
body may be given up: whoever asked reads it by `re`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from logbus.severity import columns, formats, key_levels, words
from logbus.severity.formats import Format

_PARTS: Final = dict(
    sorted((words.PARTS | columns.PARTS | key_levels.PARTS | formats.PARTS).items(), key=lambda each: -len(each[1]))
)
_USUAL: Final = (b"info", b"warn", b"warning", b"error", b"debug")
_STREAMS: Final = (b"stdout", b"stderr")
_NO_LETTER: Final = rb"(?![A-Za-z])"
_FREQUENT_HEADS: Final = b"IiEeWwDd"


def line_pattern(accepted: Iterable[Format], digits: Mapping[bytes, bytes], none: bytes, error: bytes) -> bytes:
    """Return the pattern of one line: its mark is what `digits` has for its token, or `none`.

    A line that a container runtime has from a program's standard error, and that states nothing, has the mark `error`.
    """
    some = tuple(accepted)
    digits = {token: digit for token, digit in digits.items() if token not in _STREAMS}
    usual = _words({token: digit for token, digit in digits.items() if token.lower() in _USUAL})
    others = words.either(_words(digits), _others(digits))
    cri = b""
    if any(each.name == "cri" for each in some):
        cri = words.either(formats.CRI_STAMP + rb"std(?:out [FP] |err [FP] %b)" % _marked(error) + formats.LEAD) + b"?+"
    stated = words.either(_shared(formats.prefix_of(some)) + words.either(usual, others, formats.TOKEN))
    return rb"(*LF)(?m)^(?!\z)%b%b%b%b?+[\s\S]?" % (_marked(none), formats.LEAD, cri, stated)


def kinds_pattern(kinds: Mapping[bytes, bytes], none: bytes) -> bytes:
    """Return the pattern of one line: its mark is the first of `kinds` whose pattern matches its beginning, or `none`.

    The patterns are as `re` has them.
    """
    ahead = (rb"(?=%b)%b" % (pattern.replace(rb"\Z", rb"\z"), _marked(kind)) for kind, pattern in kinds.items())
    return rb"(*LF)(?m)^(?!\z)%b[\s\S]?" % words.either(*ahead, _marked(none))


def _shared(pattern: bytes) -> bytes:
    """Return `pattern` with each part where it first occurs, and calls of it everywhere else."""
    for name, part in _PARTS.items():
        before, _, behind = pattern.partition(part)
        if part in behind:
            calls = behind.replace(part, b"(?&%b)" % name.encode())
            pattern = b"%b(?<%b>%b)%b" % (before, name.encode(), part, calls)
    return pattern


def _words(digits: Mapping[bytes, bytes]) -> bytes:
    """Return an alternation of the tokens that are words, by their first letters, the usual ones first."""
    tails: dict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
    for token, digit in digits.items():
        if token.isalpha():
            tails[token[:1]].append((token[1:], digit))
    heads = sorted(tails, key=lambda head: (_FREQUENT_HEADS + head).index(head))
    return words.either(*(head + _ends(tails[head], _NO_LETTER) for head in heads))


def _others(digits: Mapping[bytes, bytes]) -> bytes:
    """Return an alternation of the tokens that are no words: numbers with an end, numbers, and the rest."""
    others = [(token, digit) for token, digit in digits.items() if token and not token.isalpha()]
    ended = [(token[:-1], digit) for token, digit in others if token.endswith(b">")]  # `)` may stand for `>`
    open_ended = [each for each in others if each[0][-1:].isdigit()]
    rest = [each for each in others if each[0][-1:] not in b"0123456789>)"]
    return _NO_LETTER + words.either(_ends(ended, rb"[>)]"), _ends(open_ended, rb"(?![0-9>)])"), _ends(rest, b""))


def _ends(tokens: Iterable[tuple[bytes, bytes]], end: bytes) -> bytes:
    """Return an alternation of tokens, each followed by `end`, in one group for each mark."""
    groups: dict[bytes, list[bytes]] = defaultdict(list)
    for token, digit in sorted(tokens, key=lambda each: -len(each[0])):
        groups[digit].append(re.escape(token))
    return words.either(*(words.either(*some) + end + _marked(digit) for digit, some in groups.items()))


def _marked(name: bytes) -> bytes:
    return b"(*MARK:%b)" % name
