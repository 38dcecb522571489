"""Is this open file a life that the registry remembers? And a row from a tail, the other way round."""

import enum
import logging
import os
from collections.abc import Container

from logbus.errors import visible
from shipper.identity import Head, digest, mark_before
from shipper.registry import Registry, Row
from shipper.tail import Tail

logger = logging.getLogger("shipper.recognition")


class Verdict(enum.Enum):
    """What a file is to a remembered stream."""

    SAME = "the same life: go on with the same id"
    LOST_UNCONFIRMED = "the same life, but not what was published last: go on from the offset, with a new id"
    REWRITTEN = "the same file with other bytes, truncated or rewritten in place: the remembered life is over"
    REPLACED = "another file with the same inode: the remembered life is over"
    OTHER_FILE = "another file somewhere else: no news about the remembered one"


class Memory:
    """What the registry remembers of files. With `cloned` it is another machine's: lives go on under new ids."""

    def __init__(self, registry: Registry, *, cloned: bool = False) -> None:
        self._registry = registry
        self._cloned = cloned

    def resume(self, tail: Tail, followed: Container[str]) -> bool:
        """Let a tail begin where its file was, if one of the streams that are not `followed` is it; else False."""
        for row in self._registry.candidates(tail.inode):
            verdict = Verdict.OTHER_FILE if row.stream in followed else recognise(tail, row)
            if verdict is Verdict.OTHER_FILE:
                continue
            self._take_over(tail, row, verdict)
            if verdict is not Verdict.REPLACED:
                return True
        return False

    def _take_over(self, tail: Tail, row: Row, verdict: Verdict) -> None:
        """Go on with a remembered stream, or end it and go on without its id, or without its offset too."""
        if verdict is not Verdict.SAME:
            log = logger.info if verdict is Verdict.REPLACED else logger.warning
            log("%s is not what it was when it was last read: %s", visible(row.path), verdict.value)
        if verdict is not Verdict.REPLACED:
            tail.path = row.path
        if verdict in (Verdict.SAME, Verdict.LOST_UNCONFIRMED):
            tail.begin_at(row.offset)
        if verdict is Verdict.SAME and not self._cloned:
            tail.stream = row.stream
            tail.head = Head.of(tail.fd, row.head_length)
            tail.boundary = row.published
        else:
            self._registry.save([row.ended()])


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
