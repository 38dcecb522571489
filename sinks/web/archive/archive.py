"""The archive: the outputs of the file sinks of a sinks.yml, searched by their index where there is one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct

from logbus.command_line.later import later
from logbus.config.settings import load_document
from sinks.search.asking import Found, Query, Source
from sinks.search.files.sources import Listing, add_outputs
from sinks.search.looking import Progress, Worth, all_that_may_match
from sinks.search.results.bars import Bars
from sinks.search.results.buckets import edges_of
from sinks.search.results.merging import merged
from sinks.search.results.waiting import Room
from sinks.search.spans import Reading
from sinks.web.archive.counting import Counting, begun, within_us

file_sinks, states = (later("sinks.archives", each) for each in ("file_sinks", "states"))
indexed, readers_of, _barred = (
    later("sinks.search.indexed.opening", each) for each in ("indexed", "readers_of", "barred")
)
"""Imports all sinks, and what reads indexes: only where there is an archive."""
Barred = Callable[[Query, Bars, Sequence[Source]], list[tuple[Source, Reading]]]


class Search(Struct, frozen=True):
    """A search that was begun: `files` to read, how far it is, and `room`, by which it is stopped.

    `barred` counts in bars what indexes tell exactly while the search is open, and returns what has to be read.
    """

    query: Query
    files: list[tuple[Source, Reading]]
    progress: Progress
    room: Room
    barred: Barred

    def hits(self, limit: int, idle: Callable[[], None]) -> Iterator[Found]:
        """Yield at most so many hits, the newest first; `idle` is called meanwhile."""
        found = merged(self.files, self.query, self.progress, self.room, idle, newest_first=True, most=limit)
        for number, hit in enumerate(found, 1):
            self.progress.hits = number
            yield hit
            if number == limit:
                return

    def bars(self, times_us: Sequence[int], stopped: Callable[[], bool], *, are_all: bool) -> Bars:
        """Return bars of the time that is searched, or in which the hits are; nothing is counted in them yet.

        `times_us`: of the newest hits; `are_all`: whether there are no others.
        """
        files = () if are_all else self.files
        edges = edges_of(self.query, within_us(files, self.query, times_us, stopped))
        return Bars(edges, self.query.since_us)

    def counting(self, bars: Bars) -> Counting:
        """Begin to count in bars all that the search matches: what indexes tell is counted at once."""
        return begun(self.query, bars, self.barred(self.query, bars, [source for source, _ in self.files]))

    def stop(self) -> None:
        """Let it end; from any thread."""
        self.room.stop()


class Archive(Struct, frozen=True):
    """Which file sinks of which sinks.yml can be searched."""

    config: Path
    names: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise UsageError if the configuration has no such file sinks."""
        file_sinks(self.config, load_document(self.config), self.names)

    @contextmanager
    def search(self, query: Query) -> "Iterator[Search]":
        """Begin a search, and end it. Raises UsageError."""
        document = load_document(self.config)
        archives = file_sinks(self.config, document, self.names)
        listing, said = Listing(), list[str]()
        for settings in archives.values():
            add_outputs(listing, settings.path, settings.format, query.names)
        kept = {name: state for name, state in states(document, self.names).items() if name in archives}
        readers = readers_of(kept, said.append)
        worth = indexed(readers, query, ()) if readers else None
        search = _begun(listing, query, worth or all_that_may_match, partial(_barred, readers))
        try:
            yield search
        finally:
            search.stop()
            if worth:
                worth.close()


def _begun(listing: Listing, query: Query, worth: Worth, barred: Barred) -> Search:
    pairs = ((each, worth(each, query)) for each in listing.sources())
    files = [(each, reading) for each, reading in pairs if reading.spans]
    room = Room()
    sizes = [reading.size_bytes(each.size_bytes) for each, reading in files]
    progress = Progress(sizes, flaws=list(listing.flaws), stopped=lambda: room.stopped)
    return Search(query, files, progress, room, barred)
