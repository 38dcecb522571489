r"""Makes hostile bytes visible: nothing that a terminal would obey gets through.

Control characters (all of C0 except TAB, DEL, C1), characters that reorder or hide text (bidi, zero width), Unicode
line separators, and bytes that are not UTF-8 are escaped, as `\x1b`, `\u202e`, `\xff`. A CR before LF is not shown.
"""

import os
import re
from itertools import islice

from logbus.decoding import DENSE, decoded

_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])
_RANGES = (
    *((0, 8), (0xB, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F)),
    *((0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB)),
)
_HIDDEN = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _RANGES) + "]")
_HIDDEN_CODES = [code for first, last in _RANGES for code in range(first, last + 1)]
_HIDDEN_CHARACTERS = frozenset(map(chr, _HIDDEN_CODES))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _HIDDEN_CODES}
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in _HIDDEN_CODES}
FEW_CHARACTERS = 8


def printable(body: bytes) -> bytes:
    """Return `body` with only LF, TAB and printable UTF-8 in it. Plain ASCII costs next to nothing."""
    if is_plain(body):
        return body
    text = decoded(body).replace("\r\n", "\n")
    return _escaped(text, _ESCAPES).encode()


def printable_word(text: str) -> bytes:
    """Return a name (host, label, path) on one line."""
    return printable(os.fsencode(text)).replace(b"\n", rb"\n").replace(b"\t", rb"\t")


def inert_json(document: str) -> str:
    """Return an equivalent of a JSON document, or of a part of one, without anything that a terminal would obey."""
    return _escaped(document, _JSON_ESCAPES)


def is_plain(data: bytes) -> bool:
    """Return True if `data` is only LF, TAB and printable ASCII; ten times as fast as a search."""
    return data.isascii() and not data.translate(None, _PLAIN)


def _escaped(text: str, escapes: dict[int, str]) -> str:
    """Return `text` with hidden characters escaped: one by one if they are rare, otherwise by a table."""
    if text.isascii():  # the frequent ones first, quickly; then search the whole as bytes, also quickly
        text = text.replace("\0", escapes[0]).replace("\x1b", escapes[0x1B])
        if is_plain(text.encode()):
            return text
    few = len(text) // DENSE
    hits = sum(1 for _ in islice(_HIDDEN.finditer(text), few + 1))
    if hits > few:
        return _escaped_densely(text, escapes)
    return _HIDDEN.sub(lambda match: escapes[ord(match[0])], text) if hits else text


def _escaped_densely(text: str, escapes: dict[int, str]) -> str:
    hidden = set(text) & _HIDDEN_CHARACTERS
    if len(hidden) > FEW_CHARACTERS:
        return text.translate(escapes)
    for character in hidden:  # each at the speed of a search
        text = text.replace(character, escapes[ord(character)])
    return text
