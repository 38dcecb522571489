"""Which lives are followed, under which names, and when one begins and ends.

What the filesystem shows (a path has this status now) becomes tails here. A path that means another inode starts
another life; the older one of the same path is read to its present end first. A life without a name is kept open:
a deleted file until it was quiet for DELETED_GRACE_S, one that was renamed away for RENAMED_GRACE_S; the latter then
rests: it is looked for beside its path every RESTING_CHECK_S, while it exists. An unfinished last line leaves when
its rotated file was quiet for FRAGMENT_GRACE_S.
"""

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator

from logbus import telemetry
from logbus.errors import LogbusError, SourceError, visible
from shipper.discovery import Discovery, Found, Siblings, is_compressed
from shipper.identity import Head
from shipper.recognition import Verdict, recognise
from shipper.records import Recorder
from shipper.registry import Registry, Row
from shipper.settings import Input
from shipper.tail import LifeEnded, Tail, open_regular

logger = logging.getLogger("shipper.lives")

DELETED_GRACE_S = 5.0
RENAMED_GRACE_S = 60.0
FRAGMENT_GRACE_S = 5.0
LEAVING_CHECK_S = 0.25
RESTING_CHECK_S = 30.0


class Lives:
    """The tails of a shipper.

    `ready` are those that may have something to read, in turn; `unnamed` those that may need
    an id by now; `dirty` those to be saved.

    At most `budget` files are held open, unless more than that have no name to be opened by again. With `cloned`
    the registry came from another machine: lives go on where it says, under new ids.
    """

    def __init__(self, registry: Registry, budget: int, discovery: Discovery, *, cloned: bool = False) -> None:
        self.ready: deque[Tail] = deque()
        self.by_stream: dict[str, Tail] = {}
        self.by_name: dict[str, Tail] = {}
        self.dirty: dict[Tail, None] = {}
        self.unnamed: dict[Tail, None] = {}
        self.unreadable: dict[str, LogbusError] = {}
        self._registry = registry
        self._budget = budget
        self._discovery = discovery
        self._cloned = cloned
        self._by_key: dict[tuple[int, int], Tail] = {}
        self._by_path: dict[str, Tail] = {}
        self._leaving: dict[Tail, None] = {}
        self._open: dict[Tail, None] = {}
        self._held: dict[Tail, None] = {}
        self._recorders: dict[int, Recorder] = {}
        self._skipped: set[tuple[int, int]] = set()
        self._resting: dict[Tail, None] = {}
        self._next_check = self._next_resting_check = 0.0

    def __len__(self) -> int:
        return len(self._by_key)

    def saw(self, found: Found, now: float, *, from_end: bool = False) -> bool:
        """Take note that a path means this file now; return whether it changed since it was seen last.

        `from_end`: a file not known yet is taken as read.
        """
        tail = self.by_name.get(found.path)
        key = (found.status.st_dev, found.status.st_ino)
        if tail and tail.key != key:
            self._unname(tail, found.path, now)
            tail = None
        if tail is None:
            tail = self._by_key.get(key) or self._follow(found, from_end=from_end)
            if tail is None:
                return False
            self._name(tail, found.path)
        return self._visit(tail, found.status, now)

    def __iter__(self) -> Iterator[Tail]:
        return iter(self._by_key.values())

    def missing(self, path: str, now: float) -> None:
        """Take note that a path means no file of the inputs any more."""
        self.unreadable.pop(path, None)
        if tail := self.by_name.get(path):
            self._unname(tail, path, now)

    def adopt(self, found: list[Found], now: float) -> None:
        """At the start, resume remembered lives, the oldest first: those found by name, then their renamed siblings."""
        by_inode = {each.status.st_ino: each for each in found}
        siblings = Siblings(self._discovery.input_of)
        for row in self._registry.unfinished():
            each = by_inode.get(row.inode)
            named = each is not None
            each = each or siblings.find(row.path, row.inode)
            if not each or (each.status.st_dev, each.status.st_ino) in self._by_key:
                continue
            tail = self._follow(each, remembered_only=True)  # a new life on an old inode comes after these
            if tail and not named:
                tail.visit(each.status, now)
                self._leaving[tail] = None
                self.enqueue(tail)

    def enqueue(self, tail: Tail) -> None:
        """Put a tail into the queue of those to be read, unless it is there."""
        if not tail.stream:
            self.unnamed[tail] = None
        if not tail.queued and not tail.ended:
            tail.queued = True
            self.ready.append(tail)

    def _visit(self, tail: Tail, status: os.stat_result, now: float) -> bool:
        """Take note of a file's size and time; return whether they changed. A shorter file is another life at once."""
        changed = tail.visit(status, now)
        if changed and status.st_size < max(tail.offset, tail.head.length) and tail.fd >= 0:
            self.begin_again(tail)
        elif changed:
            self.enqueue(tail)
        return changed

    def at_end(self, tail: Tail) -> None:
        """Take note that a tail was read to its present end: what follows it at the same path may begin."""
        if tail.held:
            self._held[tail] = None
        if tail.fragment:
            if tail.rotated:
                self._leaving[tail] = None
            return
        self._release_follower(tail)

    def begin_again(self, tail: Tail) -> Tail:
        """End a life whose file holds other bytes by now, and begin the next one of that file."""
        _say_ended(tail)
        fd, tail.fd = tail.fd, -1
        status = os.fstat(fd)
        fresh = Tail(tail.names[0] if tail.names and tail.rotated else tail.path, tail.input, fd, status)
        fresh.visit(status, tail.changed_s)
        fresh.hole = tail.offset
        if fresh.path == tail.path:
            _take_place(tail, fresh)
        fresh.names, tail.names = tail.names, ()
        self.by_name.update(dict.fromkeys(fresh.names, fresh))
        leaving = tail in self._leaving
        self._end(tail, done=True)
        self._by_key[fresh.key] = fresh
        self._by_path.setdefault(fresh.path, fresh)
        self._open[fresh] = None
        if leaving:
            self._leaving[fresh] = None
        self.enqueue(fresh)
        return fresh

    def check_leaving(self, now: float) -> float:
        """Look at lives whose path means another file by now; return when to look again, in seconds."""
        if now >= self._next_check:
            self._next_check = now + LEAVING_CHECK_S
            for tail in list(self._leaving):
                self._check_leaving(tail, now)
            if now >= self._next_resting_check:
                self._next_resting_check = now + RESTING_CHECK_S
                self._check_resting()
        return self._next_check - now if self._leaving else float("inf")

    def flush_held(self, now: float) -> float:
        """Have records read that nothing was added to for `flush_s`; return when the next is due, in seconds."""
        wait_s = float("inf")
        for tail in list(self._held):
            due_s = tail.changed_s + tail.recorder.flush_s - now
            if due_s > 0 and tail.held and not tail.ended:
                wait_s = min(wait_s, due_s)
                continue
            del self._held[tail]
            if tail.held:
                tail.flush = True
                self.enqueue(tail)
        return wait_s

    def ensure_open(self, tail: Tail, now: float) -> bool:
        """Open a file again that was closed to save descriptors; False if its name is no longer its name.

        Raises LifeEnded if its inode was reused, OSError as open does.
        """
        if tail.fd >= 0:
            return True
        tail.seen_size = -1  # wherever it is seen next, it is worth reading
        if not tail.names:
            return False  # for check_leaving to find it
        try:
            fd, status = open_regular(tail.names[0])
        except (FileNotFoundError, SourceError):
            self.missing(tail.names[0], now)
            return False
        if not tail.reopened_as(fd, status):
            self.missing(tail.names[0], now)
            return False
        self._hold(tail)
        return True

    def saved(self, tails: Iterable[Tail]) -> None:
        """Forget ended lives that are confirmed to their end, now that this is saved."""
        for tail in tails:
            if tail.ended and tail.progress.committed >= tail.offset:
                self.by_stream.pop(tail.stream, None)

    def close(self) -> None:
        """Close every file."""
        for tail in [*self._open]:
            tail.close()
        self._open.clear()

    def _follow(self, found: Found, *, from_end: bool = False, remembered_only: bool = False) -> Tail | None:
        """Open a file that is not followed yet: a remembered life or (unless `remembered_only`) a new one."""
        try:
            fd, status = open_regular(found.path)
        except FileNotFoundError:
            return None
        except (OSError, SourceError) as error:
            self._cannot_read(found.path, error)
            return None
        if self.unreadable.pop(found.path, None):
            logger.warning("%s can be read now", visible(found.path))
        if is_compressed(fd):
            os.close(fd)
            self._skip(found)
            return None
        tail = Tail(found.path, found.input, fd, status, self._recorder(found.input))
        if not self._resume(tail):
            if remembered_only:
                tail.close()
                return None
            if from_end:
                tail.begin_at(tail.end_of_records())
        self._by_key[tail.key] = tail
        self._hold(tail)
        self._line_up(tail)
        return tail

    def _recorder(self, source: Input) -> Recorder:
        """Return what all files of an input share."""
        if id(source) not in self._recorders:
            self._recorders[id(source)] = Recorder(source)
        return self._recorders[id(source)]

    def _resume(self, tail: Tail) -> bool:
        """Find the file among those the registry remembers and begin where it was; False if it is not there."""
        for row in self._registry.candidates(tail.inode):
            verdict = Verdict.OTHER_FILE if row.stream in self.by_stream else recognise(tail, row)
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
            self.by_stream[row.stream] = tail
        else:
            self._registry.save([row.ended()])

    def _line_up(self, tail: Tail) -> None:
        """Let a life wait for the one before it at the same path."""
        older = self._by_path.get(tail.path)
        self._by_path[tail.path] = tail
        if older and not older.ended:
            tail.behind, older.follower = older, tail
            self.enqueue(older)

    def _release_follower(self, tail: Tail) -> None:
        if follower := tail.follower:
            tail.follower = follower.behind = None
            self.enqueue(follower)

    def _name(self, tail: Tail, path: str) -> None:
        self._resting.pop(tail, None)
        self.by_name[path] = tail
        tail.names = (*tail.names, path)
        self._discovery.note_link(path)
        if tail.rotated:
            self._leaving[tail] = None

    def _unname(self, tail: Tail, path: str, now: float) -> None:
        self.by_name.pop(path, None)
        tail.names = tuple(name for name in tail.names if name != path)
        if tail.rotated:
            tail.changed_s = now
            self._leaving[tail] = None

    def _check_leaving(self, tail: Tail, now: float) -> None:
        if tail.ended or not tail.rotated:
            self._leaving.pop(tail, None)
            return
        if tail.fd < 0 and not self._reopen(tail, now):
            return
        status = os.fstat(tail.fd)
        self._visit(tail, status, now)
        if tail.ended or tail.queued or tail.behind:
            return
        quiet_s = now - tail.changed_s
        if tail.fragment:
            if quiet_s >= FRAGMENT_GRACE_S:
                tail.final = True
                self.enqueue(tail)
        elif tail.names:
            self._leaving.pop(tail)
        elif not status.st_nlink:
            if quiet_s >= DELETED_GRACE_S:
                self._end(tail, done=True)
        elif quiet_s >= RENAMED_GRACE_S:
            self._rest(tail)

    def _rest(self, tail: Tail) -> None:
        """Close a life that was renamed away and is quiet; it is looked at now and then."""
        self._leaving.pop(tail)
        self._open.pop(tail)
        tail.close()
        self._resting[tail] = None

    def _check_resting(self) -> None:
        """Open the resting lives that grew, and end those that are gone from their directory."""
        siblings = Siblings(self._discovery.input_of)
        for tail in [tail for tail in self._resting if not tail.names]:
            found = siblings.find(tail.path, tail.inode)
            if found and found.status.st_size == tail.seen_size:
                continue
            del self._resting[tail]
            self._leaving[tail] = None

    def _reopen(self, tail: Tail, now: float) -> bool:
        """Open a leaving life that was closed to save descriptors, if there is anything to be had of it."""
        if tail.names and tail.offset == tail.seen_size:
            self._leaving.pop(tail)
            return False
        try:
            if self.ensure_open(tail, now) or (not tail.names and self._open_sibling(tail)):
                self.enqueue(tail)
                return True
        except LifeEnded:
            if tail.names:
                self.begin_again(tail)
            else:
                self._end(tail, done=True)  # its inode is another file's, which no input names
        except (OSError, SourceError) as error:
            self.trouble(tail, error)
        return False

    def _open_sibling(self, tail: Tail) -> bool:
        """Open a nameless life that was only renamed within its directory; end it if it is not there."""
        found = Siblings(self._discovery.input_of).find(tail.path, tail.inode)
        if found and tail.reopened_as(*open_regular(found.path)) and (tail.generation or tail.continues()):
            self._hold(tail)
            return True
        self._end(tail)
        return False

    def _end(self, tail: Tail, *, done: bool = False) -> None:
        """Read no more of a life; it stays in `by_stream` until all of it is confirmed."""
        tail.ended, tail.done = True, done
        tail.close()
        if tail.stream:
            self.dirty[tail] = None
        self.unnamed.pop(tail, None)
        self._open.pop(tail, None)
        self._leaving.pop(tail, None)
        self._resting.pop(tail, None)
        if self._by_key.get(tail.key) is tail:
            del self._by_key[tail.key]
        if self._by_path.get(tail.path) is tail:
            del self._by_path[tail.path]
        self._release_follower(tail)
        if tail.behind:
            tail.behind.follower = None

    def _hold(self, tail: Tail) -> None:
        """Count a file as open, the latest of all; close others if there are too many."""
        self._open.pop(tail, None)
        self._open[tail] = None
        if len(self._open) > self._budget:
            self._close_some(tail)

    def _close_some(self, kept: Tail) -> None:
        """Close files that can be opened again by their names, those with nothing to read first, the oldest first."""
        closable = [tail for tail in self._open if tail.names and tail not in self._leaving and tail is not kept]
        closable.sort(key=lambda tail: tail.queued or tail.behind is not None)
        for tail in closable[: len(self._open) - self._budget]:
            tail.close()
            del self._open[tail]

    def _skip(self, found: Found) -> None:
        key = (found.status.st_dev, found.status.st_ino)
        if key not in self._skipped:
            self._skipped.add(key)
            logger.info("not shipping %s: it is compressed", visible(found.path))

    def trouble(self, tail: Tail, error: OSError | SourceError) -> None:
        """Take note that an open file could not be read; the next look at it tries again."""
        tail.seen_size = -1
        self._cannot_read(tail.path, error)

    def _cannot_read(self, path: str, error: OSError | SourceError) -> None:
        if path in self.unreadable:
            return
        hint = "let the shipper's user read it, for example: setfacl -m u:USER:r FILE"
        said = error if isinstance(error, SourceError) else SourceError(f"read {path}", error, hint)
        self.unreadable[path] = said
        logger.warning("%s; trying again at every scan", said)


def _take_place(tail: Tail, fresh: Tail) -> None:
    """Let a life take the place of the one before it among those that wait for each other."""
    fresh.behind, fresh.follower = tail.behind, tail.follower
    tail.behind = tail.follower = None
    if fresh.behind:
        fresh.behind.follower = fresh
    if fresh.follower:
        fresh.follower.behind = fresh


def _say_ended(tail: Tail) -> None:
    path = visible(tail.path)
    telemetry.count("logbus_truncations")
    logger.warning("%s was truncated or rewritten in place: its bytes are a new stream from here on", path)
    if tail.lost_bytes:
        telemetry.count("logbus_lost_bytes", tail.lost_bytes)
        logger.warning("%s: %d bytes were gone before they could be read", path, tail.lost_bytes)
