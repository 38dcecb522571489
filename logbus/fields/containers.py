"""What container runtimes wrap: the lines of a record taken out of Docker's json-file or CRI's format, pieces joined.

A line that is longer than a runtime's buffer comes in pieces: CRI marks all but the last with `P`, Docker writes no
newline at their end. Those of standard output and of standard error are joined apart; the lines then stand in the order
of their first pieces.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from logbus.fields import objects


class _DockerLine(msgspec.Struct, forbid_unknown_fields=True):
    log: str
    stream: str
    time: str
    attrs: dict[str, str] = {}


STREAMS: Final = ("stdout", "stderr")
_DOCKER: Final = b'{"log":"'
_CRI: Final = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:[0-9]{2}) (stdout|stderr) ([FP])(?:[FP:]{0,8})(?: |\Z)"
)
_KEYS: Final = frozenset(_DockerLine.__struct_fields__)
"""With other keys, it is an object of a collector, and its fields count."""
_Piece = tuple[str, bytes, bool]
"""Its stream, its text, and whether its line ends with it."""
_decoder: Final = msgspec.json.Decoder(_DockerLine)


def unwrapped(record: bytes) -> tuple[bytes, str] | None:
    """Return what a record's lines wrap, and the stream of the first; None if the first line is not wrapped.

    A line behind it that is not wrapped is kept as it is.
    """
    piece = _from_docker if record.startswith(_DOCKER) else _from_cri
    first = piece(record.partition(b"\n")[0])
    if first is None:
        return None
    return _joined(piece(line) or (first[0], line, True) for line in _lines(record)), first[0]


def _lines(record: bytes) -> Iterator[bytes]:
    """Yield the lines of a record without their ends, one at a time."""
    at = 0
    while (end := record.find(b"\n", at)) >= 0:
        yield record[at:end]
        at = end + 1
    yield record[at:]


def _joined(pieces: Iterable[_Piece]) -> bytes:
    """Return the text of all lines.

    Only a line in pieces has a list: with one for each line, a large record would start garbage collections.
    """
    lines: list[bytes] = []
    unfinished: dict[str, tuple[int, list[bytes]]] = {}
    for stream, text, ends in pieces:
        if begun := unfinished.get(stream):
            begun[1].append(text)
            if ends:
                del unfinished[stream]
                lines[begun[0]] = b"".join(begun[1])
            continue
        if not ends:
            unfinished[stream] = len(lines), [text]
        lines.append(text)
    for number, texts in unfinished.values():
        lines[number] = b"".join(texts)
    return b"\n".join(lines)


def _from_cri(line: bytes) -> _Piece | None:
    found = _CRI.match(line)
    return (found[1].decode(), line[found.end() :].removesuffix(b"\r"), found[2] == b"F") if found else None


def _from_docker(line: bytes) -> _Piece | None:
    try:
        each = _decoder.decode(line)
    except (ValueError, RecursionError):
        return _from_nearly_docker(line)
    return _piece(each.stream, each.log)


def _from_nearly_docker(line: bytes) -> _Piece | None:
    """Return the piece of a line that is JSON only nearly, with bytes that are not UTF-8, say."""
    found = objects.object_in(line) or {}
    log, stream = found.get("log"), found.get("stream")
    if not isinstance(log, str) or not isinstance(stream, str) or "time" not in found or not set(found) <= _KEYS:
        return None
    return _piece(stream, log)


def _piece(stream: str, log: str) -> _Piece | None:
    if stream not in STREAMS:
        return None
    text = log.removesuffix("\n")
    ends = len(text) < len(log)
    return stream, (text.removesuffix("\r") if ends else text).encode(), ends
