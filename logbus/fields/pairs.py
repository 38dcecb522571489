r"""Pairs of keys and values: a whole line of them, as logfmt has it.

A line is logfmt if it begins with a pair and holds nothing but pairs and fewer bare keys than pairs, whose value is "".
Of a key that occurs twice, the last counts.
"""

import functools
import re
from typing import Final

from logbus.decoding import decoded
from logbus.fields.parsed import Value
from logbus.severity.key_levels import STRING
from logbus.severity.words import either, repeated

LINE_MAX_BYTES: Final = 1 << 17
"""A longer line is text."""
_KEY: Final = rb"[A-Za-z_@][\w.@/-]{0,64}+"
_VALUE: Final = either(STRING, rb'[^\s"]*+')
_BEGINS: Final = re.compile(_KEY + rb"=")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


def pairs_in(line: bytes) -> dict[str, Value] | None:
    """Return the pairs that a line consists of, or None if it is no such line."""
    if len(line) > LINE_MAX_BYTES or not _BEGINS.match(line) or not _whole().fullmatch(line):
        return None
    found = _each().findall(line)
    if sum(1 for _, sign, _ in found if sign) * 2 <= len(found):
        return None
    return {decoded(key): _value(value) for key, _, value in found}


@functools.cache
def _whole() -> re.Pattern[bytes]:
    pair = _KEY + repeated(rb"=" + _VALUE, b"?") + rb"(?![^ \t\r])[ \t\r]*+"
    return re.compile(rb"[ \t]*+" + repeated(pair, b"+"))


@functools.cache
def _each() -> re.Pattern[bytes]:
    return re.compile(rb"(" + _KEY + rb")(?:(=)(" + _VALUE + rb"))?+")


def _value(raw: bytes) -> str:
    if raw[:1] != b'"':
        return decoded(raw)
    text = decoded(raw[1:-1])
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(found: re.Match[str]) -> str:
    r"""Return what an escape stands for; one for half a character, or a byte that is not ASCII, stays as it is."""
    if found[3]:
        return _ESCAPED.get(found[3], found[3])
    character = chr(int(found[1] or found[2], 16))
    is_kept = "\ud800" <= character <= "\udfff" or (found[1] and not character.isascii())
    return found[0] if is_kept else character
