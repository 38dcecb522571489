"""Opens the indexes of sinks for a search, and says which are not used."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from logbus.errors import visible
from sinks.index.reading import Reader, Unusable, opened
from sinks.search.asking import Query, Source
from sinks.search.indexed.bar_tally import BarTally
from sinks.search.indexed.tallying import HourTally, can_tally
from sinks.search.indexed.worth import Indexed
from sinks.search.results.bars import Bars
from sinks.search.spans import Reading

Say = Callable[[str], None]


def readers_of(states: Mapping[str, Path], say: Say, without: str = "all is read") -> list[Reader]:
    """Return the indexes of sinks, by their names and state directories; say which is not used, and why.

    `without`: what becomes of the answer if there is no index.
    """
    found: list[Reader] = []
    flawed = False
    for name, state in states.items():
        try:
            reader = opened(state)
        except Unusable as error:
            flawed = True
            say(visible(f"the index of {name} is not used: {error}"))
        else:
            found += [reader] if reader else []
    if not found and not flawed:
        say(f"no index: {without}")
    return found


def indexed(readers: list[Reader], query: Query, groups: tuple[str, ...]) -> Indexed:
    """Return what tells what of a file is worth reading; if `groups` are to be counted, it counts what it can."""
    tally = HourTally(groups) if groups and can_tally(query) else None
    return Indexed(readers, tally)


def barred(readers: list[Reader], query: Query, bars: Bars, sources: Sequence[Source]) -> list[tuple[Source, Reading]]:
    """Count in bars what the indexes tell exactly; return what has to be read of the files for the rest."""
    tally = BarTally(bars.edges) if can_tally(query) else None
    worth = Indexed(readers, tally)
    pairs = [(each, worth(each, query)) for each in sources]
    if tally:
        tally.move_to(bars, query)
    return [(each, reading) for each, reading in pairs if reading.spans]
