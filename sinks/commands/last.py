"""The last records of an archive, which a console shows before new ones: `console --archive TEMPLATE --last 50`."""

import logging
import select
import sys
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from logbus.batch import Batch, Lengths
from logbus.config.patterns import compile_glob
from logbus.eventtime import host_zone
from logbus.fields.matching import conditions
from logbus.wire.times import Times
from sinks import console
from sinks.search.asking import Found, Query, Source, digits_of
from sinks.search.files.sources import Listing, add_outputs, of_paths
from sinks.search.matching import matcher
from sinks.search.results.merging import merged
from sinks.search.results.running import Search
from sinks.search.results.showing import said
from sinks.sink import Context, Mark, OutputClosed
from sinks.where import LABELS

if TYPE_CHECKING:
    from sinks.console.settings import Settings

logger = logging.getLogger("sinks.console")
WAIT_S: Final = 0.1
UNKNOWN: Final = "archive"
"""The host and the label of a record of which nothing tells them."""


def show_last(archive: str, count: int, keys: Mapping[str, object], least: str) -> bool:
    """Show the last `count` records of an archive as a console with these keys does; return False if nobody reads them.

    `archive`: the path template of a file sink, or a file, a directory or a glob. What cannot be read is reported.
    Raises UsageError.
    """
    settings = msgspec.convert(keys, console.Settings)
    search = Search(_listing(archive).sources(), _query(settings, least))
    newest: list[Found] = []

    def find() -> None:
        found = merged(search.files, search.query, search.progress, search.room, _idle, newest_first=True, most=count)
        newest.extend(islice(found, count))

    search.run(find)
    for flaw in search.progress.flaws:
        logger.warning("%s", flaw)
    return _shown(settings, [_batch(each, search.files[each.source][0]) for each in reversed(newest)])


def _shown(settings: "Settings", batches: list[Batch]) -> bool:
    shown = console.open_sink(settings, Context("console", None, _remember))
    try:
        for batch in batches:
            shown.write(batch)
            while not shown.ready():
                select.select([], [sys.stdout], [], WAIT_S)
    except OutputClosed:
        return False
    finally:
        shown.close()
    return True


def _listing(archive: str) -> Listing:
    listing = Listing()
    if "{" in archive:
        add_outputs(listing, archive, "raw", {})
    else:
        listing = of_paths([archive])
    for flaw in listing.flaws:
        logger.warning("%s", flaw)
    return listing


def _query(settings: "Settings", least: str) -> Query:
    """Return what asks for the records that a console with these settings shows. Raises UsageError."""
    globs = {name: glob for name, glob in (("host", settings.host), ("label", settings.label)) if glob != "*"}
    own = {name: glob for name, glob in settings.field.items() if not name.startswith(LABELS)}
    return Query(
        matcher=matcher(settings.grep) if settings.grep else None,
        digits=digits_of(least),
        fields=conditions(own),
        names={name: compile_glob(glob) for name, glob in globs.items()},
        zone=host_zone(),
    )


def _batch(found: Found, source: Source) -> Batch:
    """Return a batch of one record."""
    told = said(found, source)
    body = told.message if told.message.endswith(b"\n") else told.message + b"\n"
    return Batch(
        body,
        bytes([found.digit]),
        host=told.host or UNKNOWN,
        label=told.label or UNKNOWN,
        path=told.path or str(source.path),
        lengths=Lengths([len(body)], [len(body)]),
        read_at_us=found.time_us,
        times=Times("", found.time_us, found.time_us),
    )


def _remember(_output: str, _mark: Mark) -> None:
    """Do nothing: a console has no outputs."""


def _idle() -> None:
    """Do nothing while the search waits."""
