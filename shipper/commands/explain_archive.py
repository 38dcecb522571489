"""What `explain` answers about an archive of an input with `include_compressed`."""

from pathlib import Path

from shipper.commands.remembered import fact
from shipper.files.archives import head_of
from shipper.files.opening import OpenFile
from shipper.lives.comparing import begins_like
from shipper.settings import Input
from shipper.state.first_starts import archives_fact
from shipper.state.registry import Row

FIRST_START = "it is unpacked and read at the first start with include_compressed"
NOT_THERE = (
    "it is compressed, and was not there at the first start: its lines are shipped while they are not compressed"
)
EMPTY = "nothing can be unpacked from it"


def stream_unpacked_from(file: OpenFile, rows: list[Row]) -> Row | None:
    """Return the newest stream that was unpacked from an archive."""
    known = file.id.generation is not None
    of_file = (row for row in reversed(rows) if (row.inode, row.generation) == (file.id.inode, file.id.generation))
    return next(of_file, None) if known else None


def why_archive(file: OpenFile, entry: Input, rows: list[Row], state: Path | None) -> tuple[str, bool]:
    """Return what becomes of an archive whose own stream is not known, and whether it is shipped."""
    head = head_of(file.path)
    if not head:
        return EMPTY, False
    if entry.start == "end":
        return "it counts as read: start is end", False
    if alike := next((row for row in reversed(rows) if begins_like(head, row)), None):
        return f"it begins as stream {alike.stream} of {alike.path} does; lines that were shipped are skipped", True
    begun = state is not None and fact(state, archives_fact(entry.paths))
    return (NOT_THERE, False) if begun else (FIRST_START, True)
