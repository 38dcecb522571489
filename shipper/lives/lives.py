"""Which lives are followed, under which names, and when one begins and ends.

What the filesystem shows (a path has this status now) becomes tails here. A path that means another inode starts
another life; the older one of the same path is read to its present end first, and stays open without a name.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from logbus.errors import SourceError
from shipper.files.complaints import Complaints, say_truncated
from shipper.files.discovery import Discovery, Found, Siblings
from shipper.files.identity import HEAD_BYTES, key_of
from shipper.files.opening import open_regular
from shipper.files.rotated_names import family
from shipper.lives.copies import COPY_GRACE_S, Suspects, begins_with, may_become_copy
from shipper.lives.open_files import OpenFiles
from shipper.lives.recognition import GOES_ON, Memory, Verdict
from shipper.lives.succession import Succession
from shipper.lives.tail import Tail
from shipper.records.recorder import Recorders
from shipper.state.registry import Registry


class Lives:
    """The tails of a shipper.

    `ready` are those that may have something to read, in turn; `unnamed` those that may need an id by now; `dirty`
    those to be saved; `leaving` those whose path means another file by now, `resting` those of them that were quiet for
    long; `held` those with records that may go on. `unread`, of a `once` run: up to which size each has to be read.

    At most `budget` files are held open, unless more than that have no name to be opened by again. With `cloned`
    the registry came from another machine: lives go on where it says, under new ids. `private`: see `is_private`.
    """

    def __init__(  # noqa: PLR0913 - what it works with, and how
        self,
        registry: Registry,
        budget: int,
        discovery: Discovery,
        *,
        cloned: bool = False,
        copy_grace_s: float = COPY_GRACE_S,
        private: Iterable[str] = (),
    ) -> None:
        self.ready: deque[Tail] = deque()
        self.by_stream: dict[str, Tail] = {}
        self.by_name: dict[str, Tail] = {}
        self.dirty: dict[Tail, None] = {}
        self.unnamed: dict[Tail, None] = {}
        self.leaving: dict[Tail, None] = {}
        self.resting: dict[Tail, None] = {}
        self.held: dict[Tail, None] = {}
        self.unread: dict[Tail, int] = {}
        self.complaints = Complaints(private)
        self.recorders = Recorders()
        self.open_files = OpenFiles(budget, self.leaving)
        self.memory = Memory(registry, cloned=cloned)
        self._discovery = discovery
        self.by_key: dict[tuple[int, int], Tail] = {}
        self._succession = Succession()
        self._suspects = Suspects(copy_grace_s, self.memory)
        self.recover: Callable[[Tail], str] = lambda _: ""  # in a copy or an archive: see Resumption

    def __len__(self) -> int:
        return len(self.by_key)

    def saw(self, found: Found, now: float, *, from_end: bool = False) -> bool:
        """Take note that a path means this file now; return whether it changed since it was seen last.

        `from_end`: a file not known yet is taken as read.
        """
        tail = self.by_name.get(found.path)
        key = key_of(found.status)
        if tail and tail.key != key:
            self._unname(tail, found.path, now)
            tail = None
        if tail is None:
            tail = self.by_key.get(key) or self.follow(found, now, from_end=from_end)
            if tail is None:
                return False
            self._name(tail, found.path)
        return self.visit(tail, found.status, now)

    def look(self, path: str, now: float) -> None:
        """Look at what a path means now."""
        if found := self._discovery.look(path):
            self.saw(found, now)
        else:
            self.missing(path, now)

    def __iter__(self) -> Iterator[Tail]:
        return iter(self.by_key.values())

    def missing(self, path: str, now: float) -> None:
        """Take note that a path means no file of the inputs any more."""
        self.complaints.unreadable.pop(path, None)
        if tail := self.by_name.get(path):
            self._unname(tail, path, now)

    def enqueue(self, tail: Tail | None) -> None:
        """Put a tail, if there is one, into the queue of those to be read, unless it is there."""
        if tail is None or tail.unpacking:
            return
        if tail in self.resting:
            del self.resting[tail]
            self.leaving[tail] = None  # to be opened again
        tail.settled = False
        if not tail.stream:
            self.unnamed[tail] = None
        if not tail.queued and not tail.ended:
            tail.queued = True
            self.ready.append(tail)

    def visit(self, tail: Tail, status: os.stat_result, now: float) -> bool:
        """Take note of a file's size and time; return whether they changed.

        What is shorter, waits its turn, or is closed may be another life, and gone before it would be read.
        """
        if changed := tail.visit(status, now):
            doubtful = tail.behind or tail.fd < 0 or status.st_size < max(tail.offset, tail.head.length)
            self.enqueue(self._look_into(tail, now) if doubtful else tail)
        return changed

    def at_end(self, tail: Tail) -> None:
        """Take note that a tail was read to its present end: what follows it at the same path may begin.

        What follows a file that has its path's name is older, as a start cannot always tell: it need not wait for the
        end of an unfinished line.
        """
        if tail.held:
            self.held[tail] = None
        if tail.fragment and tail.rotated:
            self.leaving[tail] = None
            return
        self.enqueue(self._succession.release(tail))
        if not tail.rotated:
            self.enqueue(self._succession.line_up(tail))

    def begin_again(self, tail: Tail) -> Tail:
        """Begin the next life of a file that holds other bytes by now; the one it held ends, or goes on in its copy."""
        fd, tail.fd = tail.fd, -1
        status = os.fstat(fd)
        elsewhere = tail.generation is None and tail.rotated  # it may be another file
        path = tail.names[0] if elsewhere and tail.names else tail.path
        fresh = Tail(path, tail.input, fd, status, tail.recorder, tail.real_path)
        fresh.visit(status, tail.changed_s)
        if tail.until:
            fresh.begin_at(tail.until)
            moved = ""
        else:
            fresh.hole = tail.offset
            moved = self.recover(tail)
            say_truncated(tail.path, moved, 0 if moved else tail.lost_bytes)
        if self.unread.pop(tail, None) is not None:
            self.unread[fresh] = fresh.seen_size
        if tail in self.leaving:
            self.leaving[fresh] = None
        fresh.names, tail.names = tail.names, ()
        self.by_name.update(dict.fromkeys(fresh.names, fresh))
        self.enqueue(self._succession.replace(tail, fresh))
        if moved:
            self._succession.insert(tail, fresh)
        else:
            self.end(tail, done=True)
        self.by_key[fresh.key] = fresh
        self.open_files.hold(fresh)
        self.enqueue(fresh)
        return fresh

    def move(self, tail: Tail, copy: Tail) -> None:
        """Let a life go on in another file."""
        self.detach(tail)
        tail.fd, tail.device, tail.inode, tail.generation = copy.fd, copy.device, copy.inode, copy.generation
        tail.lost_bytes = 0
        tail.visit(os.fstat(tail.fd), tail.changed_s)
        self.by_key[tail.key] = tail
        self._suspects.drop(tail)
        self.open_files.hold(tail)
        self.leaving[tail] = self.dirty[tail] = None
        self.enqueue(tail)

    def ensure_open(self, tail: Tail, now: float) -> bool:
        """Open a file again that was closed to save descriptors; False if none of its names is its name any more.

        Raises OSError and SourceError as `open_regular` does.
        """
        if tail.fd >= 0:
            return True
        tail.forget_size()  # wherever it is seen next, it is worth reading
        for name in tail.names:
            with contextlib.suppress(FileNotFoundError):
                opened = open_regular(name)
                if tail.reopened_as(opened):
                    self.open_files.hold(tail)
                    return True
                if key_of(opened.status) == tail.key:
                    self.detach(tail)
            self.missing(name, now)
            self.look(name, now)
        return False  # Departures will find it

    def saved(self, tails: Iterable[Tail]) -> None:
        """Forget ended lives that are confirmed to their end, now that this is saved."""
        for tail in tails:
            if tail.ended and tail.progress.committed >= tail.offset:
                self.by_stream.pop(tail.stream, None)

    def close(self) -> None:
        """Close every file."""
        self.open_files.close_all()

    def knows(self, tail: Tail) -> bool:
        """Tell whether a file just opened is followed, or remembered."""
        known = self.by_key.get(tail.key)
        return (known is not None and known.generation == tail.generation) or self.memory.knows(tail)

    def detach(self, tail: Tail) -> None:
        """Take note that a life's file is gone: its inode is, or may become, another file's."""
        if self.by_key.get(tail.key) is tail:
            del self.by_key[tail.key]

    def take_in(self, tail: Tail) -> None:
        """Follow a tail that was opened: it comes after those that have its path already."""
        if not tail.unpacking:
            self.by_key[tail.key] = tail
        if tail.stream:
            self.by_stream[tail.stream] = tail
        self.open_files.hold(tail)
        self.enqueue(self._succession.line_up(tail))

    def follow(self, found: Found, now: float, *, from_end: bool = False, stream: str = "") -> Tail | None:
        """Open a file that is not followed yet: a remembered life (only `stream`, if that is given) or a new one.

        None, too, if the path means another file than it did when it was `found`: the next look will tell.
        """
        opened = self.complaints.open(found)
        if opened is None:
            return None
        recorder = self.recorders.of(found.input)
        tail = Tail(found.path, found.input, opened.fd, opened.status, recorder, opened.real_path)
        verdict = self.memory.resume_as(tail, stream) if stream else self.memory.resume(tail, self.by_stream)
        if verdict not in GOES_ON:
            if stream or (verdict is Verdict.OTHER_FILE and not from_end and self._is_copy(tail, now)):
                tail.close()
                return self.by_key.get(tail.key)
            if from_end:
                tail.begin_at(tail.end_of_records())
            elif verdict is Verdict.OTHER_FILE and not self._suspects.take_as_read(tail):
                tail.close()
                return None
        if not stream:
            self.memory.bury()
        self.take_in(tail)
        return tail

    def _is_copy(self, fresh: Tail, now: float) -> bool:
        """Tell whether a new file is a life's copy by now, or may become it."""
        if fresh.path == (original := family(fresh.path)):
            return False
        beginning = os.pread(fresh.fd, HEAD_BYTES, 0)
        if self._discovery.input_of(original) is fresh.input and begins_with(original, beginning):
            self.look(original, now)
        siblings = Siblings(self._discovery.input_of)
        alike = []
        for life in self._succession.of(original):  # opened one at a time; one may go on in the copy's archive by now
            present = self._look_into(life, now)
            alike += [may_become_copy(beginning, each, siblings) for each in (life, present)]
            if alike[-1] and present.stream:
                self._compare(fresh, present)
        if self._suspects.proof_of(fresh):
            return False
        waits = any(alike) and self._suspects.waits(fresh, now)
        return fresh.key in self.by_key or waits or self._suspects.must_wait(fresh)

    def _compare(self, fresh: Tail, life: Tail) -> None:
        try:
            self._suspects.compare(fresh, life)
        except OSError as error:
            self.trouble(life, error)

    def _look_into(self, life: Tail, now: float) -> Tail:
        """Return a life with its file open, if it can be; the file's next life, if it holds other bytes by now."""
        try:
            if not life.unpacking and self.ensure_open(life, now) and not life.continues():
                return self.begin_again(life)
        except (OSError, SourceError) as error:
            self.trouble(life, error)
        return life

    def _name(self, tail: Tail, path: str) -> None:
        self.resting.pop(tail, None)
        self.by_name[path] = tail
        tail.names = (*tail.names, path)
        self._discovery.note_link(path)
        if tail.rotated:
            self.leaving[tail] = None
        else:
            self.enqueue(self._succession.line_up(tail))

    def _unname(self, tail: Tail, path: str, now: float) -> None:
        self.by_name.pop(path, None)
        tail.names = tuple(name for name in tail.names if name != path)
        if tail.rotated:
            tail.changed_s = now
            self.leaving[tail] = None

    def end(self, tail: Tail, *, done: bool = False) -> None:
        """Read no more of a life; it stays in `by_stream` until all of it is confirmed."""
        tail.ended, tail.done, tail.settled = True, done, True
        self.open_files.close(tail)
        if tail.stream:
            self.dirty[tail] = None
        self.unnamed.pop(tail, None)
        self.leaving.pop(tail, None)
        self.resting.pop(tail, None)
        self.detach(tail)
        self.enqueue(self._succession.release(tail))
        self._succession.leave(tail)

    def trouble(self, tail: Tail, error: OSError | SourceError) -> None:
        """Take note that an open file could not be read; the next look at it tries again."""
        tail.forget_size()
        self.complaints.unreadable_now(tail.path, error)
