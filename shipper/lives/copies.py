"""Copies made by copytruncate: a truncated life continues in its copy, as a renamed one does under its new name.

So the copy is not shipped again, and bytes written between our last read and the truncation are read from the copy,
whether or not an input names it. Until the life is truncated, a new file that holds only bytes of the life has to wait:
it may become the copy.

A writer may add lines between copy and truncation. If they are read at once, the copy ends before the published offset.
Such a copy is recognised because it was compared with the life while both existed, and nothing of it is shipped.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Protocol

from msgspec import Struct

from logbus.errors import SourceError
from shipper.files.archives import is_archive
from shipper.files.discovery import Siblings, regular
from shipper.files.identity import HEAD_BYTES, Extent, FileId, digest
from shipper.files.opening import OpenFile, open_regular
from shipper.files.rotated_names import Kin
from shipper.files.strangers import Stranger
from shipper.lives.comparing import described, holds
from shipper.lives.life import Life
from shipper.lives.states import State
from shipper.settings import Input
from shipper.state.registry import Row

COPY_GRACE_S = 5.0
FORGET_AFTER_S = 3600.0


class Beside:
    """Searches for copies beside lives: `knows` a file that is followed or remembered, `input_of` a path."""

    def __init__(self, knows: Callable[[OpenFile], bool], input_of: Callable[[str], Input | None]) -> None:
        self._knows = knows
        self._input_of = input_of

    def find_copy(self, row: Row, kin: Kin) -> OpenFile | None:
        """Return an unknown file with all published bytes of a life, in which the life continues.

        It has a name that rotation gives, or any name that the life's input has.
        """
        entry = self._input_of(row.path)
        named = (each for each in kin.alike(row.place, row.head) if entry and self._input_of(each) is entry)
        return self._find(row, kin.of(row.place)) or self._find(row, named)

    def find_stranger(self, row: Row, kin: Kin, read_bytes: int) -> Stranger | None:
        """Return an unknown file that no input names and that holds more than `read_bytes` of a truncated life."""
        status = regular(row.place)
        if row.head_length < HEAD_BYTES or status is None or status.st_ino != row.inode:
            return None
        unnamed = (each for each in kin.alike(row.place, row.head) if self._input_of(each) is None)
        copy = self._find(row, unnamed)
        if copy is None:
            return None
        stranger = Stranger.of(copy)
        copy.close()
        return stranger if stranger.size > read_bytes else None

    def _find(self, row: Row, names: Iterable[str]) -> OpenFile | None:
        for copy in open_each(names):
            if holds(copy.fd, row) and not self._knows(copy):
                return copy
            copy.close()
        return None


def open_each(names: Iterable[str]) -> Iterator[OpenFile]:
    """Yield the files that can be opened and are no archives, one at a time; the caller closes them."""
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


def strangers_of(fresh: Life, alike: list[Life], relatives: list[Life]) -> list[Life]:
    """Return the lives that a new file may copy by its content alone: its input's, but none that it succeeds."""
    others = [life for life in alike if life not in relatives]
    return [life for life in others if life.input is fresh.input and life.place != fresh.place]


def may_become_copy(beginning: bytes, life: Life, siblings: Siblings) -> bool:
    """Return True if a life that is still read begins with `beginning`, the first HEAD_BYTES of a new file."""
    if life.ended:
        return False
    if 0 < life.tail.head.length <= len(beginning):
        return digest(beginning[: life.tail.head.length]) == life.tail.head.digest()
    return life.state is not State.UNPACKING and _life_begins_with(life, beginning, siblings)


def _life_begins_with(life: Life, beginning: bytes, siblings: Siblings) -> bool:
    """Return True if a life's file begins so; a closed file that was renamed is searched for beside its old path."""
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


class Proof(Struct, frozen=True):
    """Proof that a new file held the first bytes of a life, which was in `file`."""

    life: Life
    file: FileId
    extent: Extent

    @property
    def is_open(self) -> bool:
        """Whether the life may still continue in its file: then the new file is no copy made by rotation."""
        return not self.life.ended and self.life.id == self.file

    def shipped(self) -> int:
        """Return how many of the bytes are published and confirmed; -1 while some are unconfirmed."""
        end = min(self.extent.size, self.life.tail.offset)
        return -1 if self.life.progress.committed < end else end


class Notes(Protocol):
    """Where knowledge of copies survives a crash: `recognition.Memory`."""

    def note_copy(self, life: str, copy: str) -> None:
        """Remember which file, `described`, holds the first bytes of the stream `life`."""

    def forget_copies(self, life: str = "") -> None:
        """Forget a stream's copy."""

    def take_as_read(self, life: Life, size: int) -> bool:
        """Remember a file whose first `size` bytes were shipped from another one; False if the save failed."""


class _Sighting(Struct, frozen=True):
    """A file's size at `last_s`, unchanged since `since_s`; the file was observed from `first_s` on."""

    size: int
    first_s: float
    since_s: float
    last_s: float


class Suspects:
    """Files that may become copies, until each was unchanged for `grace_s`; the last one observed is at the end.

    Knowledge of their contents is kept in `memory` as well, to survive a crash.
    """

    def __init__(self, grace_s: float, memory: Notes) -> None:
        self._grace_s = grace_s
        self._memory = memory
        self._seen: dict[FileId, _Sighting] = {}
        self._proofs: dict[FileId, Proof] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def compare(self, fresh: OpenFile, life: Life) -> None:
        """Record how much of a life, whose open file is not truncated yet, a new file holds. Raises OSError."""
        extent = Extent.of(fresh.fd, os.fstat(fresh.fd).st_size)
        proof = Proof(life, life.id, extent)
        if extent.size and life.tail.fd >= 0 and extent.is_in(life.tail.fd) and proof != self._proofs.get(fresh.id):
            self._proofs[fresh.id] = proof
            self._memory.note_copy(life.stream, described(fresh, extent))

    def proof_of(self, fresh: OpenFile) -> Proof | None:
        """Return the proof that a new file is the copy made before its life's file was truncated."""
        proof = self._proofs.get(fresh.id)
        return proof if proof and not proof.is_open and proof.extent.is_in(fresh.fd) else None

    def must_wait(self, fresh: OpenFile) -> bool:
        """Return True while we cannot decide whether a new file is a life's copy.

        That is while the life's file is closed, and no known path leads to it.
        """
        proof = self._proofs.get(fresh.id)
        return proof is not None and proof.is_open and proof.life.tail.fd < 0 and proof.extent.is_in(fresh.fd)

    def take_as_read(self, fresh: Life) -> bool:
        """Count as read what was shipped from the original of a copy; False while that is unknown or unsaved."""
        if proof := self.proof_of(fresh.tail.file):
            shipped = proof.shipped()
            if shipped < 0 or not self._memory.take_as_read(fresh, shipped):
                return False
        self.drop(fresh.tail.file)
        return True

    def drop(self, file: OpenFile) -> None:
        """Forget a suspect: it is followed from now on."""
        self._seen.pop(file.id, None)
        if proof := self._proofs.pop(file.id, None):
            self._memory.forget_copies(proof.life.stream)

    def wait(self, fresh: OpenFile, now: float, *, by_name: bool, by_content: bool) -> bool:
        """Return True while a file may become a copy, by its name or only by its content."""
        if by_name or by_content:
            self.observe(fresh, now)
        return (by_name and self.may_grow(fresh)) or (by_content and self.is_new(fresh))

    def observe(self, fresh: OpenFile, now: float) -> None:
        """Record the size of a file that may become a copy."""
        size = os.fstat(fresh.fd).st_size
        before = self._seen.pop(fresh.id, _Sighting(size, now, now, now))
        since_s = before.since_s if size == before.size else now
        self._seen[fresh.id] = _Sighting(size, before.first_s, since_s, now)
        self._forget_copies(now)

    def may_grow(self, fresh: OpenFile) -> bool:
        """Return True until a file was unchanged for the grace period: until then it may become a copy."""
        sighting = self._seen[fresh.id]
        return sighting.last_s - sighting.since_s < self._grace_s

    def is_new(self, fresh: OpenFile) -> bool:
        """Return True for the grace period, though a file may grow: as long as one of any name may become a copy."""
        sighting = self._seen[fresh.id]
        return sighting.last_s - sighting.first_s < self._grace_s

    def _forget_copies(self, now: float) -> None:
        """Forget suspects that were not observed for long: each has become a copy, or is gone."""
        before_s = now - FORGET_AFTER_S
        for file in [*takewhile(lambda each: self._seen[each].last_s < before_s, self._seen)]:
            del self._seen[file]
            self._proofs.pop(file, None)
