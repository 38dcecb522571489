r"""Making hostile bytes visible: nothing that a terminal would obey gets through.

Escaped are control characters (all of C0 but TAB, DEL, C1), marks that reorder or hide text (bidi, zero width), the
Unicode line separators, and bytes that are not UTF-8: as `\x1b`, `\u202e`, `\xff`. A CR before LF is not shown.
"""

import os
import re

_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])
_HIDDEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def printable(body: bytes) -> bytes:
    """Return `body` with only LF, TAB and printable UTF-8 in it. Text that is plain ASCII costs next to nothing."""
    if is_plain(body):
        return body
    text = body.decode(errors="backslashreplace").replace("\r\n", "\n")
    return _HIDDEN.sub(_escape, text).encode()


def printable_word(text: str) -> bytes:
    """Return a name (host, label, path) on one line."""
    return printable(os.fsencode(text)).replace(b"\n", rb"\n").replace(b"\t", rb"\t")


def inert_json(document: str) -> str:
    """Return a JSON document, or a part of one, that means the same, without what a terminal would obey."""
    return _HIDDEN.sub(_escape_json, document)


def is_plain(data: bytes) -> bool:
    """Tell whether there is nothing but LF, TAB and printable ASCII in `data`; ten times as fast as a search."""
    return data.isascii() and not data.translate(None, _PLAIN)


def _escape(match: "re.Match[str]") -> str:
    return ascii(match[0])[1:-1]


def _escape_json(match: "re.Match[str]") -> str:
    return f"\\u{ord(match[0]):04x}"
