"""Is this open file the life that a registry row remembers? And a row from a tail, the other way round."""

import enum
import os

from shipper.identity import Head, digest, mark_before
from shipper.registry import Row
from shipper.tail import Tail


class Verdict(enum.Enum):
    """What a file is to a remembered stream."""

    SAME = "the same life: go on with the same id"
    LOST_UNCONFIRMED = "the same life, but not what was published last: go on from the offset, with a new id"
    REWRITTEN = "the same file with other bytes, truncated or rewritten in place: the remembered life is over"
    REPLACED = "another file with the same inode: the remembered life is over"
    OTHER_FILE = "another file somewhere else: no news about the remembered one"


def recognise(tail: Tail, row: Row) -> Verdict:
    """Compare an open file with what was remembered under its inode number."""
    same_generation = None not in (tail.generation, row.generation) and tail.generation == row.generation
    if tail.device != row.device and not same_generation:
        return Verdict.OTHER_FILE
    if tail.generation != row.generation and None not in (tail.generation, row.generation):
        return Verdict.REPLACED
    head = Head.of(tail.fd, row.head_length)
    begins_alike = (head.length, head.digest()) == (row.head_length, row.head)
    if not (begins_alike and _marked(tail, row.offset, row.mark)):
        return Verdict.REWRITTEN if same_generation else Verdict.REPLACED
    return Verdict.SAME if _marked(tail, row.published, row.published_mark) else Verdict.LOST_UNCONFIRMED


def _marked(tail: Tail, offset: int, mark: bytes) -> bool:
    """Tell whether the file reaches `offset` and has the marked bytes before it."""
    return os.fstat(tail.fd).st_size >= offset and digest(mark_before(tail.fd, offset)) == mark


def row_of(tail: Tail) -> Row:
    """Return what is to be remembered of a tail now."""
    return Row(
        stream=tail.stream,
        device=tail.device,
        inode=tail.inode,
        generation=tail.generation,
        path=tail.path,
        offset=tail.progress.checkpoint,
        mark=digest(tail.progress.mark),
        published=tail.offset,
        published_mark=digest(tail.mark),
        head_length=tail.head.length,
        head=tail.head.digest(),
        done=tail.done and tail.progress.committed >= tail.offset,
    )
