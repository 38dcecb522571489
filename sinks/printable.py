r"""Makes hostile bytes visible: nothing that a terminal would obey gets through.

Control characters (all of C0 except TAB, DEL, C1), characters that reorder or hide text (bidi, zero width), Unicode
line separators, and bytes that are not UTF-8 are escaped, as `\x1b`, `\u202e`, `\xff`. A CR before LF is not shown.
"""

import os
import re
from itertools import islice

_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])
_HIDDEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_HIDDEN_CODES = [code for code in range(0x10000) if _HIDDEN.match(chr(code))]
_HIDDEN_CHARACTERS = frozenset(map(chr, _HIDDEN_CODES))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _HIDDEN_CODES}
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in _HIDDEN_CODES}
LARGE_BYTES = 64 * 1024
DENSE = 16
"""More than one in this many counts as frequent."""
MOSTLY = 4
"""A body of which less than one byte in this many makes characters is binary."""
FEW_CHARACTERS = 8
_BINARY = bytes(code for code in range(0x20) if code not in b"\0\t\n\r\x1b")
_STAND_IN = "\ud800"
"""Stands for a backslash: no bytes decode to it."""


def printable(body: bytes) -> bytes:
    """Return `body` with only LF, TAB and printable UTF-8 in it. Plain ASCII costs next to nothing."""
    if is_plain(body):
        return body
    text = decoded(body).replace("\r\n", "\n")
    return _escaped(text, _ESCAPES).encode()


def decoded(raw: bytes) -> str:
    """Return text; bytes that are not UTF-8 become escapes, as by `backslashreplace`, in a fifth of its time.

    In a large binary body every byte is escaped, so that the time depends only on its size.
    """
    large = len(raw) >= LARGE_BYTES
    if large and (len(raw) - len(raw.translate(None, _BINARY))) * DENSE > len(raw):
        return _in_hexadecimal(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        mostly_invalid = large and len(raw.decode(errors="ignore")) * MOSTLY < len(raw)
        return _in_hexadecimal(raw) if mostly_invalid else _with_escapes(raw)


def _with_escapes(raw: bytes) -> str:
    r"""Return what `backslashreplace` would, which is slow; encoding escapes a surrogate (`\udcff`) quickly."""
    text = raw.decode(errors="surrogateescape")
    ambiguous = rb"\udc" in raw
    if ambiguous:
        text = text.replace("\\", _STAND_IN)
    escaped = text.encode(errors="backslashreplace").replace(rb"\udc", rb"\x")
    return (escaped.replace(rb"\ud800", b"\\") if ambiguous else escaped).decode()


def _in_hexadecimal(raw: bytes) -> str:
    return "\n".join(_hexadecimal(line) for line in raw.split(b"\n"))


def _hexadecimal(line: bytes) -> str:
    r"""Return `\x41` for each byte, a column of all these at a time, which is five times as fast as one by one."""
    digits = line.hex().encode()
    text = bytearray(rb"\x00" * len(line))
    text[2::4], text[3::4] = digits[::2], digits[1::2]
    return text.decode()


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
