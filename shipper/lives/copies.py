"""Copies that copytruncate makes: the truncated life goes on in its copy, as a renamed one goes on under its new name.

So the copy is not shipped again, and what was written between our last read and the truncation is read there, whether
or not an input names the copy. While it is being made, and the life is not truncated yet, a new file that holds
nothing but the life's bytes has to wait: it may become the copy.

A writer has a moment between copy and truncation. If what it adds is read at once, the copy ends before what was
published: then it is known by having been compared with the life while both were there, and nothing of it is shipped.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from logbus.errors import SourceError
from shipper.files.archives import is_archive
from shipper.files.discovery import Siblings
from shipper.files.identity import Extent, FileId, digest
from shipper.files.opening import OpenFile, open_regular
from shipper.lives.comparing import described, holds
from shipper.lives.life import Life
from shipper.lives.states import State
from shipper.state.registry import Row

COPY_GRACE_S = 5.0
FORGET_AFTER_S = 3600.0


def find_copy(row: Row, names: Iterable[str], knows: Callable[[OpenFile], bool]) -> OpenFile | None:
    """Return the file that is one of `names`, holds all that was published of a life, and nobody `knows`."""
    for copy in open_each(names):
        if holds(copy.fd, row) and not knows(copy):
            return copy
        copy.close()
    return None


def open_each(names: Iterable[str]) -> Iterator[OpenFile]:
    """Yield those of these files that can be opened and are no archives, one at a time: to be closed."""
    for name in names:
        if is_archive(name):
            continue
        try:
            file = open_regular(name)
        except (OSError, SourceError):
            continue
        yield file


def begins_with(path: str, beginning: bytes) -> bool:
    """Return True if a file begins with these bytes."""
    try:
        fd = open_regular(path).fd
    except (OSError, SourceError):
        return False
    try:
        return os.pread(fd, len(beginning), 0) == beginning
    except OSError:
        return False
    finally:
        os.close(fd)


def may_become_copy(beginning: bytes, life: Life, siblings: Siblings) -> bool:
    """Return True if what a new file begins with (HEAD_BYTES at most) begins a life that is still read, too."""
    if life.ended:
        return False
    if 0 < life.tail.head.length <= len(beginning):
        return digest(beginning[: life.tail.head.length]) == life.tail.head.digest()
    return life.state is not State.UNPACKING and _life_begins_with(life, beginning, siblings)


def _life_begins_with(life: Life, beginning: bytes, siblings: Siblings) -> bool:
    """Return True if a life's file begins so; a closed one that was renamed is looked for beside its old path."""
    if life.tail.fd >= 0:
        return os.pread(life.tail.fd, len(beginning), 0) == beginning
    beside = siblings.search(life)
    try:
        if not beside or not life.tail.reopened_as(open_regular(beside.path)):
            return False
        found = os.pread(life.tail.fd, len(beginning), 0)
    except (OSError, SourceError):
        return True
    finally:
        life.tail.close()
    return found == beginning


@dataclass(frozen=True, slots=True)
class Proof:
    """That a file held what a life, in `file`, began with."""

    life: Life
    file: FileId
    extent: Extent

    @property
    def is_open(self) -> bool:
        """Whether the life may go on where it was: then the other file is no copy that rotation made."""
        return not self.life.ended and self.life.id == self.file

    def shipped(self) -> int:
        """Return how many of the bytes were published, and are confirmed; -1 if that cannot be told yet."""
        end = min(self.extent.size, self.life.tail.offset)
        return -1 if self.life.progress.committed < end else end


class Notes(Protocol):
    """Where what is known of copies is kept for the time of a crash: `recognition.Memory`."""

    def note_copy(self, life: str, copy: str) -> None:
        """Remember which file, `described`, holds what the stream `life` began with."""

    def forget_copies(self, life: str = "") -> None:
        """Forget what is remembered of a stream's copy."""

    def take_as_read(self, life: Life, size: int) -> bool:
        """Remember a file of which the first `size` bytes were shipped as another's; False if that cannot be saved."""


class Suspects:
    """Files that may become copies, until each was unchanged for `grace_s`; the one asked about last at the end.

    What is known of their contents is in `memory`, too, for the time of a crash.
    """

    def __init__(self, grace_s: float, memory: Notes) -> None:
        self._grace_s = grace_s
        self._memory = memory
        self._seen: dict[FileId, tuple[int, float, float]] = {}
        self._proofs: dict[FileId, Proof] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def compare(self, fresh: OpenFile, life: Life) -> None:
        """Take note of how much of a life, whose open file is not truncated yet, is in a new file. Raises OSError."""
        extent = Extent.of(fresh.fd, os.fstat(fresh.fd).st_size)
        proof = Proof(life, life.id, extent)
        if extent.size and life.tail.fd >= 0 and extent.is_in(life.tail.fd) and proof != self._proofs.get(fresh.id):
            self._proofs[fresh.id] = proof
            self._memory.note_copy(life.stream, described(fresh, extent))

    def proof_of(self, fresh: OpenFile) -> Proof | None:
        """Return what proves that a new file is what copytruncate made of a life that had its file until then."""
        proof = self._proofs.get(fresh.id)
        return proof if proof and not proof.is_open and proof.extent.is_in(fresh.fd) else None

    def must_wait(self, fresh: OpenFile) -> bool:
        """Return True while we cannot decide whether a new file is a life's copy.

        That is while the life's file is closed, and no known path leads to it.
        """
        proof = self._proofs.get(fresh.id)
        return proof is not None and proof.is_open and proof.life.tail.fd < 0 and proof.extent.is_in(fresh.fd)

    def take_as_read(self, fresh: Life) -> bool:
        """Take as read what was shipped of a file as another life's; False if that cannot be told, or saved, yet."""
        if proof := self.proof_of(fresh.tail.file):
            shipped = proof.shipped()
            if shipped < 0 or not self._memory.take_as_read(fresh, shipped):
                return False
        self.drop(fresh.tail.file)
        return True

    def drop(self, file: OpenFile) -> None:
        """Forget what is known of a file: it is followed from now on."""
        self._seen.pop(file.id, None)
        if proof := self._proofs.pop(file.id, None):
            self._memory.forget_copies(proof.life.stream)

    def observe(self, fresh: OpenFile, now: float) -> None:
        """Note the size of a file that may become a copy."""
        size = os.fstat(fresh.fd).st_size
        before, since, _ = self._seen.pop(fresh.id, (-1, now, now))
        self._seen[fresh.id] = (size, since if size == before else now, now)
        self._forget_copies(now)

    def may_grow(self, fresh: OpenFile) -> bool:
        """Return True until a file's size was the same for the grace period: until then it may become a copy."""
        _, since, seen = self._seen[fresh.id]
        return seen - since < self._grace_s

    def _forget_copies(self, now: float) -> None:
        """Forget what nobody asks about any more: it has become a copy, or is gone."""
        before_s = now - FORGET_AFTER_S
        for file in [*takewhile(lambda each: self._seen[each][2] < before_s, self._seen)]:
            del self._seen[file]
            self._proofs.pop(file, None)
