"""Archives that hold the rest of a life are unpacked, a little in each step, into unnamed files.

A full disk is reported once and retried; an archive that is renamed or deleted meanwhile is searched for again.
"""

import logging
import os
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from logbus.errors import SourceError, describe, visible
from shipper.files import archives
from shipper.files.identity import FileId, key_of
from shipper.files.opening import OpenFile
from shipper.files.rotated_names import Kin
from shipper.lives.comparing import begins_like, holds
from shipper.lives.life import Life
from shipper.state.registry import Row

logger = logging.getLogger("shipper.unpacking")

CHUNKS_A_STEP = 4
RETRY_S = 5.0


def archives_of(row: Row, kin: Kin) -> list[str]:
    """Return the archives beside a life's path, or at it, that begin as the life did."""
    found = [each for each in [row.place, *kin.of(row.place)] if archives.is_archive(each)]
    for each in found:
        if each not in kin.heads:
            kin.heads[each] = archives.head_of(each)
    return [each for each in found if begins_like(kin.heads[each], row)]


class Job:
    """The unpacking of an archive for a life: one of `found`, or of those that `find` returns later."""

    def __init__(self, life: Life, row: Row, found: list[str], find: Callable[[], list[str]]) -> None:
        self.life = life
        self.row = row
        self._find = find
        self.work = self._unpack(found)

    def restart(self) -> None:
        """Start over."""
        os.ftruncate(self.life.tail.fd, 0)
        self.work = self._unpack(self._find())

    def _unpack(self, found: list[str]) -> Iterator[None]:
        """Unpack the first archive that holds the life; leave the file empty if none does.

        Rotation may rename archives meanwhile: any that was not tried under another name is tried as well.
        """
        tried: set[tuple[int, int]] = set()
        while found:
            for archive in found:
                tried.add(key_of(Path(archive).stat()))
                if (yield from self._holds_it(archive)):
                    logger.info("resuming %s in %s", visible(self.row.path), visible(archive))
                    return
                os.ftruncate(self.life.tail.fd, 0)
            found = [each for each in self._find() if key_of(Path(each).stat()) not in tried]

    def _holds_it(self, archive: str) -> Generator[None, None, bool]:
        try:
            yield from archives.unpack(archive, self.row.offset, self.life.tail.fd)
        except SourceError as error:
            logger.warning("%s", error)
            return False
        return holds(self.life.tail.fd, self.row)


class Unpacking:
    """The queue of archives to unpack into `directory` (None: the default for temporary files)."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._jobs: deque[Job] = deque()
        self._retry_at = 0.0
        self._full = False

    def scratch(self, path: str, file_id: FileId, real_path: str | None) -> OpenFile:
        """Return a new unnamed file in place of the one that is gone. Raises OSError."""
        with tempfile.TemporaryFile(dir=self._directory) as file:
            return OpenFile(path, os.dup(file.fileno()), file_id, real_path)

    def add(self, job: Job) -> None:
        """Queue a job."""
        self._jobs.append(job)

    def lives(self) -> list[Life]:
        """Return the lives that wait for their archives."""
        return [job.life for job in self._jobs]

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next unpacking is due."""
        return max(0.0, self._retry_at - now) if self._jobs else float("inf")

    def work(self, now: float) -> Iterator[Job]:
        """Unpack a little more; yield the jobs that are finished."""
        for _ in range(CHUNKS_A_STEP):
            if not self._jobs or now < self._retry_at:
                return
            job = self._jobs[0]
            try:
                next(job.work)
            except StopIteration:
                self._jobs.popleft()
                self._full = False
                yield job
            except FileNotFoundError:
                job.restart()  # renamed or deleted since it was found
            except OSError as error:
                self._wait_for_room(job, error, now)

    def _wait_for_room(self, job: Job, error: OSError, now: float) -> None:
        if not self._full:
            logger.warning("cannot unpack the rest of %s: %s; retrying", visible(job.row.path), describe(error))
        self._full = True
        self._retry_at = now + RETRY_S
        job.restart()
