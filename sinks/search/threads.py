"""Work on files by several threads: file after file, or each file a step at a time, the most urgent first."""

import heapq
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol

from logbus.errors import LogbusError
from sinks.search.results.waiting import POLL_S, Stopped

THREADS_MAX: Final = 4
BEGUN_MAX: Final = 40
"""Files that are read in turns at a time: each holds a block of 1 MiB."""


class Progress(Protocol):
    """The part of `sinks.search.looking.Progress` that threads use."""

    flaws: list[str]

    @property
    def stopped(self) -> Callable[[], bool]:
        """Tells whether nobody wants more."""


def in_threads(work: Callable[[int], None], numbers: Sequence[int], progress: Progress) -> list[threading.Thread]:
    """Begin to do `work` for each number, in order, on as many threads as there are processors; return them."""
    waiting = iter(numbers)
    lock = threading.Lock()

    def run() -> None:
        while not progress.stopped():
            with lock:
                number = next(waiting, None)
            if number is None or not _done(partial(work, number), progress):
                return

    return _started(run, len(numbers))


class Turns:
    """Files that are worked on in steps by several threads, the most urgent one first.

    `begin` returns the steps of a file, each of which yields how urgent the next one is: the smaller, the more urgent.
    `urgencies`: of the first step of each, with the file's number.
    """

    def __init__(self, begin: Callable[[int], Iterator[int]], urgencies: Sequence[tuple[int, int]]) -> None:
        self._begin = begin
        self._fresh = sorted(urgencies)
        self._begun: list[tuple[int, int]] = []
        self._steps: dict[int, Iterator[int]] = {}
        self._held = 0
        self._changed = threading.Condition()

    def start(self, progress: Progress) -> list[threading.Thread]:
        """Begin, on as many threads as there are processors; return these."""
        return _started(partial(self._run, progress), len(self._fresh))

    def _run(self, progress: Progress) -> None:
        while not progress.stopped() and (number := self._take(progress)) is not None:
            goes_on = _done(partial(self._step, number), progress)
            with self._changed:
                self._held -= 1
                self._changed.notify_all()
            if not goes_on:
                return

    def _take(self, progress: Progress) -> int | None:
        """Return the most urgent file, None once there is nothing more to do."""
        with self._changed:
            while (number := self._next()) is None and self._held and not progress.stopped():
                self._changed.wait(POLL_S)
            self._held += number is not None
            return number

    def _next(self) -> int | None:
        is_full = len(self._begun) + self._held >= BEGUN_MAX
        if self._fresh and not (self._begun and (is_full or self._begun[0] < self._fresh[0])):
            return heapq.heappop(self._fresh)[1]
        return heapq.heappop(self._begun)[1] if self._begun else None

    def _step(self, number: int) -> None:
        steps = self._steps.pop(number, None) or self._begin(number)
        urgency = next(steps, None)
        if urgency is not None:
            with self._changed:
                self._steps[number] = steps
                heapq.heappush(self._begun, (urgency, number))


def _done(work: Callable[[], object], progress: Progress) -> bool:
    """Do some work; note what went wrong. Return False if nobody wants more."""
    try:
        work()
    except Stopped:
        return False
    except LogbusError as error:
        progress.flaws.append(str(error))
    except Exception as error:  # noqa: BLE001 - one file must not end the search, nor be passed over silently
        progress.flaws.append(f"cannot search a file: {error!r}")
    return True


def _started(run: Callable[[], None], most: int) -> list[threading.Thread]:
    count = min(THREADS_MAX, len(os.sched_getaffinity(0)), max(1, most))
    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for each in threads:
        each.start()
    return threads
