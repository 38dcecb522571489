"""Turns what the filesystem shows into lives, and moves, restarts or recovers them.

A new inode at a path starts a new life. The path's older life is read to its present end first and stays open,
nameless. When a life's file is gone, the rest of it is searched for in the copies and archives beside it.
"""

import logging
import os
from collections.abc import Iterable
from contextlib import suppress

from logbus.errors import SourceError, describe
from shipper.files.complaints import Complaints, report_truncated
from shipper.files.discovery import Discovery, Found, Siblings
from shipper.files.identity import HEAD_BYTES, digest, key_of
from shipper.files.old_files import OldFiles
from shipper.files.opening import OpenFile, open_regular, require_view
from shipper.files.rotated_names import Kin, family, search
from shipper.lives.comparing import RESUMABLE, Verdict
from shipper.lives.copies import COPY_GRACE_S, Beside, Suspects, begins_with, may_become_copy, strangers_of
from shipper.lives.life import Life
from shipper.lives.lives import Lives
from shipper.lives.recognition import Memory, row_of
from shipper.lives.states import State
from shipper.lives.unpacking import Job, Rest, Unpacking, in_archives, in_stranger
from shipper.records.encoding import MARK_BYTES, marked_encoding
from shipper.records.recorder import Recorders
from shipper.state.registry import Registry, Row

logger = logging.getLogger("shipper.lives")


class Following:
    """Makes lives of files. With `cloned` the registry came from another machine: lives continue under new ids.

    `private`: see `is_private`. A new file that may become a life's copy waits until it was unchanged for
    `copy_grace_s`.
    """

    def __init__(  # noqa: PLR0913 - its collaborators and options
        self,
        lives: Lives,
        registry: Registry,
        discovery: Discovery,
        *,
        cloned: bool = False,
        copy_grace_s: float = COPY_GRACE_S,
        private: Iterable[str] = (),
    ) -> None:
        self.complaints = Complaints(private)
        self.old_files = OldFiles()
        self.recorders = Recorders()
        self.memory = Memory(registry, cloned=cloned)
        self.unpacking = Unpacking(registry.directory)
        self.beside = Beside(self.knows, discovery.input_of)
        self._lives = lives
        self._discovery = discovery
        self._copy_grace_s = copy_grace_s
        self._suspects = Suspects(copy_grace_s, self.memory)

    def paths(self) -> set[str]:
        """Return every path that leads to a life."""
        return self._lives.index.paths()

    def observe(self, found: Found, now: float, *, from_end: bool = False) -> bool:
        """Record that a path leads to this file now; return True if the file has changed since the last stat.

        `from_end`: count a file that is not known yet as read.
        """
        life = self._lives.index.at(found.path)
        key = key_of(found.status)
        if life and life.key != key:
            self._lives.unname(life, found.path, now)
            life = None
        if life is None:
            life = self._lives.index.of_file(key) or self.follow(found, now, from_end=from_end)
            if life is None:
                return False
            self._lives.name(life, found.path)
            self._discovery.note_link(found.path)
        return self.stat(life, found.status, now)

    def observe_path(self, path: str, now: float) -> None:
        """Observe a path."""
        if found := self._discovery.observe(path):
            self.observe(found, now)
        else:
            self.missing(path, now)

    def missing(self, path: str, now: float) -> None:
        """Record that a path no longer leads to a file of the inputs."""
        self.complaints.unreadable.pop(path, None)
        if life := self._lives.index.at(path):
            self._lives.unname(life, path, now)

    def stat(self, life: Life, status: os.stat_result, now: float) -> bool:
        """Record a file's size and mtime; return True if they changed.

        A file that is shorter, waiting or closed may hold another life, and be gone by the time its turn comes: it is
        compared at once.
        """
        if changed := life.update_size(status, now):
            shorter = status.st_size < max(life.tail.offset, life.tail.head.length)
            doubtful = self._lives.waits(life) or life.tail.fd < 0 or shorter
            self._lives.enqueue(self._reopened(life, now) if doubtful else life)
        return changed

    def follow(self, found: Found, now: float, *, from_end: bool = False, stream: str = "") -> Life | None:
        """Open a file that is not followed yet: a remembered life (`stream` only, if given) or a new one.

        Return None, too, if the path has changed since the file was `found`: the next scan will find the new file.
        """
        known_as_old = not stream and self.old_files.ignored_before(found)
        file = None if known_as_old else self.complaints.open(found)
        if file is None:
            return None
        if not found.input.encoding:
            self.complaints.note_mark(found.path, marked_encoding(os.pread(file.fd, MARK_BYTES, 0)))
        life = Life(found.input, file, self.recorders.of(found.input))
        verdict = self._resume(life, stream)
        if verdict not in RESUMABLE:
            unknown = not (stream or from_end or verdict is Verdict.REWRITTEN)
            if unknown and self.old_files.ignore(found):
                self.memory.bury()
                life.tail.close()
                return None
            if stream or (verdict is Verdict.OTHER_FILE and not from_end and self._compare_with_originals(life, now)):
                life.tail.close()
                return self._lives.index.of_file(life.key)
            if from_end:
                life.begin_at(life.tail.end_of_records())
            elif verdict is Verdict.OTHER_FILE and not self._suspects.take_as_read(life):
                life.tail.close()
                return None
        if not stream:
            self.memory.bury()
        self._lives.take_in(life)
        verb = "following" if verdict not in RESUMABLE else "resuming"
        logger.info("%s %s from byte %d", verb, life.path, life.tail.offset)
        return life

    def _resume(self, life: Life, stream: str) -> Verdict:
        return self.memory.resume_as(life, stream) if stream else self.memory.resume(life, self._lives.index.streams())

    def begin_again(self, life: Life) -> Life:
        """Begin the next life of a file whose content changed; the old life ends, or continues in its copy."""
        require_view(life.place)  # raises OSError before anything has changed: the copy is searched for only once
        elsewhere = life.id.generation is None and life.rotated  # it may be another file
        path = life.names[0] if elsewhere and life.names else life.path
        fresh = Life(life.input, life.tail.release(), life.recorder)
        fresh.adopt(path, life.real_path)
        fresh.update_size(os.fstat(fresh.tail.fd), life.changed_s)
        moved = ""
        if life.tail.until:
            fresh.begin_at(life.tail.until)
        else:
            fresh.tail.expect_hole(life.tail.offset)
            moved = self._recover_now(life)
            report_truncated(life.path, moved, 0 if moved else life.lost_bytes)
        self._lives.replace(life, fresh, goes_on=bool(moved))
        return fresh

    def ensure_open(self, life: Life, now: float) -> bool:
        """Reopen a file that was closed to save descriptors; False if none of its names leads to it any more.

        Raises OSError and SourceError, as `open_regular` does.
        """
        if life.tail.fd >= 0:
            return True
        life.forget_size()  # wherever it reappears, it is worth reading
        for name in life.names:
            with suppress(FileNotFoundError):
                file = open_regular(name)
                if life.tail.reopened_as(file):
                    self._lives.keep_open(life)
                    return True
                if file.id.key == life.key:
                    self._lives.index.drop_file(life)
            self.missing(name, now)
            self.observe_path(name, now)
        return False  # Departures will find it

    def trouble(self, life: Life, error: OSError | SourceError) -> None:
        """Report that an open file could not be read; the next stat retries."""
        life.forget_size()
        self.complaints.unreadable_now(life.path, error)

    def knows(self, file: OpenFile) -> bool:
        """Return True if a newly opened file is followed or remembered."""
        return self._lives.index.holds(file.id) or self.memory.knows(file)

    def move(self, life: Life, copy: OpenFile) -> None:
        """Continue a life in its copy."""
        self._lives.move(life, copy)
        self._suspects.drop(copy)

    def recover(self, life: Life) -> str:
        """Resume a life whose file is gone in a copy or an archive; return its path, "" if there is none."""
        return (search(life.place, lambda kin: self._recover_from(life, kin)) or "") if life.stream else ""

    def rest_of(self, row: Row, kin: Kin, read_bytes: int) -> Rest | None:
        """Return where the rest of a life is, behind `read_bytes`, if it is not in a copy that it continues in."""
        if rest := in_archives(row, kin):
            return rest
        stranger = self.beside.find_stranger(row, kin, read_bytes)
        return in_stranger(row, stranger, self._copy_grace_s) if stranger else None

    def unpack(self, life: Life, row: Row, rest: Rest) -> None:
        """Unpack the rest of a life into the life's file."""
        self._lives.unpack(life)
        self.unpacking.add(Job(life, row, rest))

    def _recover_from(self, life: Life, kin: Kin) -> str:
        row = row_of(life)
        if copy := self.beside.find_copy(row, kin):
            self.move(life, copy)
            return copy.path
        if rest := self.rest_of(row, kin, row.published):
            life.tail.read_from(self.unpacking.scratch(life.path, life.id, life.real_path))
            self._lives.index.drop_file(life)
            self._lives.keep_open(life)
            self.unpack(life, row, rest)
            return rest.found[0]
        return ""

    def _recover_now(self, life: Life) -> str:
        """Recover a life whose file already holds other bytes: there is no second attempt."""
        try:
            return self.recover(life)
        except OSError as error:
            logger.warning("cannot unpack the rest of %s: %s", life.path, describe(error))
            return ""

    def _compare_with_originals(self, fresh: Life, now: float) -> bool:
        """Compare a new file with the lives that it may copy; return True if it is a copy or may become one."""
        beginning = os.pread(fresh.tail.fd, HEAD_BYTES, 0)
        relatives = self._family_of(fresh, beginning, now)
        alike = self._lives.index.heads.beside(fresh.place, digest(beginning))
        others = strangers_of(fresh, alike, relatives)
        by_name = self._may_copy(fresh, relatives, beginning, now)
        by_content = self._may_copy(fresh, others, beginning, now)
        file = fresh.tail.file
        if self._suspects.proof_of(file):
            return False
        waits = self._suspects.wait(file, now, by_name=by_name, by_content=by_content)
        must_wait = bool(relatives) and self._suspects.must_wait(file)
        return waits or must_wait or self._lives.index.of_file(fresh.key) is not None

    def _family_of(self, fresh: Life, beginning: bytes, now: float) -> list[Life]:
        """Return the lives of the log whose rotated file a new file may be by its name."""
        if fresh.path == (original := family(fresh.path)):
            return []
        if self._discovery.input_of(original) is fresh.input and begins_with(original, beginning):
            self.observe_path(original, now)
        return self._lives.found_at(original)

    def _may_copy(self, fresh: Life, lives: Iterable[Life], beginning: bytes, now: float) -> bool:
        """Compare a new file with lives; return True if it may become the copy of one of them."""
        siblings = Siblings(self._discovery.input_of)
        alike = []
        for life in lives:
            # opened one at a time; one may already continue in the copy's archive
            present = self._reopened(life, now)
            alike += [may_become_copy(beginning, each, siblings) for each in (life, present)]
            if alike[-1] and present.stream:
                self._compare(fresh, present)
        return any(alike)

    def _compare(self, fresh: Life, life: Life) -> None:
        try:
            self._suspects.compare(fresh.tail.file, life)
        except OSError as error:
            self.trouble(life, error)

    def _reopened(self, life: Life, now: float) -> Life:
        """Return a life with its file reopened, if possible; the file's next life, if its content changed."""
        try:
            if life.state is not State.UNPACKING and self.ensure_open(life, now) and not life.tail.continues():
                return self.begin_again(life)
        except (OSError, SourceError) as error:
            self.trouble(life, error)
        return life
