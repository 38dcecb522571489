"""Levels under a key in the operator's own words or numbers, or under a path of keys; line by line."""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from logbus.severity.key_levels import LEVEL_KEYS
from logbus.severity.levels import UNSTATED, parse_severity, severity_of_word
from logbus.severity.words import JSON_NUMBERS, repeated

Values = Callable[[bytes], Iterator[str]]
"""Line -> what may be its level, the most likely first."""

_USUAL: Final = re.compile(LEVEL_KEYS + rb"|(?i:priority)")
_PAIR: Final = re.compile(
    rb'(?:^|[ \t])([A-Za-z_][\w.@/-]{0,64}+)=("' + repeated(rb'[^"\\\n]++|\\.', b"*") + rb'"|[^"\s]*+)'
)
_NUMBERS: Final = {
    number: b"%d" % parse_severity(level) for level, some in JSON_NUMBERS.items() for number in some.split()
}
_OBJECT_WITHIN: Final = 64
"""`@cee:`, a byte order mark or blanks may precede an object."""
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def own_reader(
    values: Values, levels: Mapping[str, bytes], usual: Callable[[bytes], bytes]
) -> Callable[[bytes], bytes]:
    """Return the reader of one of `values` as `levels` have it, or else as the reader `usual` does.

    `levels`: word or number, in lower case -> digit. In one line, words are preferred to numbers.
    """

    def digit(line: bytes) -> bytes:
        found = list(values(line))
        for value in sorted(found, key=_is_number):
            if level := levels.get(value.lower()):
                return level
            severity = severity_of_word(value.encode())
            if severity is not None and not _is_number(value):
                return b"%d" % severity
        return b""

    def read(body: bytes) -> bytes:
        stated = usual(body)
        found = map(digit, io.BytesIO(body))
        return b"".join(own or bytes([other]) for own, other in zip(found, stated, strict=True))

    return read


def _is_number(value: str) -> bool:
    return value.removeprefix("-").isdecimal()


def nested_reader(path: str, usual: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return the reader of the level at a path of keys, with dots between them, where `usual` finds none."""
    own = own_reader(lambda line: json_values(line, path), _NUMBERS, lambda body: UNSTATED * body.count(b"\n"))

    def read(body: bytes) -> bytes:
        stated = usual(body)
        if UNSTATED not in stated:
            return stated
        lines = io.BytesIO(body)
        return b"".join(
            own(line.rstrip(b"\n") + b"\n") if digit == ord(UNSTATED) else bytes([digit])
            for line, digit in zip(lines, stated, strict=True)
        )

    return read


def json_values(line: bytes, path: str = "") -> Iterator[str]:
    """Yield the value under a key, or at a path of keys, of a line's object; without a path, under the usual keys."""
    at = line.find(b"{", 0, _OBJECT_WITHIN)
    try:
        found = _decoder.decode(line[at:]) if at >= 0 else {}
        if path:
            yield from _text(_at(found, path))
            return
        for key, value in found.items():
            if _USUAL.fullmatch(key.encode(errors="replace")):
                yield from _text(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return


def _at(found: dict[str, msgspec.Raw], path: str) -> msgspec.Raw | None:
    """Return the value under the longest key that `path` begins with, and so on."""
    if path in found:
        return found[path]
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        inner = found.get(".".join(parts[:count]))
        if inner is not None and bytes(inner).lstrip()[:1] == b"{":
            value = _at(_decoder.decode(inner), ".".join(parts[count:]))
            if value is not None:
                return value
    return None


def _text(value: msgspec.Raw | None) -> Iterator[str]:
    """Yield a string or a whole number as text."""
    if value is None:
        return
    found: object = msgspec.json.decode(value)
    if isinstance(found, str) or (isinstance(found, int) and not isinstance(found, bool)):
        yield str(found)


def logfmt_values(line: bytes, key: str = "") -> Iterator[str]:
    """Yield the value of the pair `key`; without one, those of the usual keys."""
    for found in _PAIR.finditer(line):
        if found[1] == key.encode() if key else _USUAL.fullmatch(found[1]):
            yield found[2].strip(b'"').decode(errors="replace")
