"""Where a row may begin: borders of frames, in the file as on disk and in its content."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from logbus.errors import SourceError
from sinks.search.files.segments import frames_in


class Border(NamedTuple):
    """A place in a file: bytes as on disk, and bytes of its content."""

    at: int
    content: int


def frame_borders(fd: int, size_bytes: int) -> Iterator[Border]:
    """Yield where the frames of a `.zst` file end, of its first `size_bytes`. Raises SourceError, OSError."""
    content = 0
    for end, size in frames_in(fd, size_bytes):
        if size is None:
            raise SourceError("settle it", "its frames do not state their size, or are large", "no sink wrote it")
        content += size
        yield Border(end, content)


@dataclass(slots=True)
class Walk:
    """Goes over borders once, forwards; None: every byte of the file is one, because it is no series of frames."""

    borders: Iterator[Border] | None
    _next: Border | None = field(default=Border(0, 0), init=False)

    def up_to(self, content: int) -> Iterator[Border]:
        """Yield the borders that nobody has seen yet, as far as this place in the content."""
        while self._next and self._next.content <= content:
            yield self._next
            self._next = next(self.borders, None) if self.borders else None

    def content_of(self, at: int) -> int | None:
        """Return the place in the content of a place in the file, which is behind earlier ones; None if no border."""
        if self.borders is None:
            return at
        while self._next and self._next.at < at:
            self._next = next(self.borders, None)
        return self._next.content if self._next and self._next.at == at else None
