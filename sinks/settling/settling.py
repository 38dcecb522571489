"""Reads one output, and yields its settled rows, in bounded memory."""

import os
from collections.abc import Iterator
from datetime import tzinfo

from logbus.errors import SourceError
from sinks.search.asking import Query, Source
from sinks.search.files.opening import identity_of
from sinks.search.files.reading import Content
from sinks.search.finding import Finder
from sinks.settling.opened import Heard, Opened, walk_of
from sinks.settling.published import Old, Published
from sinks.settling.rows import Row, Rows


def rows_of(opened: Opened, old: Iterator[Old], layout: str, zone: tzinfo, heard: Heard) -> Iterator[Row]:
    """Yield the settled rows of an output; `layout`: the format of its sink. Raises SourceError."""
    source = Source(opened.path, identity_of(os.fstat(opened.fd)), opened.size_bytes, opened.changed_us, {}, layout)
    finder = Finder(Query(zone=zone), source, 0, opened.changed_us)
    content = Content(opened.fd, heard, ((0, opened.limit),))
    rows = Rows(walk_of(opened), Published(old), opened.changed_us)
    try:
        yield from rows.of(finder.views(content.pieces()), finished=opened.finished)
    except OSError as error:
        raise SourceError(f"settle {opened.path}", error) from error
    except SourceError as error:
        raise SourceError(f"settle {opened.path}", error.cause) from error
