"""Comparing open files with remembered streams. Knows no life."""

import enum
import os

from shipper.files.identity import Extent, Head, bytes_before, digest
from shipper.files.opening import OpenFile
from shipper.state.registry import Row


class Verdict(enum.Enum):
    """How a file relates to a remembered stream."""

    SAME = "known file: its stream is resumed"
    LOST_UNCONFIRMED = (
        "known file, but the bytes published last have changed: resumed at the confirmed offset, as a new stream"
    )
    REWRITTEN = "truncated or rewritten in place: its old stream has ended"
    REPLACED = "another file with the same inode: the old stream has ended"
    OTHER_FILE = "another file, unrelated to the remembered one"


RESUMABLE = (Verdict.SAME, Verdict.LOST_UNCONFIRMED)


def described(file: OpenFile, extent: Extent) -> str:
    """Return the identity and the content of an open file as text."""
    return f"{file.id} {extent}"


def recognise(file: OpenFile, row: Row) -> Verdict:
    """Compare an open file with a stream remembered under its inode number."""
    generation = file.id.generation
    known = generation is not None and row.generation is not None
    same_generation = known and generation == row.generation
    if file.id.device != row.device and not same_generation:
        return Verdict.OTHER_FILE
    if known and not same_generation:
        return Verdict.REPLACED
    if not _holds_confirmed(file.fd, row):
        return Verdict.REWRITTEN if same_generation else Verdict.REPLACED
    return Verdict.SAME if _matches(file.fd, row.published, row.published_fingerprint) else Verdict.LOST_UNCONFIRMED


def begins_like(head: bytes, row: Row) -> bool:
    """Return True if `head` begins as a remembered life did."""
    return row.head_length > 0 and digest(head[: row.head_length]) == row.head


def holds(fd: int, row: Row) -> bool:
    """Return True if an open file, whatever its inode, holds all published bytes of a life."""
    return row.head_length > 0 and _holds_confirmed(fd, row) and _matches(fd, row.published, row.published_fingerprint)


def _holds_confirmed(fd: int, row: Row) -> bool:
    head = Head.of(fd, row.head_length)
    return (head.length, head.digest()) == (row.head_length, row.head) and _matches(fd, row.offset, row.fingerprint)


def _matches(fd: int, offset: int, fingerprint: bytes) -> bool:
    """Return True if the file reaches `offset` and has this fingerprint before it."""
    return os.fstat(fd).st_size >= offset and digest(bytes_before(fd, offset)) == fingerprint
