"""What records say, as JSON, for sinks that write objects.

A record that is a JSON object is its own text. Where all records of a batch are such objects, one call checks them, and
no object is made of any.
"""

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from logbus.batch import Batch, records

if TYPE_CHECKING:
    from logbus.fields import Parsed

_OWN_MESSAGE: Final = frozenset(["json", "logfmt"])
"""Formats in which the message is one of the fields."""
_several: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_CRI: Final = re.compile(rb"[0-9T:.+Z-]{20,40} std(?:out|err) [FP]:?\S* \{")
_WRAPPED: Final = b'{"log":"'


Which = Literal["all", "objects", "none"]
"""Whose fields are written: those of all records, or only of those that are JSON, which takes the least time."""


def fields_as_json(batch: Batch, which: Which) -> list[bytes]:
    """Return an object for each record, with its fields and its message, or b"" for one that has none."""
    if which == "none" or (which == "objects" and not _may_hold_objects(batch.body)):
        return [b""] * len(batch.levels)
    each = [record.rstrip(b"\r\n") for record in records(batch)]
    if _are_objects(each):
        return each
    if which == "all":
        return _of_all(each)
    return [_of_all([record])[0] if record[:1] == b"{" or _CRI.match(record) else b"" for record in each]


def _may_hold_objects(body: bytes) -> bool:
    """Return False if there is no brace, or none that begins a record, also in a container's line."""
    return b"{" in body and (body.startswith(b"{") or b"\n{" in body or b" stdout " in body or b" stderr " in body)


def _are_objects(each: list[bytes]) -> bool:
    """Return True if each is a JSON object on a line, in UTF-8; False also for those of a container runtime."""
    joined = b",".join(each)
    if not joined.startswith(b"{") or joined.startswith(_WRAPPED) or b"\n" in joined or b"\r" in joined:
        return False
    try:
        joined.decode()
        found = _several(b"[%b]" % joined)
    except (ValueError, RecursionError):
        return False
    return list(map(bytes, found)) == each and all(record[:1] == b"{" for record in each)


def _of_all(each: list[bytes]) -> list[bytes]:
    from logbus.fields import parse_all  # noqa: PLC0415 - only where somebody asks

    return [_as_json(found, text) for found, text in zip(parse_all(each), each, strict=True)]


def _as_json(found: "Parsed", text: bytes) -> bytes:
    from logbus.fields import text_of  # noqa: PLC0415 - as above

    told = {"stream": found.stream} if found.stream else {}
    if found.format not in _OWN_MESSAGE and found.message != text:
        told["message"] = found.message.decode(errors="backslashreplace")
    fields = {**told, **found.fields}
    return text_of(fields).encode() if fields else b""
