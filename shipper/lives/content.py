"""The content of a file, without the space at its end: NULs that a writer took in advance and fills in place."""

import os

from shipper.files.space import SEARCH_BYTES, ends_in_content, first_byte

MOST_READS = 10
"""How often bytes with NULs are reread while they change."""


class Content:
    """Reads the content of files whose characters are one or two units of `unit` bytes.

    After a read, `space` is the number of NULs at the end of the file that are no content. `searching`: there are only
    NULs from the end of the read up to `searched`, and the bytes behind that are not known yet. `in_place`: the file
    once ended with space, so its writer fills it in place. Without `has_space`, every byte is content: NULs end the
    records.
    """

    def __init__(self, unit: int, *, has_space: bool = True) -> None:
        self._unit = unit
        self._has_space = has_space
        self.space = self.searched = self._searched_from = 0
        self.searching = self.in_place = False

    def read(self, fd: int, most: int, at: int, start: int) -> bytes:
        """Return at most `most` bytes from `at` on, without any space behind the first `start` of them.

        A writer in place may fill NULs between our reading them and our reading what follows. So NULs with content
        behind them count only if two reads agree.
        """
        self.space, self.searching = 0, False
        if not self._has_space:
            return os.pread(fd, most, at)
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
        """Restart the search for content from the end of the next read."""
        self.searched = 0

    def _without_space(self, fd: int, data: bytes, at: int, end: int) -> bytes:
        """Return data[:end], up to the end of a unit, and record how much space follows; `data` begins at `at`."""
        end = min(len(data), end + -(at + end) % self._unit)
        self.space = max(0, os.fstat(fd).st_size - at - end)
        self.in_place = True
        return data[:end]

    def _goes_on(self, fd: int, position: int) -> bool:
        """Return True if content is known to follow; set `searching` if the answer takes another step."""
        size = os.fstat(fd).st_size
        self.searching = False
        if position >= size or ends_in_content(fd, size):
            return position < size
        if not self._searched_from <= position <= self.searched:
            self._searched_from = self.searched = position
        found, self.searched = first_byte(fd, self.searched, self.searched + SEARCH_BYTES)
        self.searching = found is None and self.searched < size
        return found is not None
