"""Space: NULs at the end of a file that a writer took in advance and fills in place. They are no content.

Files of appenders that map them into memory, or of programs that preallocate them, end in NULs, sometimes in millions
of them. So NULs become content only once other bytes follow.
"""

import os

CHUNK_BYTES = 2 * 1024 * 1024
SEARCH_BYTES = 32 * CHUNK_BYTES
"""The most that is searched in one step: some 20 ms."""
LAST_BYTES = 4096


def first_byte(fd: int, position: int = 0, end: int | None = None) -> tuple[int | None, int]:
    """Return the offset of the first byte from `position` on that is not NUL, and the end of the search.

    The offset is None if there is none before `end` (or the end of the file). Holes cost nothing. Raises OSError.
    """
    while end is None or position < end:
        try:
            position = os.lseek(fd, position, os.SEEK_DATA)
        except OSError:  # a hole up to the end of the file, or `position` is behind it
            return None, max(position, os.fstat(fd).st_size)
        data = os.pread(fd, CHUNK_BYTES, position)
        if kept := len(data.lstrip(b"\0")):
            return position + len(data) - kept, position
        position += len(data)
    return None, position


def content_end(fd: int, floor: int = 0) -> int:
    """Return where the NULs at the end of a file begin, at least `floor`; its size if there are none."""
    end = os.fstat(fd).st_size
    length = LAST_BYTES
    while end > floor:
        start = max(floor, end - length)
        data = os.pread(fd, end - start, start)
        if kept := len(data.rstrip(b"\0")):
            return start + kept
        end, length = start, CHUNK_BYTES
    return max(end, floor)


def holds_space(data: bytes, unit: int) -> bool:
    """Return True if text in units of `unit` bytes contains a NUL."""
    found = data.find(bytes(unit))
    while found >= 0 and found % unit:
        found = data.find(bytes(unit), found + 1)
    return found >= 0


def ends_in_content(fd: int, size: int) -> bool:
    """Return True if the last LAST_BYTES of a file of `size` bytes are not all NUL."""
    return bool(os.pread(fd, LAST_BYTES, max(0, size - LAST_BYTES)).strip(b"\0"))
