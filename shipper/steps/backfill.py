"""Archives that were there at the first start: unpacked one after the other, and read as streams of their own.

With `include_compressed`, an input's archives are read once. An archive's stream is remembered under the archive's
inode, so a restart resumes it as it resumes any life whose rest is in an archive. What an archive holds may have been
shipped already, or may be read just now from the file that it was made of: then it is skipped.
"""

import logging
import os
from collections import deque

from msgspec.structs import replace

from logbus.errors import SourceError, describe
from shipper.files import archives
from shipper.files.discovery import Discovery, Found, Siblings
from shipper.files.identity import Extent, FileId, digest
from shipper.files.rotated_names import Kin
from shipper.lives.comparing import holds
from shipper.lives.copies import open_each
from shipper.lives.following import Following
from shipper.lives.life import Life
from shipper.lives.lives import Lives
from shipper.lives.recognition import row_of
from shipper.lives.unpacking import Job, Rest, Unpacking
from shipper.settings import Input
from shipper.state.first_starts import archives_fact
from shipper.state.registry import Registry, Row

logger = logging.getLogger("shipper.backfill")


class Backfill:
    """Unpacks and reads the archives of each input's first start, the oldest first. `once`: all of them are targets."""

    def __init__(
        self, lives: Lives, following: Following, registry: Registry, discovery: Discovery, *, once: bool
    ) -> None:
        self._lives = lives
        self._following = following
        self._registry = registry
        self._discovery = discovery
        self._once = once
        self._unpacking = Unpacking(registry.directory)
        self._due: deque[Found] = deque()
        self._inputs: list[Input] = []
        self._reading: Life | None = None

    @property
    def pending(self) -> bool:
        """Whether archives wait to be unpacked, or one is being unpacked."""
        return bool(self._due or self._unpacking.lives())

    def begin(self, inputs: list[Input]) -> None:
        """Queue the archives of the inputs whose first start this is, or was interrupted."""
        self._inputs = [each for each in inputs if each.include_compressed and self._is_first(each)]
        fresh = {id(each) for each in self._inputs if each.start == "start"}
        found = [each for each in self._discovery.archives() if id(each.input) in fresh]
        old = self._following.old_files
        self._due.extend(sorted((each for each in found if not old.ignore(each)), key=_age))
        self._finish_if_done()

    def work(self, now: float) -> None:
        """Unpack a little more of an archive; begin the next one when the last one is read."""
        for job in self._unpacking.work(now):
            self._finish(job, now)
        if self._due and not (self._is_reading() or self._unpacking.lives() or self._following.unpacking.lives()):
            self._begin(self._due.popleft())
        self._finish_if_done()

    def wait_s(self, now: float) -> float:
        """Return the seconds until more can be unpacked."""
        if self._unpacking.lives():
            return self._unpacking.wait_s(now)
        waits = self._is_reading() or self._following.unpacking.lives()
        return 0.0 if self._due and not waits else float("inf")

    def _is_first(self, entry: Input) -> bool:
        return not self._registry.fact(archives_fact(entry.paths))

    def _is_reading(self) -> bool:
        """Return True while the archive unpacked last is read: so only one takes up disk space."""
        life = self._reading
        return life is not None and not life.ended and (not life.stream or life.unread > 0)

    def _finish_if_done(self) -> None:
        if self._inputs and not self.pending and not self._is_reading():
            for each in self._inputs:
                self._registry.remember(archives_fact(each.paths), "1")
            self._inputs = []

    def _begin(self, found: Found) -> None:
        """Begin to unpack an archive, unless its stream is remembered, or nothing can be read from it."""
        file = self._following.complaints.open(found, compressed=True)
        if file is None:
            if found.path in self._following.complaints.unreadable:
                self._again_at_next_start(found.input)
            return
        file.close()
        head = archives.head_of(found.path)
        if not head:
            logger.warning("not shipping %s: nothing can be unpacked from it", found.path)
        elif not any(_is_of(file.id, row) for row in self._following.memory.resembling(head)):
            self._unpack(found, file.id, file.real_path, head)

    def _unpack(self, found: Found, archive: FileId, real_path: str | None, head: bytes) -> None:
        try:
            scratch = self._unpacking.scratch(found.path, archive, real_path)
        except OSError as error:
            logger.warning("cannot unpack %s: %s; retried at the next start", found.path, describe(error))
            self._again_at_next_start(found.input)
            return
        life = Life(found.input, scratch, self._following.recorders.of(found.input))
        self._lives.unpack(life)
        if self._once:
            self._lives.targets.add(life)
        row = replace(row_of(life), head_length=len(head), head=digest(head))
        self._unpacking.add(Job(life, row, Rest([found.path], lambda: self._found_again(life))))

    def _again_at_next_start(self, entry: Input) -> None:
        self._inputs = [each for each in self._inputs if each is not entry]

    def _found_again(self, life: Life) -> list[str]:
        """Return the present path of an archive that was renamed."""
        found = Siblings(lambda _: life.input).path_of(life)
        return [found] if found and archives.is_archive(found) else []

    def _finish(self, job: Job, now: float) -> None:
        """Follow what was unpacked, unless nothing was, or it is or was shipped from another file."""
        life, status = job.life, os.fstat(job.life.tail.fd)
        if not status.st_size or self._is_shipped(life, status.st_size, job.row):
            logger.info("skipping %s: it is damaged, or its lines are shipped already", life.path)
            self._lives.targets.drop(life)
            self._lives.end(life)
        else:
            self._reading = life
            self._lives.take_in(life)
            self._lives.unpacked(life)
            life.update_size(status, now)
            self._lives.targets.change(life, status.st_size)
            self._lives.enqueue(life)

    def _is_shipped(self, life: Life, size: int, unpacked: Row) -> bool:
        head = os.pread(life.tail.fd, unpacked.head_length, 0)
        for row in self._following.memory.resembling(head):
            other = self._lives.index.of_stream(row.stream)
            latest = row_of(other) if other else row
            if latest.published >= size and holds(life.tail.fd, latest):
                return True
            if other and other.tail.fd >= 0 and Extent.of(life.tail.fd, size).is_in(other.tail.fd):
                return True
        return self._is_in_relative(life, Extent.of(life.tail.fd, size))

    def _is_in_relative(self, life: Life, content: Extent) -> bool:
        """Return True if a file beside the archive, which is followed or remembered, begins with its content."""
        for file in open_each(Kin().of(life.place)):
            try:
                if content.is_in(file.fd) and self._following.knows(file):
                    return True
            except (OSError, SourceError):
                continue
            finally:
                file.close()
        return False


def _age(found: Found) -> int:
    return found.status.st_mtime_ns


def _is_of(archive: FileId, row: Row) -> bool:
    """Return True if a stream was unpacked from this very archive."""
    known = archive.generation is not None
    return known and (row.device, row.inode, row.generation) == (archive.device, archive.inode, archive.generation)
