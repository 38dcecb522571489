"""Severities of many lines in one call: the pattern for PCRE2 and its JIT, see `libpcre2`.

Theory of operation. The pattern of `formats.line_pattern` is written in another way: instead of capturing a token, it
sets a mark, which is the digit of the severity, by an alternation of all tokens, and it consumes the rest of the line.
To replace each match by its mark turns a body into its digits, without a Python object per line. What occurs in several
places is a subroutine: PCRE2 compiles patterns of up to 64 KiB only, and repeats a group by repeating its code.

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
_NO_LETTER: Final = rb"(?![A-Za-z])"
_FREQUENT_HEADS: Final = b"IiEeWwDd"


def line_pattern(accepted: Iterable[Format], digits: Mapping[bytes, bytes], none: bytes, error: bytes) -> bytes:
    """Return the pattern of one line: its mark is what `digits` has for its token, or `none`.

    A line that a container runtime has from a program's standard error, and that states nothing, has the mark `error`.
    """
    some = tuple(accepted)
    parts = {name: _shared(part, name) for name, part in _PARTS.items()}
    parts |= {"prefix": _shared(formats.prefix_of(some), ""), "token": words.either(_words(digits), _others(digits))}
    defined = b"".join(b"(?<%b>%b)" % (name.encode(), part) for name, part in parts.items())
    usual = _words({token: digit for token, digit in digits.items() if token.lower() in _USUAL})
    alternatives = [parts["prefix"] + words.either(usual, rb"(?&token)", formats.TOKEN + _marked(none))]
    if any(each.name == "cri" for each in some):
        streams = words.either(rb"out [FP] " + _inner(none), rb"err [FP] " + _inner(error))
        alternatives.insert(0, formats.CRI_STAMP + rb"std" + streams)
    line = words.either(formats.LEAD + words.either(*alternatives), _marked(none))
    return rb"(*LF)(?(DEFINE)%b)(?!\z)(?>%b)[^\n]*+\n?" % (defined, line)


def _inner(none: bytes) -> bytes:
    """Return the pattern of a container's line behind its stream and tag: not for speed, but in little space."""
    token = words.either(rb"(?&token)", formats.TOKEN + _marked(none))
    return words.either(formats.LEAD + rb"(?&prefix)" + token, _marked(none))


def _shared(pattern: bytes, name: str) -> bytes:
    """Return `pattern`, which is the part `name`, with the other parts in it as subroutines."""
    for other, part in _PARTS.items():
        if other != name:
            pattern = pattern.replace(part, b"(?&%b)" % other.encode())
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
