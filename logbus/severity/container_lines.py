"""Lines wrapped by a container runtime: Docker's json-file, one JSON object each, and CRI's (containerd, CRI-O).

What the container wrote is taken out: its text, with `o` or `e` before it for standard output or error. From a file
that Docker writes, PCRE2 takes all texts at once, and their escapes are replaced one kind after another.

A runtime cuts a long line into pieces: each but the last has the tag P, or in Docker's file no newline in its text.
"""

import functools
import io
import re
from typing import Final, NamedTuple

import msgspec

from logbus.native import memmem, newlines
from logbus.native.pcre2 import Substitution
from logbus.severity.columns import CRI_STAMP
from logbus.severity.key_levels import RARE_ESCAPE, SPECIAL
from logbus.severity.words import maybe, possessive, repeated


class _DockerLine(msgspec.Struct):
    log: str
    stream: str
    time: str = ""


class Wrapped(NamedTuple):
    """What a wrapped line holds: `o` or `e` for the stream, in capitals for a piece that another one follows; text."""

    stream: bytes
    text: bytes

    @property
    def is_piece(self) -> bool:
        """Whether another piece follows."""
        return self.stream.isupper()


STREAMS: Final = (b"stdout", b"stderr")
WRAPPERS: Final = (b"{", *STREAMS)
"""The tokens of wrapped lines."""
_BEGINS: Final = b'{"log":"'
_TELLING: Final = (_BEGINS, b" std")
"""Each wrapped line has one of these."""
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
_NEWLINES: Final = repeated(rb"\\[nr]", b"+") + rb"(?<=n)"
"""How the text of a whole line ends."""


def _docker_line(end: bytes) -> bytes:
    """Return the pattern of Docker's line: its text up to `end`, and the initial of its stream."""
    return (
        rb'\{"log":"(' + _TEXT + rb")" + end + rb'","stream":"std(o|e)(?:ut|rr)"'
        + maybe(rb',"attrs":\{[^{}\x00-\x1f]*+\}') + _TIME
    )  # fmt: skip


REST: Final = (
    repeated(_PLAIN + rb'++|\\(?:["\\/bfnrt]|' + RARE_ESCAPE + rb")", b"*")
    + rb'(?<=[^\\]\\n)","stream":"std(?:out|err)"'
    + _TIME
    + rb"$"
)
"""What follows within the text of Docker's line, if that ends with a newline before which no backslash stands; and
behind it."""
_TEXT_LINE: Final = b"$2$1\n"
_ONE: Final = re.compile(_docker_line(rb"(?P<end>(?:\\[nr])*)") + rb"\n?\Z")
_CRI: Final = rb"std(o|e)(?:ut|rr) ([FP])(?::[^ \n]*+)? "
"""The stream, and the tag, behind which the runtime may add others."""
_STREAM: Final = re.compile(_CRI)
_CRI_LINE: Final = re.compile(CRI_STAMP + _CRI)
LINES: Final = {
    letter: CRI_STAMP + rb"std%b %b(?::[^ \n]*+)? " % how
    for letter, how in {"o": (b"out", b"F"), "e": (b"err", b"F"), "O": (b"out", b"P"), "E": (b"err", b"P")}.items()
} | {"d": rb"\{\"log\":\""}
"""How wrapped lines begin: CRI's by the letters of `Wrapped`, and Docker's."""
_decoder = msgspec.json.Decoder(_DockerLine)


@functools.cache
def _all_docker() -> Substitution:
    return Substitution(possessive(rb"(?m)^" + _docker_line(_NEWLINES) + rb"\n"), _TEXT_LINE)


def texts(body: bytes) -> bytes | None:
    """Return what the lines of Docker's `body` hold; None if one is a piece or no such line, or without PCRE2."""
    if not (body.startswith(_BEGINS) and body.endswith(b"\n")):
        return None
    found = _all_docker().of(body, len(body))
    return _unescaped(found) if found and newlines.count(found) == newlines.count(body) else None


def text(line: bytes) -> bytes:
    """Return what a wrapped line holds, without its newline. A line that only looks wrapped holds nothing."""
    if line.startswith(b"{"):
        wrapped = _from_docker(line)
        return wrapped.stream.lower() + wrapped.text if wrapped else b"o"
    found = _STREAM.search(line)
    return found[1] + line[found.end() :].rstrip(b"\n") if found else b"o"


def unwrapped(line: bytes) -> Wrapped | None:
    """Return what a wrapped line holds; None if it is not wrapped, or only looks so."""
    if line.startswith(_BEGINS):
        return _from_docker(line)
    found = _CRI_LINE.match(line)
    if not found:
        return None
    stream = found[1].upper() if found[2] == b"P" else found[1]
    return Wrapped(stream, line[found.end() :].rstrip(b"\n"))


def joined(body: bytes, codes: bytes, continues: int) -> bytes:
    """Return the `codes` of lines with that of what `continues` a record for those within a text in pieces.

    What the other stream wrote in between is part of it, and a line that is not wrapped ends it.
    """
    found = bytearray(codes)
    unfinished: set[bytes] = set()
    for number, line in enumerate(io.BytesIO(body)):
        if unfinished:
            found[number] = continues
        wrapped = unwrapped(line)
        if wrapped is None:
            unfinished.clear()
        elif wrapped.is_piece:
            unfinished.add(wrapped.stream.lower())
        else:
            unfinished.discard(wrapped.stream)
    return bytes(found)


def may_be_in(body: bytes) -> bool:
    """Return False if none of a body's lines is wrapped."""
    return any(memmem.find(body, text) >= 0 for text in _TELLING)


def begins(body: bytes) -> bool:
    """Return True if the first line may be wrapped, and so be the rest of a text in pieces."""
    return body.startswith(_BEGINS) or _CRI_LINE.match(body) is not None


def _from_docker(line: bytes) -> Wrapped | None:
    if found := _ONE.match(line):
        stream = found[3] if found["end"].endswith(b"n") else found[3].upper()
        return Wrapped(stream, _unescaped(found[1]))
    try:
        other = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    is_piece = bool(other.time) and not other.log.endswith("\n")
    stream = b"e" if other.stream == "stderr" else b"o"
    return Wrapped(
        stream.upper() if is_piece else stream, other.log.rstrip("\r\n").replace("\n", " ").encode(errors="replace")
    )


def _unescaped(text: bytes) -> bytes:
    has_backslashes = rb"\\" in text
    if has_backslashes:
        text = text.replace(rb"\\", _BACKSLASH)
    for escape, character in _ESCAPES.items():
        if b"\\" not in text:
            break
        text = text.replace(escape, character)
    return text.replace(_BACKSLASH, b"\\") if has_backslashes else text
