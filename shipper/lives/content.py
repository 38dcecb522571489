"""What a file holds, without the space at its end that a writer took in advance and fills in place (NULs)."""

import os

from shipper.files.space import SEARCH_BYTES, ends_in_content, first_byte

MOST_READS = 10
"""So often what holds NULs is read again while it changes."""


class Content:
    """Reads the content of files whose characters are of `unit` bytes each, or pairs of these.

    After a read, `space` is how many NULs, which are no content, the file ends with; `searching`: up to `searched`
    there is nothing else, and it is not known what follows. `in_place`: it ended with space once, so its writer fills
    it.
    """

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self.space = self.searched = 0
        self.searching = self.in_place = False

    def read(self, fd: int, most: int, at: int, start: int) -> bytes:
        """Return at most `most` bytes from `at` on, without what is space behind the first `start` of them.

        A writer in place may have filled what was read as NULs before what follows was read: so NULs that something
        follows count only if they are read twice.
        """
        self.space, self.searching = 0, False
        data, before = os.pread(fd, most, at), b""
        for _ in range(MOST_READS):
            if data.find(b"\0", start) < 0:
                break
            end = max(start, len(data.rstrip(b"\0")))
            space = end < len(data) and not self._goes_on(fd, at + len(data))
            content = data[:end] if space else data
            if content.find(b"\0", start) < 0 or content == before[: len(content)]:
                return self._without_space(fd, data, at, end) if space else data
            data, before = os.pread(fd, most, at), data
        return data

    def search_again(self) -> None:
        """Search what follows from the next read's end."""
        self.searched = 0

    def _without_space(self, fd: int, data: bytes, at: int, end: int) -> bytes:
        """Return data[:end], up to the end of a unit, and note how much space follows; `data` begins at `at`."""
        end = min(len(data), end + -(at + end) % self._unit)
        self.space = max(0, os.fstat(fd).st_size - at - end)
        self.in_place = True
        return data[:end]

    def _goes_on(self, fd: int, position: int) -> bool:
        """Return True if anything but NULs is known to follow; `searching` if that takes another step."""
        size = os.fstat(fd).st_size
        self.searching = False
        if position >= size or ends_in_content(fd, size):
            return position < size
        start = max(position, self.searched)
        found, self.searched = first_byte(fd, start, start + SEARCH_BYTES)
        self.searching = found is None and self.searched < size
        return found is not None
