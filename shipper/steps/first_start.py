"""What an input's first start decides: where to begin in the files that are there, and which of them are too old."""

import time
from collections.abc import Callable, Iterator

from shipper.settings import Input
from shipper.state.first_starts import read_fact, time_fact
from shipper.state.registry import Registry


class FirstStart:
    """The first starts of inputs, remembered in the registry. `clock_ns`: the wall clock, in ns since 1970."""

    def __init__(self, inputs: list[Input], registry: Registry, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._inputs = inputs
        self._registry = registry
        self._clock_ns = clock_ns

    def at_end(self, entry: Input) -> bool:
        """Return True if an input begins at the end of its files now."""
        return entry.start == "end" and not self._registry.fact(read_fact(entry.paths))

    def remember_end(self) -> None:
        """Remember that the files of inputs which start at the end were counted as read."""
        for each in self._inputs:
            if each.start == "end":
                self._registry.remember(read_fact(each.paths), "1")

    def times_ns(self) -> Iterator[tuple[Input, int]]:
        """Yield when each input with `ignore_older` first started, which may be now."""
        for each in self._inputs:
            if each.ignore_older:
                name = time_fact(each.paths)
                known = self._registry.fact(name)
                if not known:
                    known = str(self._clock_ns())
                    self._registry.remember(name, known)
                yield each, int(known)
