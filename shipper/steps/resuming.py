"""Remembered lives are resumed, wherever their bytes are now, before the lives that follow them.

A remembered life is searched for by its inode, among the files of the inputs and beside its path; then in a plain copy
beside it (copytruncate), then in a compressed one. The rest of a life in an archive is unpacked, a little in each step,
into an unnamed file in the state directory, and read from there; its successors wait.
"""

import logging
import os
from collections import defaultdict, deque

from msgspec.structs import replace

from logbus.errors import visible
from shipper.files.complaints import report_lost, report_unconfirmed
from shipper.files.discovery import Discovery, Found, Siblings, regular
from shipper.files.identity import Extent, FileId, key_of
from shipper.files.opening import OpenFile
from shipper.files.rotated_names import Kin, search
from shipper.lives.comparing import described
from shipper.lives.copies import open_each
from shipper.lives.following import Following
from shipper.lives.life import Life
from shipper.lives.lives import Lives
from shipper.lives.unpacking import Job
from shipper.settings import Input
from shipper.state.registry import Outline, Registry, Row
from shipper.steps.missing import MissingFiles

logger = logging.getLogger("shipper.resuming")

REPORTED_A_STEP = 1000


class Resumption:
    """Finds and resumes remembered lives. `now` is in seconds."""

    def __init__(self, lives: Lives, following: Following, registry: Registry, discovery: Discovery) -> None:
        self._lives = lives
        self._following = following
        self._memory = following.memory
        self._registry = registry
        self._discovery = discovery
        self._missing: deque[str] = deque()
        self._reporter = MissingFiles()

    def resume(self, found: list[Found], now: float) -> None:
        """Resume all remembered lives, oldest first; `found` are the files that the inputs name."""
        by_inode: dict[int, list[Found]] = defaultdict(list)
        for each in found:
            by_inode[each.status.st_ino].append(each)
        siblings, kin = Siblings(self._discovery.input_of), Kin()
        rewritten: list[tuple[list[Found], Found | None]] = []
        for life in self._registry.outline():
            named = by_inode.get(life.inode, [])
            if not named and not (beside := siblings.beside(life.place)):
                if beside is not None:  # an unreadable directory may still have it
                    self._missing.append(life.stream)
                continue
            if any(self._follow(each, now, life.stream) for each in named):
                continue
            sibling = self._sibling(life, named, siblings)
            if not self._follow_sibling(sibling, now, life.stream):
                if self._memory.is_rewritten(life.stream):
                    rewritten += [(named, sibling)]
                self._search(life, kin, now)
        for named, sibling in rewritten:  # before unknown files, however recently these were written to
            for each in named:
                self._follow(each, now)
            self._follow_sibling(sibling, now)
        self._memory.bury()
        self._take_noted_copies(kin, now)

    def forget(self, before_s: float, after: int = 0) -> int:
        """Forget files that are gone and had nothing shipped since `before_s` (seconds since 1970).

        A part at a time, as `Registry.expire` does.
        """
        siblings = Siblings(self._discovery.input_of)
        inodes, streams = self._lives.index.inodes(), self._lives.index.streams()

        def is_there(life: Outline) -> bool:
            known = life.inode in inodes or life.stream in streams
            beside = siblings.beside(life.place)  # None: an unreadable directory may still have it
            return known or beside is None or life.inode in beside

        return self._registry.expire(before_s, is_there, after)

    def unpacking(self) -> list[Life]:
        """Return the lives that wait for their archives."""
        return self._following.unpacking.lives()

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next unpacking or report is due."""
        return 0.0 if self._missing else self._following.unpacking.wait_s(now)

    def work(self, now: float) -> None:
        """Unpack a little more, and report some missing files."""
        self._report_missing()
        for job in self._following.unpacking.work(now):
            self._finish(job, now)

    def _follow(self, found: Found, now: float, stream: str = "") -> Life | None:
        known = self._lives.index.of_file(key_of(found.status))
        return None if known else self._following.follow(found, now, stream=stream)

    def _sibling(self, life: Outline, named: list[Found], siblings: Siblings) -> Found | None:
        """Return the file of a life beside its place, unless it has a name; it may have just been rotated."""
        if any((now := regular(each.path)) and now.st_ino == life.inode for each in named):
            return None
        return (Siblings(self._discovery.input_of) if named else siblings).search(life)

    def _follow_sibling(self, found: Found | None, now: float, stream: str = "") -> Life | None:
        life = self._follow(found, now, stream) if found else None
        if found and life:
            self._leave(life, found.status, now)
        return life

    def _leave(self, life: Life, status: os.stat_result, now: float) -> None:
        life.update_size(status, now)
        self._lives.leave(life)
        self._lives.enqueue(life)

    def _search(self, life: Outline, kin: Kin, now: float) -> None:
        entry = self._discovery.input_of(life.path)
        row = self._registry.row(life.stream) if entry else None
        if row is None or entry is None:
            return
        if not search(life.place, lambda kin: self._resume_elsewhere(row, entry, kin, now), kin):
            self._missing.append(life.stream)

    def _resume_elsewhere(self, row: Row, entry: Input, kin: Kin, now: float) -> bool:
        if copy := self._following.beside.find_copy(row, kin):
            self._resume_in_copy(self._life(copy, entry), row, now)
        elif rest := self._following.rest_of(row, kin, row.offset):
            life = self._begin(row, entry)
            self._following.unpack(life, row, rest)
            self._lives.take_in(life)
        else:
            return self._resume_in_noted_copy(row, entry, kin, now)
        return True

    def _take_noted_copies(self, kin: Kin, now: float) -> None:
        """Count the copies of finished lives as read, then forget all noted copies: rotation will make new ones."""
        for row in self._memory.with_noted_copies():
            if row.done and (entry := self._discovery.input_of(row.path)):
                self._resume_in_noted_copy(row, entry, kin, now)
        self._memory.forget_copies()

    def _resume_in_noted_copy(self, row: Row, entry: Input, kin: Kin, now: float) -> bool:
        """Resume in a noted copy that ends before the published offset; the bytes behind its end are lost."""
        noted = self._memory.noted_copy(row.stream)
        for copy in open_each([*kin.of(row.place), *kin.alike(row.place, row.head)] if noted else ()):
            size = os.fstat(copy.fd).st_size
            if noted == described(copy, Extent.of(copy.fd, size)) and not self._following.knows(copy):
                self._take_noted_copy(self._life(copy, entry), size, row, now)
                return True
            copy.close()
        return False

    def _take_noted_copy(self, copy: Life, size: int, row: Row, now: float) -> None:
        lost_bytes = row.published - max(size, row.offset)
        if row.offset < size and not row.done:
            report_unconfirmed(row.path, lost_bytes)
            self._resume_in_copy(copy, row, now)
            copy.tail.stop_at(size)
            return
        self._memory.take_as_read(copy, min(size, row.offset))
        copy.tail.close()
        self._write_off(row, lost_bytes)

    def _resume_in_copy(self, copy: Life, row: Row, now: float) -> None:
        logger.info("resuming %s in its copy %s", row.path, copy.path)
        copy.adopt(row.path, row.real_path)
        self._memory.over.pop(row.stream, None)
        self._memory.resume_row(copy, row)
        self._lives.take_in(copy)
        self._leave(copy, os.fstat(copy.tail.fd), now)

    def _life(self, file: OpenFile, entry: Input) -> Life:
        return Life(entry, file, self._following.recorders.of(entry))

    def _begin(self, row: Row, entry: Input) -> Life:
        """Return a placeholder life, empty so far, for which the successors of a remembered one wait."""
        file_id = FileId(row.device, row.inode, row.generation)
        life = self._life(self._following.unpacking.scratch(row.path, file_id, row.real_path), entry)
        self._memory.over.pop(row.stream, None)
        self._lives.index.add_stream(row.stream, life)
        return life

    def _finish(self, job: Job, now: float) -> None:
        life = job.life
        if not os.fstat(life.tail.fd).st_size and not self._is_unpacked(job):
            self._give_up(job)
            return
        self._lives.unpacked(life)
        if not life.stream:
            self._memory.resume_row(life, job.row)
        status = os.fstat(life.tail.fd)
        self._lives.targets.change(life, status.st_size)
        self._leave(life, status, now)

    def _is_unpacked(self, job: Job) -> bool:
        """Resume a life in a plain file if somebody else unpacked its archive; return True if so."""
        life = job.life
        copy = search(life.place, lambda kin: self._following.beside.find_copy(job.row, kin))
        if copy is None:
            return False
        self._lives.close_file(life)
        self._following.move(life, copy)
        if not life.stream:
            self._lives.unchanged(life)
        return True

    def _give_up(self, job: Job) -> None:
        if job.rest.wait_s:
            path, copy = visible(job.row.path), visible(job.rest.found[0])
            logger.warning("%s is no copy of %s: it has changed, or goes on with the same lines", copy, path)
        if not job.life.stream:
            self._lives.index.drop_stream(job.row.stream)
        self._lives.targets.drop(job.life)
        self._lives.end(job.life, done=bool(job.life.stream))
        if job.life.lost_bytes:
            report_lost(job.life.path, job.life.lost_bytes)
        if not job.life.stream:
            self._missing.append(job.row.stream)

    def _report_missing(self) -> None:
        """Report some of the remembered files that cannot be found, each only once across restarts."""
        some = [self._missing.popleft() for _ in range(min(REPORTED_A_STEP, len(self._missing)))]
        found = [self._registry.row(stream) for stream in some if not self._lives.index.of_stream(stream)]
        rows = [row for row in found if row and not row.settled and self._discovery.input_of(row.path)]
        if some:
            self._reporter.report(rows, last=not self._missing)
        if rows:
            self._registry.save(
                [
                    replace(row, published=row.offset, published_fingerprint=row.fingerprint, settled=True)
                    for row in rows
                ]
            )

    def _write_off(self, row: Row, lost_bytes: int) -> None:
        """Report the unconfirmed bytes of a life as lost, and save that, so that no later start reports them again."""
        report_unconfirmed(row.path, lost_bytes)
        self._registry.save([replace(row, published=row.offset, published_fingerprint=row.fingerprint)])
