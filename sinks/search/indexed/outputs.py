"""Which output of an index a listed file is, and what the index tells of it."""

import os
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from sinks.index.place import COMPRESSIONS
from sinks.index.reading import Known, Reader, Row
from sinks.search.asking import Source
from sinks.search.files.opening import open_listed
from sinks.search.files.reading import kind_of
from sinks.search.spans import END

GZIP: Final = COMPRESSIONS["gzip"]
ZSTD: Final = COMPRESSIONS["zstd"]
KINDS: Final = {COMPRESSIONS["none"]: "", ZSTD: "zstd", GZIP: "gzip"}
"""What `kind_of` says of each compression, by an index's number."""
_HEAD_BYTES: Final = 4
_SIZE_BYTES: Final = 4
_SIZE_MASK: Final = 0xFFFFFFFF


class Entry(Struct, frozen=True):
    """A file that an index knows; `stated_bytes`: of a gzip file's content, the last 32 bits, which it states."""

    reader: Reader
    known: Known
    stated_bytes: int | None

    def size_bytes(self, end: int) -> int:
        """Return the size to which rows refer, of which the last one ends there; END if that is not known."""
        if self.stated_bytes is None:
            return self.known.size_bytes
        return end if self.stated_bytes == end & _SIZE_MASK else END

    def output(self, *, parts: bool = False, hours: bool = False) -> "Output | None":
        """Return it with its rows, None if it has none; parts and hours only if asked for. Raises Unusable."""
        rows = [_exact(row) for row in self.reader.rows(self.known, parts=parts, hours=hours)]
        return Output(self.reader, self.known, rows, self.size_bytes(rows[-1].end)) if rows else None


class Output(Struct, frozen=True):
    """An output that an index knows, with its rows; it is complete at `size_bytes`, or at END if that is not known."""

    reader: Reader
    known: Known
    rows: Sequence[Row]
    size_bytes: int


def known_as(source: Source, readers: Sequence[Reader]) -> Entry | None:
    """Return what an index knows a listed file as, None if none does. Raises Unusable, SourceError, OSError."""
    if not readers:
        return None
    opened = open_listed(source.path, source.identity, follow=source.follow)
    try:
        for reader in readers if opened.identity == source.identity else ():
            known = reader.known(opened.fd)
            if known and kind_of(os.pread(opened.fd, _HEAD_BYTES, 0)) == KINDS[known.compression]:
                return Entry(reader, known, _stated_bytes(opened.fd) if known.compression == GZIP else None)
    finally:
        os.close(opened.fd)
    return None


def _exact(row: Row) -> Row:
    """Return a row that is settled only if it tells where it begins."""
    return row if row.content_begin is not None and row.first_line is not None else row._replace(settled=0)


def _stated_bytes(fd: int) -> int:
    return int.from_bytes(os.pread(fd, _SIZE_BYTES, os.fstat(fd).st_size - _SIZE_BYTES), "little")
