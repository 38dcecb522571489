"""The console's sink: wanted records to standard output."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial

from logbus.batch import Batch
from logbus.errors import UsageError
from sinks.console import colours, json_lines
from sinks.console.choosing import Wanted
from sinks.console.output import Output, columns_of
from sinks.console.settings import Settings
from sinks.console.text import Text
from sinks.readers import STDOUT
from sinks.sink import Context

Show = Callable[[Batch], Iterator[bytes]]
"""Formats a batch, a piece at a time."""


class Console:
    """Shows batches on `fd`, formatted by `show`; if the reader is slow, the rest waits for `ready`."""

    def __init__(self, settings: Settings, show: Show, fd: int = STDOUT) -> None:
        self._wanted = Wanted(settings)
        self._show = show
        self._output = Output(fd)

    def write(self, batch: Batch) -> None:
        """Show as much of a batch as there is room for. Raises OutputClosed when the reader is gone, OutputError."""
        wanted = self._wanted.of(batch)
        if wanted is not None:
            for piece in self._show(wanted):
                self._output.add(piece)

    def ready(self) -> bool:
        """Show as much of the rest as there is room for; return True if that was all. Raises as `write` does."""
        return self._output.ready()

    def commit(self) -> None:
        """Do nothing: what was written has been shown."""

    def close(self) -> None:
        """Leave standard output as it was."""
        self._output.close()


def open_sink(settings: Settings, _context: Context) -> Console:
    """Return a console on standard output. Raises UsageError if it is closed."""
    if sys.stdout.name == os.devnull:
        raise UsageError("show records", "standard output is closed", "leave out >&-, or redirect it to a file")
    if settings.format == "json":
        return Console(settings, partial(json_lines.pieces, which=settings.parsed))
    return Console(settings, text_for(settings, STDOUT).pieces)


def text_for(settings: Settings, fd: int) -> Text:
    """Return what shows batches as text on `fd`, which may be a terminal."""
    terminal = os.isatty(fd)
    colour = colours.are_wanted(settings.color, terminal=terminal)
    return Text(settings, colour=colour, terminal=partial(columns_of, fd) if terminal else None)


def durable(_settings: Settings) -> bool:
    """Return False: a console keeps no state."""
    return False
