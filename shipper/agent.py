"""The shipper's step: settle, discover, read, publish, save. The only place that knows this order.

Nothing here blocks, and each step does a bounded amount of work. The publisher owns the window: while it is full,
nothing is read, and the file is the buffer. The registry never runs ahead of the confirms.
"""

import logging
import time
from collections.abc import Callable

from logbus import severity
from logbus.errors import SourceError
from logbus.native import descriptors
from shipper.files import identity
from shipper.files.discovery import Discovery
from shipper.files.watcher import Waker, Watcher
from shipper.lives.copies import COPY_GRACE_S
from shipper.lives.following import Following
from shipper.lives.lives import Lives
from shipper.lives.stdin import Stdin
from shipper.settings import Settings
from shipper.state.registry import Registry
from shipper.steps.activity import Activity, Totals, measure
from shipper.steps.backfill import Backfill
from shipper.steps.departures import Departures
from shipper.steps.first_start import FirstStart
from shipper.steps.forgetting import Forgetting
from shipper.steps.reading import Publisher, Reader
from shipper.steps.resuming import Resumption
from shipper.steps.saving import RETRY_SAVE_S, Saver
from shipper.steps.scanning import POLL_EVERY_S, Scanner
from shipper.steps.stream_ids import StreamIds

logger = logging.getLogger("shipper.agent")

MEASURE_EVERY_S = 5.0
STDIN_CHECK_S = 0.2
RETRY_START_S = 5.0


class Agent:
    """A shipper, run step by step.

    `once`: ship the present content and finish. `budget`: how many files may be open. `stopwatch` measures the
    processor time of scans, in seconds: the longer they take, the rarer they are. `config`: the path of the
    configuration file, if there is one. `lives` are followed now, as `following` decides.
    """

    def __init__(  # noqa: PLR0913 - its collaborators and options
        self,
        settings: Settings,
        publisher: Publisher,
        registry: Registry,
        *,
        once: bool = False,
        waker: Waker | None = None,
        budget: int = 1024,
        stopwatch: Callable[[], float] = time.thread_time,
        stdin_fd: int = 0,
        config: str = "",
    ) -> None:
        self._publisher = publisher
        self._registry = registry
        self._once = once
        self._waker = waker
        self._files = [each for each in settings.inputs if each.paths != ["-"]]
        piped = [each for each in settings.inputs if each.paths == ["-"]]
        self._stdin = Stdin(piped[0], stdin_fd) if piped else None
        self._first = FirstStart(self._files, registry)
        self._next_measure = 0.0
        self._activity = Activity()
        self._woken_by: list[int] = []
        self._draining = self._started = False
        self._reported_empty: set[str] = set()
        self._build(settings, budget, stopwatch, config)

    def _build(self, settings: Settings, budget: int, stopwatch: Callable[[], float], config: str) -> None:
        """Build the parts: read the key files, and compile all patterns; with `once`, not those of times."""
        severity.prepare()
        polls = settings.watch == "poll"
        watcher = Watcher(self._waker) if self._waker and not self._once and not polls else None
        self._discovery = discovery = Discovery(self._files, watcher)
        self.lives = lives = Lives(budget)
        self.following = following = Following(
            lives,
            self._registry,
            discovery,
            cloned=self._is_cloned(),
            copy_grace_s=0.0 if self._once else COPY_GRACE_S,
            private=[*settings.private_files(), *filter(None, [config])],
        )
        for each in self._files:
            following.recorders.of(each)
        if not self._once:
            following.recorders.prepare()
        interval_s = min(POLL_EVERY_S, settings.scan_interval_s) if polls else settings.scan_interval_s
        host = settings.host_name()
        self._scanner = Scanner(discovery, watcher, following, interval_s, stopwatch)
        self._resumption = Resumption(lives, following, self._registry, discovery)
        self._backfill = Backfill(lives, following, self._registry, discovery, once=self._once)
        self._saver = Saver(lives, self._registry)
        self._forgetting = Forgetting(self._resumption.forget, settings.forget_after_days)
        self._departures = Departures(lives, following, discovery, settings.hold_deleted_bytes)
        self._stream_ids = StreamIds(lives, following, self._registry, f"{host}\0{identity.machine()}")
        self._reader = Reader(
            lives, following, self._publisher, self._registry, self._stdin, host=host, once=self._once
        )

    def step(self, now: float) -> float:
        """Do the work that is due; return the seconds until the next step (0: at once)."""
        self._reader.settle()
        if not self._started and not self._start(now):
            return RETRY_START_S
        if not self._draining:
            if not self._once:
                self._scanner.work(now)
            self._resumption.work(now)
            self._backfill.work(now)
            self._departures.work(now)
            self._stream_ids.assign(now)
            self._reader.read(now)
            self._stream_ids.assign(
                now
            )  # to lives begun while reading, before their files' old ones are saved as moved
        self._saver.work(now, at_once=self._is_last())
        self._measure(now)
        if not self._once:
            self._forgetting.work(now)
        self._wake_on_stdin()
        return self._wait_s(now)

    def wait_fds(self) -> list[int]:
        """Return the descriptors that wake the loop when readable (standard input while it can be read)."""
        wanted = self._stdin and self._stdin.pollable and not self._stdin.at_end and not self._draining
        return [self._stdin.fd] if self._stdin and wanted and self._publisher.has_room() else []

    def drain(self) -> None:
        """Stop reading, and wait for the confirms of published batches."""
        if not self._draining:
            self._departures.leave()
        self._draining = True
        self._discovery.close()

    def finished(self) -> bool:
        """Return True if everything to be shipped is confirmed and saved."""
        if self._draining:
            return not (self._reader.unconfirmed or self.lives.dirty)
        if self._once:
            return self.complete and not self.lives.dirty
        return self._stdin is not None and self._stdin.done() and not self._files

    def reload(self) -> None:
        """Scan at once."""
        self._scanner.scan_now()

    def _wake_on_stdin(self) -> None:
        """Let standard input wake the loop only while it can be read: otherwise a full window makes the loop spin."""
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
        self._reader.settle()
        self._saver.work(float("inf"), at_once=True)
        self._wake_on_stdin()
        self._discovery.close()
        self.lives.close()
        self._registry.close()

    def progress(self) -> tuple[int, int]:
        """Return the confirmed bytes and the total bytes of the files followed now."""
        lives = [*self.lives]
        return sum(life.progress.committed for life in lives), sum(life.tail.offset + life.unread for life in lives)

    @property
    def records(self) -> int:
        """How many records were published."""
        return self._reader.records

    @property
    def bytes(self) -> int:
        """How many bytes of the files were published."""
        return self._reader.bytes

    @property
    def files(self) -> int:
        """How many files are followed."""
        return len(self.lives)

    @property
    def complete(self) -> bool:
        """Whether everything present at the start is read and confirmed."""
        piped = self._stdin is None or self._stdin.done()
        return (
            self._started and piped and not (self.lives.targets or self._reader.unconfirmed or self._backfill.pending)
        )

    @property
    def failures(self) -> int:
        """How many paths cannot be read or match no file."""
        return len(self.following.complaints.unreadable) + len(self._reported_empty)

    def _is_cloned(self) -> bool:
        """Return True if the registry came from another machine (an image, a copied disk), and adopt it."""
        try:
            here, before = identity.machine(), self._registry.fact("machine")
        except OSError as error:
            raise SourceError("tell this machine from its clones", error) from error
        if here != before:
            self._registry.remember("machine", here)
        return before not in ("", here)

    def _start(self, now: float) -> bool:
        """Run the first scan in one go: remembered lives come before new ones.

        Return False without descriptors to search with: what a start does not find counts as gone.
        """
        try:
            descriptors.require()
        except OSError as error:
            logger.warning("%s; retrying", SourceError("look for files", error, descriptors.HINT))
            return False
        self._started = True
        found = list(self._discovery.scan())
        self.following.old_files.begin(self._first.times_ns())
        self._resumption.resume(found, now)
        fresh = {id(each): self._first.at_end(each) for each in self._files}
        for each in sorted(found, key=lambda each: each.status.st_mtime_ns):
            self.following.observe(each, now, from_end=fresh[id(each.input)])
        if any(fresh.values()) and self._stream_ids.register(
            {life: b"" for life in self.lives if not life.stream and life.tail.offset}
        ):
            self._first.remember_end()
        self.following.old_files.report(self._files)
        self._report_empty()
        if self._once:
            self.lives.targets.set([*self.lives, *self._resumption.unpacking()])
        self._backfill.begin(self._files)
        self._scanner.began(now)
        return True

    def _report_empty(self) -> None:
        for each in self._discovery.empty():
            if each.text not in self._reported_empty:
                self._reported_empty.add(each.text)
                cause = "no such file" if each.literal else "matches no file"
                then = "" if self._once else "; waiting for it"
                logger.warning("%s: %s%s", each.text, cause, then)

    def _measure(self, now: float) -> None:
        if now >= self._next_measure:
            self._next_measure = now + MEASURE_EVERY_S
            committed, size = self.progress()
            measure(self.lives, self._files, self._registry.directory)
            self._activity.work(now, Totals(self.records, self.bytes, self.files, size - committed))

    def _is_last(self) -> bool:
        """Return True if nothing else is due than saving."""
        return (self._once or self._draining) and not self._reader.unconfirmed and not self.lives.targets

    def _wait_s(self, now: float) -> float:
        """Return the seconds until something is due; outside events wake the loop earlier."""
        waits = [self._saver.wait_s(now)] if self.lives.dirty else []
        if not self._draining:
            paused_s = self._stream_ids.paused_s(now)
            if self._publisher.has_room() and (self._reader.more_stdin or (self.lives.any_ready and not paused_s)):
                return 0.0
            waits += [
                self._reader.pause_s(now),
                self._departures.wait_s(now),
                self._resumption.wait_s(now),
                self._backfill.wait_s(now),
            ]
            if not self._once:
                waits.append(self._scanner.wait_s(now))
            if self._stdin and not self._stdin.at_end:
                waits.append(STDIN_CHECK_S)
            if self.lives.any_ready and paused_s:
                waits.append(paused_s)  # without room, a confirm ends the wait
        return max(0.0, min(waits, default=RETRY_SAVE_S))
