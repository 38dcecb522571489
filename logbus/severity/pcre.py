"""Severities of many lines in one call: the pattern for PCRE2 and its JIT, see `logbus.native.pcre2`.

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
from typing import Final, NamedTuple

import msgspec

from logbus.severity import columns, container_lines, formats, key_levels, unstated, words
from logbus.severity.formats import Format

_PARTS: Final = dict(sorted((words.PARTS | columns.PARTS | key_levels.PARTS).items(), key=lambda each: -len(each[1])))
_USUAL: Final = (
    (b"info", b"warn", b"warning", b"error", b"debug"),
    (b"i", b"w", b"e", b"d", b"inf", b"wrn", b"err", b"dbg", b"log", b"notice", b"fatal", b"trace"),
)
"""The words and letters that most lines have: the most frequent ones, and others."""
_NOTHING_WRAPPED: Final = rb"(?:(?=%bstd)(*ACCEPT))?" % columns.CRI_STAMP
"""What was wrapped twice states nothing."""
_DOCKER_JSON: Final = rb'\{"log":"(?!\{\\"t\\")' + key_levels.words_prefix(key_levels.IN_A_STRING)
"""An object in a line of Docker's, up to its level; of one that may be MongoDB's, others decide."""
_STRING: Final = words.either(rb'"[^"\n]*+(?<!\\)"', key_levels.STRING)
"""A string of JSON: up to a quote that no backslash precedes, which takes a third less than to look for both."""
_NO_LETTER: Final = rb"(?![A-Za-z])"
_FREQUENT_HEADS: Final = b"IiEeWwDd"


class Marks(NamedTuple):
    """The marks of lines: what `digits` has for a token; `none` for a line that states nothing.

    A line from a program's standard error that states nothing has `err`; a line to be looked at again has `again`.
    """

    digits: Mapping[bytes, bytes]
    none: bytes
    err: bytes
    again: bytes


def line_pattern(accepted: Iterable[Format], marks: Marks) -> bytes:
    """Return the pattern of one line; a piece of a container's line is to be looked at again."""
    some = tuple(accepted)
    names = {each.name for each in some}
    cri = docker = b""
    if "cri" in names:
        streams = rb"(?:out F |err F %b|(?:out|err) [FP][ :]%b(*ACCEPT))"
        begin = columns.CRI_STAMP + b"std" + streams % tuple(map(_marked, (marks.err, marks.again)))
        cri = rb"(?:%b%b%b)?+" % (begin, formats.LEAD, _NOTHING_WRAPPED)
    if "docker" in names:
        docker = _DOCKER_JSON + rb"(?&token)" + container_lines.REST + b"|"
    return _pattern(_marked(marks.none) + formats.LEAD, docker + cri, some, marks.digits)


def inner_pattern(accepted: Iterable[Format], marks: Marks) -> bytes:
    """Return the pattern of what a container wrote, with `o` or `e` before it: its standard output or error."""
    begin = rb"(?:o%b|e%b)" % (_marked(marks.none), _marked(marks.err)) + formats.LEAD + _NOTHING_WRAPPED
    stated = {token: digit for token, digit in marks.digits.items() if token not in container_lines.WRAPPERS}
    return _pattern(begin, b"", accepted, stated)


def _pattern(begin: bytes, other: bytes, accepted: Iterable[Format], digits: Mapping[bytes, bytes]) -> bytes:
    """Return the pattern of a line that begins so and goes on as `other`, or behind that in one of the formats."""
    prefix = formats.prefix_of(_guarded(each) for each in accepted if each.name != "cri")
    usual = (_words({token: digit for token, digit in digits.items() if token.lower() in some}) for some in _USUAL)
    tokens = words.either(*usual, _priorities(digits), rb"(?&token)", formats.TOKEN)
    rest = {token: digit for token, digit in digits.items() if token not in container_lines.STREAMS}
    stated = _shared(words.either(other + words.either(prefix + tokens) + b"?+"))
    token = words.either(_words(rest), _others(rest))
    pattern = rb"(*LF)(?m)^(?!\z)%b%b[\s\S]?(?(DEFINE)(?<token>%b))" % (begin, stated, token)
    return words.possessive(pattern.replace(key_levels.STRING, _STRING))


def _guarded(each: Format) -> Format:
    if each.name != "stamped":
        return each
    return msgspec.structs.replace(each, prefix=each.prefix.replace(columns.STAMP, unstated.STAMPED, 1))


def kinds_pattern(kinds: Mapping[bytes, bytes], none: bytes) -> bytes:
    """Return the pattern of one line: its mark is the first of `kinds` whose pattern matches its beginning, or `none`.

    The patterns are as `re` has them.
    """
    ahead = (rb"(?=%b)%b" % (pattern.replace(rb"\Z", rb"\z"), _marked(kind)) for kind, pattern in kinds.items())
    return words.possessive(rb"(*LF)(?m)^(?!\z)%b[\s\S]?" % words.either(*ahead, _marked(none)))


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


def _priorities(digits: Mapping[bytes, bytes]) -> bytes:
    """Return an alternation of the tokens that are numbers with an end, for which `)` may stand as well."""
    ended = [(token[:-1], digit) for token, digit in digits.items() if token.endswith(b">")]
    return rb"(?=\d)" + _ends(ended, rb"[>)]")


def _others(digits: Mapping[bytes, bytes]) -> bytes:
    """Return an alternation of the tokens that are no words: numbers without an end, and the rest."""
    others = [(token, digit) for token, digit in digits.items() if token and not token.isalpha()]
    numbers = [each for each in others if each[0][-1:].isdigit()]
    rest = [each for each in others if each[0][-1:] not in b"0123456789>)"]
    return _NO_LETTER + words.either(_ends(numbers, rb"(?![0-9>)])"), _ends(rest, b""))


def _ends(tokens: Iterable[tuple[bytes, bytes]], end: bytes) -> bytes:
    """Return an alternation of tokens, each followed by `end`, in one group for each mark."""
    groups: dict[bytes, list[bytes]] = defaultdict(list)
    for token, digit in sorted(tokens, key=lambda each: -len(each[0])):
        groups[digit].append(re.escape(token))
    return words.either(*(words.either(*some) + end + _marked(digit) for digit, some in groups.items()))


def _marked(name: bytes) -> bytes:
    return b"(*MARK:%b)" % name
