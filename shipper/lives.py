"""Which lives are followed, under which names, and when one begins and ends.

What the filesystem shows (a path has this status now) becomes tails here. A path that means another inode starts
another life; the older one of the same path is read to its present end first, and stays open without a name.
"""

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator

from logbus import telemetry
from logbus.errors import LogbusError, SourceError, visible
from shipper.descriptors import OpenFiles
from shipper.discovery import Discovery, Found, is_compressed
from shipper.recognition import Memory
from shipper.records import Recorder
from shipper.registry import Registry
from shipper.settings import Input
from shipper.tail import Tail, open_regular

logger = logging.getLogger("shipper.lives")


class Lives:
    """The tails of a shipper.

    `ready` are those that may have something to read, in turn; `unnamed` those that may need an id by now; `dirty`
    those to be saved; `leaving` those whose path means another file by now, `resting` those of them that were quiet for
    long; `held` those with records that may go on. `unread`, of a `once` run: up to which size each has to be read.

    At most `budget` files are held open, unless more than that have no name to be opened by again. With `cloned`
    the registry came from another machine: lives go on where it says, under new ids.
    """

    def __init__(self, registry: Registry, budget: int, discovery: Discovery, *, cloned: bool = False) -> None:
        self.ready: deque[Tail] = deque()
        self.by_stream: dict[str, Tail] = {}
        self.by_name: dict[str, Tail] = {}
        self.dirty: dict[Tail, None] = {}
        self.unnamed: dict[Tail, None] = {}
        self.leaving: dict[Tail, None] = {}
        self.resting: dict[Tail, None] = {}
        self.held: dict[Tail, None] = {}
        self.unread: dict[Tail, int] = {}
        self.unreadable: dict[str, LogbusError] = {}
        self.open_files = OpenFiles(budget, self.leaving)
        self._memory = Memory(registry, cloned=cloned)
        self._discovery = discovery
        self.by_key: dict[tuple[int, int], Tail] = {}
        self._by_path: dict[str, Tail] = {}
        self._recorders: dict[int, Recorder] = {}
        self._skipped: set[tuple[int, int]] = set()

    def __len__(self) -> int:
        return len(self.by_key)

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
            tail = self.by_key.get(key) or self.follow(found, from_end=from_end)
            if tail is None:
                return False
            self._name(tail, found.path)
        return self.visit(tail, found.status, now)

    def __iter__(self) -> Iterator[Tail]:
        return iter(self.by_key.values())

    def missing(self, path: str, now: float) -> None:
        """Take note that a path means no file of the inputs any more."""
        self.unreadable.pop(path, None)
        if tail := self.by_name.get(path):
            self._unname(tail, path, now)

    def enqueue(self, tail: Tail) -> None:
        """Put a tail into the queue of those to be read, unless it is there."""
        if not tail.stream:
            self.unnamed[tail] = None
        if not tail.queued and not tail.ended:
            tail.queued = True
            self.ready.append(tail)

    def visit(self, tail: Tail, status: os.stat_result, now: float) -> bool:
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
            self.held[tail] = None
        if tail.fragment:
            if tail.rotated:
                self.leaving[tail] = None
            return
        self._release_follower(tail)

    def begin_again(self, tail: Tail) -> Tail:
        """End a life whose file holds other bytes by now, and begin the next one of that file."""
        _say_ended(tail)
        fd, tail.fd = tail.fd, -1
        status = os.fstat(fd)
        path = tail.names[0] if tail.names and tail.rotated else tail.path
        fresh = Tail(path, tail.input, fd, status, tail.recorder)
        fresh.visit(status, tail.changed_s)
        fresh.hole = tail.offset
        if fresh.path == tail.path:
            _take_place(tail, fresh)
        fresh.names, tail.names = tail.names, ()
        self.by_name.update(dict.fromkeys(fresh.names, fresh))
        leaving = tail in self.leaving
        if self.unread.pop(tail, None) is not None:
            self.unread[fresh] = fresh.seen_size
        self.end(tail, done=True)
        self.by_key[fresh.key] = fresh
        self._by_path.setdefault(fresh.path, fresh)
        self.open_files.hold(fresh)
        if leaving:
            self.leaving[fresh] = None
        self.enqueue(fresh)
        return fresh

    def ensure_open(self, tail: Tail, now: float) -> bool:
        """Open a file again that was closed to save descriptors; False if its name is no longer its name.

        Raises LifeEnded if its inode was reused, OSError as open does.
        """
        if tail.fd >= 0:
            return True
        tail.seen_size = -1  # wherever it is seen next, it is worth reading
        if not tail.names:
            return False  # Departures will find it
        try:
            fd, status = open_regular(tail.names[0])
        except (FileNotFoundError, SourceError):
            self.missing(tail.names[0], now)
            return False
        if not tail.reopened_as(fd, status):
            self.missing(tail.names[0], now)
            return False
        self.open_files.hold(tail)
        return True

    def saved(self, tails: Iterable[Tail]) -> None:
        """Forget ended lives that are confirmed to their end, now that this is saved."""
        for tail in tails:
            if tail.ended and tail.progress.committed >= tail.offset:
                self.by_stream.pop(tail.stream, None)

    def close(self) -> None:
        """Close every file."""
        self.open_files.close_all()

    def follow(self, found: Found, *, from_end: bool = False, remembered_only: bool = False) -> Tail | None:
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
        if self._memory.resume(tail, self.by_stream):
            if tail.stream:
                self.by_stream[tail.stream] = tail
        else:
            if remembered_only:
                tail.close()
                return None
            if from_end:
                tail.begin_at(tail.end_of_records())
        self.by_key[tail.key] = tail
        self.open_files.hold(tail)
        self._line_up(tail)
        return tail

    def _recorder(self, source: Input) -> Recorder:
        """Return what all files of an input share."""
        if id(source) not in self._recorders:
            self._recorders[id(source)] = Recorder(source)
        return self._recorders[id(source)]

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
        self.resting.pop(tail, None)
        self.by_name[path] = tail
        tail.names = (*tail.names, path)
        self._discovery.note_link(path)
        if tail.rotated:
            self.leaving[tail] = None

    def _unname(self, tail: Tail, path: str, now: float) -> None:
        self.by_name.pop(path, None)
        tail.names = tuple(name for name in tail.names if name != path)
        if tail.rotated:
            tail.changed_s = now
            self.leaving[tail] = None

    def end(self, tail: Tail, *, done: bool = False) -> None:
        """Read no more of a life; it stays in `by_stream` until all of it is confirmed."""
        tail.ended, tail.done = True, done
        self.open_files.close(tail)
        if tail.stream:
            self.dirty[tail] = None
        self.unnamed.pop(tail, None)
        self.leaving.pop(tail, None)
        self.resting.pop(tail, None)
        if self.by_key.get(tail.key) is tail:
            del self.by_key[tail.key]
        if self._by_path.get(tail.path) is tail:
            del self._by_path[tail.path]
        self._release_follower(tail)
        if tail.behind:
            tail.behind.follower = None

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
