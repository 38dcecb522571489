"""Opens the indexes of sinks for a search, and says which are not used."""

from collections.abc import Callable, Mapping
from pathlib import Path

from logbus.errors import visible
from sinks.index.reading import Reader, Unusable, opened
from sinks.search.asking import Query
from sinks.search.indexed.tallying import HourTally, can_tally
from sinks.search.indexed.worth import Indexed

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
