"""NULs at the end of a file: space that a writer took in advance and fills in place, not content.

Appenders that map their file into memory, and programs that allocate it beforehand, have a file end in NULs, millions
of them at times. So NULs become content only once something follows them.
"""

import os

CHUNK_BYTES = 2 * 1024 * 1024
SEARCH_BYTES = 32 * CHUNK_BYTES
"""So much is searched before the loop looks around: some 20 ms."""
LAST_BYTES = 4096


def first_byte(fd: int, position: int = 0, end: int | None = None) -> tuple[int | None, int]:
    """Return the offset of the first byte from `position` on that is not NUL, and how far was searched.

    None if there is none before `end` (or the end of the file). Holes cost nothing. Raises OSError.
    """
    while end is None or position < end:
        try:
            position = os.lseek(fd, position, os.SEEK_DATA)
        except OSError:  # a hole up to the end, or `position` is behind it
            return None, max(position, os.fstat(fd).st_size)
        data = os.pread(fd, CHUNK_BYTES, position)
        if kept := len(data.lstrip(b"\0")):
            return position + len(data) - kept, position
        position += len(data)
    return None, position


def content_end(fd: int, floor: int = 0) -> int:
    """Return where the NULs begin that a file ends with, `floor` at least; its size if there are none."""
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
    """Return True if there is a NUL in text whose characters are `unit` bytes each, or pairs of these."""
    found = data.find(bytes(unit))
    while found >= 0 and found % unit:
        found = data.find(bytes(unit), found + 1)
    return found >= 0


def ends_in_content(fd: int, size: int) -> bool:
    """Return True if the last bytes of a file of `size` bytes are anything but NULs."""
    return bool(os.pread(fd, LAST_BYTES, max(0, size - LAST_BYTES)).strip(b"\0"))
