"""Lines wrapped by a container runtime: Docker's json-file, one JSON object each, and CRI's (containerd, CRI-O).

A file that Docker writes is rewritten as CRI's lines, all at once: PCRE2 takes out the text, and its escapes are
replaced one kind after another. A line is rewritten only if Docker may have written it, key by key.
"""

import functools
import re
from typing import Final

import msgspec

from logbus import newlines
from logbus.severity.libpcre2 import Substitution
from logbus.severity.words import maybe, repeated


class _DockerLine(msgspec.Struct):
    log: str
    stream: str


_BEGINS: Final = b'{"log":"'
_ESCAPES: Final = {
    rb"\"": b'"', rb"\t": b"\t", rb"\u001b": b"\x1b", rb"\n": b" ", rb"\r": b"\r", rb"\u003c": b"<", rb"\u003e": b">",
    rb"\u0026": b"&", rb"\/": b"/", rb"\b": b"\b", rb"\f": b"\f",
}  # fmt: skip
"""What Go's encoder writes, the usual ones first. Other escapes leave a line to the JSON decoder."""
_BACKSLASH: Final = b"\0"
"""Stands for an escaped backslash: no line of these has a NUL."""
_TEXT: Final = repeated(
    rb'[^"\\\x00-\x1f]++|\\(?:["\\/tbf]|u00(?:1b|3[ce]|26))|\\[nr](?!' + repeated(rb"\\[nr]", b"*") + rb'")', b"*"
)
_DOCKER_LINE: Final = (
    rb'\{"log":"(' + _TEXT + rb")" + repeated(rb"\\[nr]", b"*") + rb'","stream":"(std(?:out|err))"'
    + maybe(rb',"attrs":\{[^{}\x00-\x1f]*+\}') + rb',"time":"[^"\\\x00-\x1f]*+"\}\n'
)  # fmt: skip
_CRI_LINE: Final = b"1970-01-01T00:00:00Z $2 F $1\n"
_ONE: Final = re.compile(_DOCKER_LINE)
_STREAM: Final = re.compile(rb"std(out|err) [FP] ")
_decoder = msgspec.json.Decoder(_DockerLine)


@functools.cache
def _all() -> Substitution:
    return Substitution(rb"(?m)^" + _DOCKER_LINE, _CRI_LINE)


def as_cri(body: bytes) -> bytes | None:
    """Return the lines of Docker's `body` as CRI's; None if one is no such line, or without PCRE2."""
    if not (body.startswith(_BEGINS) and body.endswith(b"\n")):
        return None
    lines = _all().of(body, len(body))
    return _unescaped(lines) if lines and newlines.count(lines) == newlines.count(body) else None


def unwrap(line: bytes) -> tuple[bytes, bool]:
    """Return what the container wrote, on one line and without its newline, and whether it went to stderr.

    A line that only looks wrapped gives nothing.
    """
    if line.startswith(b"{"):
        return _from_docker(line)
    found = _STREAM.search(line)
    return (line[found.end() :].rstrip(b"\n"), found[1] == b"err") if found else (b"", False)


def _from_docker(line: bytes) -> tuple[bytes, bool]:
    if found := _ONE.match(line):
        return _unescaped(found[1]), found[2] == b"stderr"
    try:
        other = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b"", False
    return other.log.rstrip("\r\n").replace("\n", " ").encode(), other.stream == "stderr"


def _unescaped(text: bytes) -> bytes:
    has_backslashes = rb"\\" in text
    if has_backslashes:
        text = text.replace(rb"\\", _BACKSLASH)
    for escape, character in _ESCAPES.items():
        if b"\\" not in text:
            break
        text = text.replace(escape, character)
    return text.replace(_BACKSLASH, b"\\") if has_backslashes else text
