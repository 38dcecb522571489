"""One record by its link: after rotation, too, by when it happened, whose it is, and the checksum of its text.

The archive does not keep a record's place in its stream, so that is not what it is found by. Where two records of one
time and host have the same text, either is the answer: they look the same.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from logbus.config.patterns import compile_glob
from logbus.decoding import decoded
from logbus.errors import UsageError
from logbus.eventtime import host_zone
from sinks.search.asking import Query
from sinks.search.results.showing import as_json, said
from sinks.web.archive.archive import Archive

ZONES_US: Final = 14 * 3_600_000_000
"""No zone is further from UTC: a time that states none is read in this host's, and was in the shipper's."""
NEAR_US: Final = 1_000_000
CANDIDATES_MAX: Final = 100_000


class Link(Struct, frozen=True):
    """What a link says: when the record happened in microseconds since 1970, its host, and its text's CRC-32."""

    time_us: int
    host: str
    crc: int


def link_of(time_us: str, host: str, crc: str) -> Link:
    """Return what a link says. Raises UsageError."""
    try:
        return Link(int(time_us[:20]), host, int(crc[:8], 16))
    except ValueError:
        raise UsageError("find the record", "its link is not whole", "copy the link again") from None


def find_linked(archive: Archive, time_us: str, host: str, crc: str) -> bytes | None:
    """Return the record that a link says, as JSON; None if the archive has it not. Raises UsageError."""
    return find(archive, link_of(time_us, host, crc))


def find(archive: Archive, link: Link) -> bytes | None:
    """Return a record as JSON; None if the archive has it not. Raises UsageError."""
    for around_us in (NEAR_US, ZONES_US):
        query = Query(since_us=link.time_us - around_us, until_us=link.time_us + around_us, zone=host_zone())
        names = {"host": compile_glob(_literally(link.host))}
        with archive.search(replace(query, names=names)) as search:
            files = [source for source, _ in search.files]
            for hit in search.hits(CANDIDATES_MAX, _nothing):
                what = said(hit, files[hit.source])
                if crc_of(what.message) == link.crc and what.host in {"", link.host}:
                    return as_json(files)(hit).rstrip(b"\n")
    return None


def crc_of(message: bytes) -> int:
    """Return the CRC-32 of a record's text as browsers see it."""
    text = decoded(message.removesuffix(b"\n").removesuffix(b"\r"))
    return zlib.crc32(text.encode(errors="replace"))


def _literally(text: str) -> str:
    """Return a glob that matches just a text."""
    return "".join(_escaped(text))


def _escaped(text: str) -> Iterator[str]:
    for character in text:
        yield f"[{character}]" if character in "*?[" else character


def _nothing() -> None:
    """Do nothing while a search goes on."""
