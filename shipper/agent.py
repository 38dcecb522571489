"""The shipper's one step: settle, discover, read, publish, save. The only place that knows this order.

Nothing here waits, and each step does a bounded amount of work. The window is the publisher's: while it is full
nothing is read, the file is the buffer. What the registry says never runs ahead of what is confirmed.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from logbus.batch import Batch, Span
from logbus.errors import visible
from logbus.telemetry import gauge
from shipper import identity
from shipper.discovery import Discovery, Found
from shipper.lives import Lives
from shipper.recognition import row_of
from shipper.registry import Registry
from shipper.settings import Input, Settings
from shipper.stdin import Stdin
from shipper.tail import LifeEnded, Slice, Tail
from shipper.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("shipper.agent")

SLICES_A_STEP = 16
LOOKS_A_STEP = 512
NEW_STREAMS_A_STEP = 256
POLL_EVERY_S = 0.25
SAVE_EVERY_S = 0.25
RETRY_SAVE_S = 1.0
STDIN_CHECK_S = 0.2
SCAN_SHARE = 100  # a scan may take a hundredth of the time


class Publisher(Protocol):
    """What the agent needs of `logbus.publisher.Publisher`."""

    @property
    def in_flight(self) -> int:
        """Batches published and not yet confirmed."""

    def has_room(self) -> bool:
        """Tell whether one more batch may be published now."""

    def publish(self, batch: Batch) -> None:
        """Publish a batch."""

    def take_confirmed(self) -> list[Span]:
        """Return what was confirmed since the last call."""


class Waker(Protocol):
    """What ends the loop's waiting: a part of `logbus.connection.Connection`."""

    def wake(self) -> None:
        """End it now (from any thread)."""

    def wake_on(self, fd: int) -> None:
        """End it whenever `fd` is readable."""

    def ignore(self, fd: int) -> None:
        """Stop waking on `fd`."""


class Agent:
    """A shipper, in steps.

    `once`: ship what is there and finish. `budget`: how many files may be open. `stopwatch` measures, in seconds, how
    long scans take: they are repeated the less often.
    """

    def __init__(  # noqa: PLR0913 - what it works with, and three ways to work
        self,
        settings: Settings,
        publisher: Publisher,
        registry: Registry,
        *,
        once: bool = False,
        waker: Waker | None = None,
        budget: int = 1024,
        stopwatch: Callable[[], float] = time.perf_counter,
        stdin_fd: int = 0,
    ) -> None:
        files = [each for each in settings.inputs if each.paths != ["-"]]
        piped = [each for each in settings.inputs if each.paths == ["-"]]
        self.records = self.bytes = 0
        self._publisher = publisher
        self._registry = registry
        self._once = once
        self._host = settings.host_name()
        self._origin = f"{self._host}\0{identity.machine()}"
        self._scan_interval_s = settings.scan_interval_s
        self._watcher = Watcher(waker.wake) if waker and not once else None
        self._discovery = Discovery(files, self._watcher)
        self._lives = Lives(registry, budget, self._discovery, cloned=self._is_cloned())
        self._files = files
        self._stdin = Stdin(piped[0], stdin_fd) if piped else None
        self._unread: dict[Tail, int] = {}
        self._unconfirmed: dict[Tail, None] = {}
        self._next_save = self._next_scan = self._hold_until = self._scan_s = 0.0
        self._scan: Iterator[Found] | None = None
        self._waker = waker
        self._stopwatch = stopwatch
        self._woken_by: list[int] = []
        self._more_stdin = False
        self._gone: set[str] = set()
        self._draining = self._started = False
        self._said_empty: set[str] = set()

    def step(self, now: float) -> float:
        """Do what there is to do now; return the seconds until the next step is due (0: at once)."""
        self._settle()
        if not self._started:
            self._start(now)
        if not self._draining:
            self._look_around(now)
            self._lives.check_leaving(now)
            self._lives.flush_held(now)
            self._name_new(now)
            self._read(now)
        self._save(now)
        self._wake_on_stdin()
        return self._wait_s(now)

    def wait_fds(self) -> list[int]:
        """Return the descriptors whose input should end the loop's waiting (standard input, if it is wanted now)."""
        wanted = self._stdin and self._stdin.pollable and not self._stdin.at_end and not self._draining
        return [self._stdin.fd] if self._stdin and wanted and self._publisher.has_room() else []

    def drain(self) -> None:
        """Read no more; what is published is waited for."""
        self._draining = True

    def finished(self) -> bool:
        """Tell whether all that had to be shipped is confirmed and saved."""
        if self._draining:
            return not (self._unconfirmed or self._lives.dirty)
        if not self._started or (self._stdin and not self._stdin.done()):
            return False
        if self._once:
            return not (self._unread or self._unconfirmed or self._lives.dirty)
        return self._stdin is not None and not self._files

    def reload(self) -> None:
        """Look for files at once; settings are read at the start only."""
        self._next_scan = 0.0

    def _wake_on_stdin(self) -> None:
        """Be woken by standard input exactly while it is wanted: else a full window would make the loop spin."""
        wanted = self.wait_fds()
        if self._waker and wanted != self._woken_by:
            for fd in self._woken_by:
                self._waker.ignore(fd)
            for fd in wanted:
                self._waker.wake_on(fd)
            self._woken_by = wanted

    def close(self) -> None:
        """Save, and release all files and the registry."""
        self.drain()
        self._settle()
        self._save(float("inf"))
        self._wake_on_stdin()
        self._discovery.close()
        self._lives.close()
        self._registry.close()

    def progress(self) -> tuple[int, int]:
        """Return how many bytes are confirmed and how many there are, of the files followed now."""
        tails = list(self._lives)
        return sum(tail.progress.committed for tail in tails), sum(max(tail.seen_size, tail.offset) for tail in tails)

    @property
    def files(self) -> int:
        """How many files are followed."""
        return len(self._lives)

    @property
    def failures(self) -> int:
        """How many paths could not be read or named nothing."""
        return len(self._lives.unreadable) + len(self._said_empty)

    def _is_cloned(self) -> bool:
        """Tell whether the registry came from another machine (an image, a copied disk), and make it ours."""
        here, before = identity.machine(), self._registry.fact("machine")
        if here != before:
            self._registry.remember("machine", here)
        return before not in ("", here)

    def _start(self, now: float) -> None:
        """Scan for the first time, as a whole: the lives that were begun come before new ones."""
        self._started = True
        found = list(self._discovery.scan())
        self._lives.adopt(found, now)
        fresh = {id(each): self._starts_at_end(each) for each in self._files}
        for each in sorted(found, key=lambda each: each.status.st_mtime_ns):
            self._lives.saw(each, now, from_end=fresh[id(each.input)])
        if any(fresh.values()) and self._register(
            {tail: b"" for tail in self._lives if not tail.stream and tail.offset}
        ):
            self._remember_start()
        self._say_empty()
        if self._once:
            self._unread = {tail: tail.seen_size for tail in self._lives}
        self._next_scan = now + self._scan_interval_s

    def _starts_at_end(self, source: Input) -> bool:
        return source.start == "end" and not self._registry.fact(_start_fact(source))

    def _remember_start(self) -> None:
        for each in self._files:
            if each.start == "end":
                self._registry.remember(_start_fact(each), "1")

    def _say_empty(self) -> None:
        for each in self._discovery.empty():
            if each.text not in self._said_empty:
                self._said_empty.add(each.text)
                cause = "no such file" if each.literal else "matches no file"
                then = "" if self._once else "; waiting for it"
                logger.warning("%s: %s%s", visible(each.text), cause, then)

    def _settle(self) -> None:
        for span in self._publisher.take_confirmed():
            if tail := self._lives.by_stream.get(span.stream):
                self._confirm(tail, span)
            elif self._stdin and span.stream == self._stdin.stream:
                self._stdin.progress.confirm(span.offset, span.end)

    def _confirm(self, tail: Tail, span: Span) -> None:
        if tail.progress.confirm(span.offset, span.end):
            self._lives.dirty[tail] = None
        if tail.progress.committed >= tail.offset:
            self._unconfirmed.pop(tail, None)
            if tail.sealed:
                tail.sealed = False
                self._lives.enqueue(tail)

    def _look_around(self, now: float) -> None:
        """Look at what watchdog hinted at, and go on with the scan if it is time for one."""
        if self._once:
            return
        if self._watcher:
            for path in self._watcher.take():
                self._look(self._discovery.aliases.get(path, path), now) if path else self._scan_soon(now)
        if self._scan is None and now >= self._next_scan:
            self._scan = self._discovery.scan()
            self._scan_s = 0.0
            self._gone = set(self._lives.by_name)
        if self._scan is not None:
            self._go_on_scanning(now)

    def _go_on_scanning(self, now: float) -> None:
        began = self._stopwatch()
        looked = 0
        for found in islice(self._scan or (), LOOKS_A_STEP):
            self._gone.discard(found.path)
            if self._lives.saw(found, now) and self._watcher:
                self._watcher.missed(found.path)
            looked += 1
        if looked == LOOKS_A_STEP:
            self._scan_s += self._stopwatch() - began
            return
        for path in self._gone:
            self._look(path, now)
        self._scan = None
        self._scan_s += self._stopwatch() - began
        deaf = self._watcher is not None and not self._watcher.reliable
        interval_s = min(POLL_EVERY_S, self._scan_interval_s) if deaf else self._scan_interval_s
        self._next_scan = now + max(interval_s, SCAN_SHARE * self._scan_s)

    def _scan_soon(self, now: float) -> None:
        self._next_scan = min(self._next_scan, now + 10 * self._scan_s)

    def _look(self, path: str, now: float) -> None:
        found = self._discovery.look(path)
        if found:
            self._lives.saw(found, now)
        else:
            self._lives.missing(path, now)

    def _name_new(self, now: float) -> None:
        """Give ids to lives that have a first record, and remember them before anything of them is published.

        This waits for no room: a life that is remembered is found again after a crash, wherever it was renamed to.
        """
        unnamed = self._lives.unnamed
        if not unnamed or now < self._hold_until:
            return
        due = list(islice(unnamed, NEW_STREAMS_A_STEP))
        for tail in due:
            del unnamed[tail]
        heads = {tail: self._peek(tail, now) for tail in due if not tail.stream}
        if not self._register({tail: head for tail, head in heads.items() if head}):
            unnamed.update(dict.fromkeys(due))
            self._hold_until = now + RETRY_SAVE_S

    def _peek(self, tail: Tail, now: float) -> bytes:
        """Take a life's first bytes into its head and return them; none if there is no record yet."""
        try:
            head = tail.peek() if self._lives.ensure_open(tail, now) else b""
        except LifeEnded:
            self._begin_again(tail)
            return b""
        except OSError as error:
            self._lives.trouble(tail, error)
            return b""
        tail.head.extend(tail.offset, head[: head.rfind(b"\n") + 1] or head)
        return head

    def _register(self, heads: dict[Tail, bytes]) -> bool:
        """Give each tail an id, made of its next bytes, and remember it; False if the registry cannot be written."""
        for tail, head in heads.items():
            tail.stream = self._new_id(tail, head)
        if heads and not self._registry.add([row_of(tail) for tail in heads]):
            for tail in heads:
                tail.stream = ""
            return False
        self._lives.by_stream.update({tail.stream: tail for tail in heads})
        return True

    def _new_id(self, tail: Tail, head: bytes) -> str:
        derived = None
        if self._registry.persistent and not tail.offset:
            derived = identity.derived_id(self._origin, tail.device, tail.inode, tail.generation, head)
        return derived if derived and not self._registry.has(derived) else identity.random_id()

    def _read(self, now: float) -> None:
        """Publish up to SLICES_A_STEP slices, one of each source in turn, while there is room."""
        for _ in range(SLICES_A_STEP):
            if not self._publisher.has_room():
                return
            if self._stdin and not self._read_stdin(self._stdin, now) and not self._lives.ready:
                return
            if self._lives.ready and self._publisher.has_room():
                tail = self._lives.ready.popleft()
                tail.queued = False
                if not tail.ended and not tail.behind:
                    self._read_one(tail, now)

    def _read_stdin(self, source: Stdin, now: float) -> bool:
        piece = source.read(now)
        self._more_stdin = piece is not None
        if piece:
            self._publish(source, source.input.label or "stdin", "-", piece, now)
        return self._more_stdin

    def _read_one(self, tail: Tail, now: float) -> None:
        try:
            if not self._lives.ensure_open(tail, now):
                self._unread.pop(tail, None)
            elif tail.sealed:
                return
            elif tail.stream:
                self._ship(tail, tail.read(), now)
            elif tail in self._lives.unnamed:
                self._lives.enqueue(tail)  # its turn to get an id, or room on the registry's disk, is still to come
            else:
                self._at_end(tail)
        except LifeEnded:
            self._begin_again(tail)
        except OSError as error:
            self._lives.trouble(tail, error)
            self._unread.pop(tail, None)

    def _ship(self, tail: Tail, piece: Slice | None, now: float) -> None:
        if piece is None:
            self._at_end(tail)
            return
        if piece.forced and tail.recorder.rewrites and not self._seal(tail, piece):
            return
        self._publish(tail, tail.input.label_of(tail.path), tail.path, piece, now)
        self._unconfirmed[tail] = self._lives.dirty[tail] = None
        tail.advance(piece)
        if tail.more and not self._read_enough(tail):
            self._lives.enqueue(tail)
        else:
            self._at_end(tail)

    def _seal(self, tail: Tail, piece: Slice) -> bool:
        """Remember a record's end that the file's bytes will not tell; False if something has to be confirmed first.

        What a sink holds of a record whose bytes were changed can be told apart only at the record's end: so after a
        crash this end has to be the same, even though the file may have gone on. One such end at a time is remembered.
        """
        tail.sealed = True
        if tail.progress.committed < tail.offset:
            return False
        mark = identity.digest((tail.mark + piece.body)[-identity.MARK_BYTES :])
        self._registry.save([replace(row_of(tail), published=piece.end, published_mark=mark)])
        return True

    def _read_enough(self, tail: Tail) -> bool:
        """With `once`: whether all that was there at the start was read, though more came meanwhile."""
        return self._once and tail.offset >= self._unread.get(tail, 0)

    def _at_end(self, tail: Tail) -> None:
        if self._once and tail.fragment and not tail.final and not self._read_enough(tail):
            tail.final = True
            self._lives.enqueue(tail)
            return
        tail.final = False
        self._lives.at_end(tail)
        self._unread.pop(tail, None)

    def _begin_again(self, tail: Tail) -> None:
        fresh = self._lives.begin_again(tail)
        if self._unread.pop(tail, None) is not None:
            self._unread[fresh] = fresh.seen_size

    def _publish(self, source: Tail | Stdin, label: str, path: str, piece: Slice, now: float) -> None:
        found = source.recorder.finish(piece.body, piece.bounds, now)
        self.records += len(found.levels)
        self.bytes += len(piece.body)
        self._publisher.publish(
            Batch(
                body=found.body,
                levels=found.levels,
                host=self._host,
                label=label,
                path=path,
                stream=source.stream,
                offset=piece.offset,
                end=piece.end,
                read_at_us=time.time_ns() // 1000,
                fields=source.input.fields_of(path),
                lengths=found.lengths,
                partial=piece.partial,
            )
        )

    def _save(self, now: float) -> None:
        """Save what moved, in one transaction: four times a second, or at once when there is nothing else to do."""
        gauge("logbus_streams", len(self._lives))
        dirty = self._lives.dirty
        last = (self._once or self._draining) and not self._unconfirmed and not self._unread
        if not dirty or (now < self._next_save and not last):
            return
        self._next_save = now + SAVE_EVERY_S
        tails, self._lives.dirty = list(dirty), {}
        if self._registry.save([row_of(tail) for tail in tails]):
            self._lives.saved(tails)
        else:
            self._next_save = now + RETRY_SAVE_S
            self._lives.dirty.update(dirty)

    def _wait_s(self, now: float) -> float:
        """Return how long nothing is due; whatever comes from outside wakes the loop earlier."""
        waits = [self._next_save - now] if self._lives.dirty else []
        if not self._draining:
            if self._publisher.has_room() and (self._more_stdin or (self._lives.ready and now >= self._hold_until)):
                return 0.0
            if self._scan is not None:
                return 0.0
            waits += [self._lives.check_leaving(now), self._lives.flush_held(now)]
            if not self._once:
                waits.append(self._next_scan - now)
            if self._stdin and not self._stdin.at_end:
                waits.append(STDIN_CHECK_S)
            if self._lives.ready and now < self._hold_until:
                waits.append(self._hold_until - now)  # without room, a confirm ends the waiting
        return max(0.0, min(waits, default=RETRY_SAVE_S))


def _start_fact(source: Input) -> str:
    """Return the fact that remembers that an input's files were taken as read at its first start."""
    return "started " + identity.digest("\0".join(source.paths).encode("utf-8", "surrogateescape")).hex()
