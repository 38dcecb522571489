"""Lines wrapped by a container runtime: Docker's json-file, one JSON object each, and CRI's (containerd, CRI-O).

What the container wrote is taken out: its text, with `o` or `e` before it for standard output or error. From a file
that Docker writes, PCRE2 takes all texts at once, and their escapes are replaced one kind after another.
"""

import functools
import re
from typing import Final

import msgspec

from logbus.native import newlines
from logbus.native.pcre2 import Substitution
from logbus.severity.key_levels import RARE_ESCAPE, SPECIAL
from logbus.severity.words import maybe, possessive, repeated


class _DockerLine(msgspec.Struct):
    log: str
    stream: str


STREAMS: Final = (b"stdout", b"stderr")
WRAPPERS: Final = (b"{", *STREAMS)
"""The tokens of wrapped lines."""
_BEGINS: Final = b'{"log":"'
_ESCAPES: Final = {
    rb"\"": b'"', rb"\t": b"\t", rb"\u001b": b"\x1b", rb"\n": b" ", rb"\r": b"\r", rb"\u003c": b"<", rb"\u003e": b">",
    rb"\u0026": b"&", rb"\/": b"/", rb"\b": b"\b", rb"\f": b"\f",
}  # fmt: skip
"""What Go's encoder writes, the usual ones first. Other escapes leave a line to the JSON decoder."""
_BACKSLASH: Final = b"\0"
"""Stands for an escaped backslash: no line of these has a NUL."""
_PLAIN: Final = rb"[^" + SPECIAL + rb"]"
_TEXT: Final = repeated(
    _PLAIN + rb'++|\\(?:["\\/tbf]|' + RARE_ESCAPE + rb")|\\[nr](?!" + repeated(rb"\\[nr]", b"*") + rb'")', b"*"
)
_TIME: Final = rb',"time":"' + _PLAIN + rb'*+"\}'
_DOCKER_LINE: Final = (
    rb'\{"log":"(' + _TEXT + rb")" + repeated(rb"\\[nr]", b"*") + rb'","stream":"std(o|e)(?:ut|rr)"'
    + maybe(rb',"attrs":\{[^{}\x00-\x1f]*+\}') + _TIME
)  # fmt: skip
REST: Final = (
    repeated(_PLAIN + rb'++|\\(?:["\\/bfnrt]|' + RARE_ESCAPE + rb")", b"*")
    + rb'","stream":"std(?:out|err)"'
    + _TIME
    + rb"$"
)
"""What follows within the text of Docker's line, and behind it."""
_TEXT_LINE: Final = b"$2$1\n"
_ONE: Final = re.compile(_DOCKER_LINE + rb"\n?\Z")
_STREAM: Final = re.compile(rb"std(out|err) [FP] ")
_decoder = msgspec.json.Decoder(_DockerLine)


@functools.cache
def _all() -> Substitution:
    return Substitution(possessive(rb"(?m)^" + _DOCKER_LINE + rb"\n"), _TEXT_LINE)


def texts(body: bytes) -> bytes | None:
    """Return what the lines of Docker's `body` hold; None if one is no such line, or without PCRE2."""
    if not (body.startswith(_BEGINS) and body.endswith(b"\n")):
        return None
    found = _all().of(body, len(body))
    return _unescaped(found) if found and newlines.count(found) == newlines.count(body) else None


def text(line: bytes) -> bytes:
    """Return what a wrapped line holds, without its newline. A line that only looks wrapped holds nothing."""
    if line.startswith(b"{"):
        return _from_docker(line)
    found = _STREAM.search(line)
    return found[1][:1] + line[found.end() :].rstrip(b"\n") if found else b"o"


def _from_docker(line: bytes) -> bytes:
    if found := _ONE.match(line):
        return found[2] + _unescaped(found[1])
    try:
        other = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b"o"
    stream = b"e" if other.stream == "stderr" else b"o"
    return stream + other.log.rstrip("\r\n").replace("\n", " ").encode()


def _unescaped(text: bytes) -> bytes:
    has_backslashes = rb"\\" in text
    if has_backslashes:
        text = text.replace(rb"\\", _BACKSLASH)
    for escape, character in _ESCAPES.items():
        if b"\\" not in text:
            break
        text = text.replace(escape, character)
    return text.replace(_BACKSLASH, b"\\") if has_backslashes else text
