"""Where in an output something was written, for the index. An output whose length surprises gets a new token."""

import os
from collections.abc import Callable

from msgspec import Struct

from sinks.file import safe_open
from sinks.index.place import COMPRESSIONS, Place, Written, give_token, keep_token


class Placing(Struct):
    """Follows the length of an open output, of which `place` says what the index knows it by."""

    fd: int
    place: Place
    length: int

    def wrote(self, size_bytes: int) -> Written:
        """Return where the last write went, if nobody else touched the output, which the next `settle` shows."""
        begin = self.length
        self.length = begin + size_bytes
        return Written(self.place, begin, self.length)

    def settle(self, length: int) -> None:
        """Give the output a new token, for which nothing was told yet, if its length is not the expected one.

        Then somebody has truncated it, or written to it.
        """
        if length != self.length:
            self.length = length
            self.place = Place(give_token(self.fd), self.place.identity, self.place.path, self.place.compression)


Locate = Callable[[int, str, bool], Placing | None]
"""Makes the `Placing` of an output that was opened: its descriptor, its name, and whether its length is known."""


def nowhere(_fd: int, _name: str, _known: bool) -> Placing | None:
    """Return None: there is no index."""
    return None


def located(compression: str) -> Locate:
    """Return what makes the `Placing` of outputs that are compressed like this."""

    def locate(fd: int, name: str, known: bool) -> Placing | None:
        token = keep_token(fd) if known else give_token(fd)
        place = Place(token, safe_open.identity(fd), name, COMPRESSIONS[compression])
        return Placing(fd, place, os.fstat(fd).st_size) if token else None

    return locate
