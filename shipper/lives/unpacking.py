"""Archives that hold the rest of a life are unpacked, a little in each step, into unnamed files.

So is the rest of a life in a copy that no input names, under a name that rotation does not give, after a while in which
the copy did not change. A full disk is reported once and retried; an archive or a copy that is renamed or deleted
meanwhile is searched for again.
"""

import logging
import os
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from msgspec import Struct

from logbus.errors import SourceError, describe
from shipper.files import archives
from shipper.files.identity import FileId, key_of
from shipper.files.opening import OpenFile, require_view
from shipper.files.rotated_names import Kin
from shipper.files.strangers import Stranger, copy_rest, first_line, present_paths
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


class Rest(Struct, frozen=True):
    """Where the rest of a life may be: in one of `found`, or of what `find` returns later. `wait_s`: only later."""

    found: list[str]
    find: Callable[[], list[str]]
    wait_s: float = 0.0


def in_archives(row: Row, kin: Kin) -> Rest | None:
    """Return where the rest of a life is, if it is in an archive."""
    found = archives_of(row, kin)
    return Rest(found, lambda: archives_of(row, Kin())) if found else None


def in_stranger(row: Row, stranger: Stranger, wait_s: float) -> Rest:
    """Return where the rest of a life is, if a stranger does not change for `wait_s`."""
    return Rest([stranger.path], lambda: present_paths(stranger, Kin().alike(row.place, row.head)), wait_s)


class Job:
    """The unpacking of the rest of a life, from the first file that holds it."""

    def __init__(self, life: Life, row: Row, rest: Rest) -> None:
        self.life = life
        self.row = row
        self.rest = rest
        self.work = self._unpack(rest.find if rest.wait_s else lambda: rest.found)

    def restart(self) -> None:
        """Start over."""
        os.ftruncate(self.life.tail.fd, 0)
        self.work = self._unpack(self.rest.find)

    def _unpack(self, find: Callable[[], list[str]]) -> Iterator[None]:
        """Unpack the first file that holds the life; leave the life's file empty if none does.

        Rotation may rename archives meanwhile: any that was not tried under another name is tried as well.
        """
        tried: set[tuple[int, int]] = set()
        found = find()
        while found:
            for archive in found:
                tried.add(key_of(Path(archive).stat()))
                if (yield from self._holds_it(archive)):
                    logger.info("resuming %s in %s", self.row.path, archive)
                    return
                os.ftruncate(self.life.tail.fd, 0)
            found = [each for each in self.rest.find() if key_of(Path(each).stat()) not in tried]

    def _holds_it(self, path: str) -> Generator[None, None, bool]:
        row, fd = self.row, self.life.tail.fd
        try:
            if archives.is_archive(path):
                yield from archives.unpack(path, row.offset, fd)
            else:
                yield from copy_rest(path, row.offset, row.published, first_line(row.place), fd)
        except SourceError as error:
            logger.warning("%s", error)
            return False
        return holds(fd, row)


class Unpacking:
    """The queue of archives to unpack into `directory` (None: the default for temporary files)."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._jobs: deque[Job] = deque()
        self._waiting: dict[Job, float | None] = {}
        self._retry_at = 0.0
        self._full = False

    def scratch(self, path: str, file_id: FileId, real_path: str | None) -> OpenFile:
        """Return a new unnamed file in place of the one that is gone. Raises OSError."""
        with tempfile.TemporaryFile(dir=self._directory) as file:
            return OpenFile(path, os.dup(file.fileno()), file_id, real_path)

    def add(self, job: Job) -> None:
        """Queue a job, or let it wait first."""
        if job.rest.wait_s:
            self._waiting[job] = None
        else:
            self._jobs.append(job)

    def lives(self) -> list[Life]:
        """Return the lives that wait for their rest."""
        return [job.life for job in (*self._jobs, *self._waiting)]

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next unpacking is due."""
        due = min((now if due is None else due for due in self._waiting.values()), default=float("inf"))
        return max(0.0, min(self._retry_at if self._jobs else float("inf"), due) - now)

    def work(self, now: float) -> Iterator[Job]:
        """Unpack a little more; yield the jobs that are finished."""
        self._end_waiting(now)
        for _ in range(CHUNKS_A_STEP):
            if not self._jobs or now < self._retry_at:
                return
            job = self._jobs[0]
            try:
                require_view(job.row.place)
                next(job.work)
            except StopIteration:
                self._jobs.popleft()
                self._full = False
                yield job
            except FileNotFoundError:
                job.restart()  # renamed or deleted since it was found
            except OSError as error:
                self._wait_for_room(job, error, now)

    def _end_waiting(self, now: float) -> None:
        """Queue the jobs that have waited for long enough since they were first seen here."""
        for job, due in [*self._waiting.items()]:
            if due is None:
                self._waiting[job] = now + job.rest.wait_s
            elif due <= now:
                del self._waiting[job]
                self._jobs.append(job)

    def _wait_for_room(self, job: Job, error: OSError, now: float) -> None:
        if not self._full:
            logger.warning("cannot unpack the rest of %s: %s; retrying", job.row.path, describe(error))
        self._full = True
        self._retry_at = now + RETRY_S
        job.restart()
