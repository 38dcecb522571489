"""Ledger, runner and file sink against a model: whatever happens in between, each byte is in the output once, in order.

A queue in memory holds batches of two streams: repeated, overlapping, in any order. Where the order can be kept (no
batch is further from its place than the prefetch reaches), it must be. Each byte of a source is another one, so that
the output says by itself what it holds. The ledger puts streams away after each commit that leaves them without a hole.

Faults are injected at the n-th time that one of the steps of a commit is reached, on either side of it: write,
fdatasync, ledger, acknowledge. A crash ends the process, and may take everything that was not synced with it; an error
is reported to the sink by the system; a reconnect delivers again what was not acknowledged, with or without the
acknowledgements that were on their way.
"""

import errno
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logbus.batch import Batch, Message, encode
from logbus.broker.consuming.consumer import Delivery
from logbus.wire.batch import count_lines
from sinks.delivery.runner import Runner
from sinks.file import Settings
from sinks.file.sink import FileSink
from sinks.ledger import ledger
from sinks.ledger.ledger import Ledger, LedgerUnsaved
from sinks.ledger.ranges import Ranges
from sinks.sink import Context
from support import examples

SOURCES = {"a": bytes(range(48)), "b": bytes(range(100, 148))}
PREFETCH = 6
HOLD = 3


P = ParamSpec("P")
R = TypeVar("R")


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Fuse:
    """Fails with `kind` when it is passed for the `at`-th time; `passed` counts."""

    kind: str = "none"
    at: int = 0
    passed: int = 0

    def pass_by(self, error: Exception) -> None:
        """Go on, or crash, or raise `error`."""
        self.passed += 1
        if self.passed == self.at:
            raise Crash if self.kind == "crash" else error


@dataclass
class Broker:
    """A queue; `acks_are_lost` drops the acknowledgements of an epoch at its end."""

    ready: list[Message]
    epoch: int = 0
    taken: list[Delivery] = field(default_factory=list)
    fuse: Fuse = field(default_factory=Fuse)
    acked: set[int] = field(default_factory=set)
    paused: bool = False
    arrived_bytes: int = 0
    tags: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def take(self) -> list[Delivery]:
        """Deliver up to the prefetch, unless paused."""
        if self.paused:
            return []
        count = max(0, PREFETCH - len([each for each in self.taken if each.tag not in self.acked]))
        new = [Delivery(next(self.tags), self.epoch, each, redelivered=False) for each in self.ready[:count]]
        del self.ready[:count]
        self.taken += new
        return new

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Settle, unless the connection or the process ends first."""
        self.fuse.pass_by(ConnectionError())
        self.acked |= {each.tag for each in deliveries if each.epoch == self.epoch}

    def pause(self) -> None:
        """Have every delivery back."""
        if not self.paused:
            self.paused = True
            self.reconnect(acks_are_lost=False)

    def resume(self) -> None:
        """Deliver again."""
        self.paused = False

    def quarantine(self, delivery: Delivery, reason: str) -> None:
        """Fail: nothing here is broken."""
        raise AssertionError(delivery, reason)

    def reconnect(self, *, acks_are_lost: bool) -> None:
        """Begin an epoch: put back what is not acknowledged, in order."""
        acked = set() if acks_are_lost else self.acked
        self.ready = [each.message for each in self.taken if each.tag not in acked] + self.ready
        self.taken.clear()
        self.epoch += 1

    @property
    def is_empty(self) -> bool:
        """True when everything was delivered and acknowledged."""
        return not self.ready and all(each.tag in self.acked for each in self.taken)


class Process:
    """A sink process on `root`: ledger, file sink, runner, until it crashes."""

    def __init__(self, root: Path, broker: Broker, fuse: Fuse, synced: dict[int, int]) -> None:
        self.broker, self.fuse, self.synced = broker, fuse, synced
        broker.fuse = fuse
        self.ledger = Ledger(root / "state", put_away_s=0)
        unsaved = LedgerUnsaved("use the ledger", "the disk is full")
        remember = self._guarded(self.ledger.remember, unsaved)
        sink = FileSink(Settings(path=str(root / "out" / "{name}")), Context("model", None, remember))
        setattr(self.ledger, "commit", self._guarded(self.ledger.commit, unsaved))  # noqa: B010 - where a fault is to be
        self.runner = Runner(
            broker, sink, self.ledger, commit_bytes=20, commit_batches=4, commit_s=0.2, hold_batches=HOLD
        )
        self.now = 0.0

    def _guarded(self, inner: Callable[P, R], error: Exception) -> Callable[P, R]:
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            self.fuse.pass_by(error)
            result = inner(*args, **kwargs)
            if self.fuse.kind == "crash":  # after it succeeded, only the process can fail
                self.fuse.pass_by(error)
            return result

        return guarded

    def _write(self, fd: int, data: bytes) -> int:
        self.fuse.pass_by(OSError(errno.ENOSPC, "no space left on device"))
        half = (len(data) + 1) // 2
        return write(fd, bytes(data)[:half])

    def _fdatasync(self, fd: int) -> None:
        self.fuse.pass_by(OSError(errno.EIO, "input/output error"))
        status = os.fstat(fd)
        self.synced[status.st_ino] = status.st_size
        self.fuse.pass_by(OSError(errno.EIO, "input/output error"))

    @contextmanager
    def faulty_system(self) -> Iterator[None]:
        """Let system calls fail where the fuse says so."""
        with (
            mock.patch.object(os, "write", self._write),
            mock.patch.object(os, "fdatasync", self._fdatasync),
            mock.patch.object(ledger, "PUT_AWAY_EVERY_S", 0.0),
        ):
            yield

    def run(self, steps: int) -> None:
        """Take some steps. Raises Crash."""
        with self.faulty_system():
            for _ in range(steps):
                try:
                    self.now += max(self.runner.step(self.now), 0.001)
                except ConnectionError:
                    self.broker.reconnect(acks_are_lost=True)
                self.now = min(self.now, 1e6)


write = os.write


def batches_of(spans: list[tuple[str, int, int]]) -> list[Message]:
    """Return messages that carry these parts of the sources, `end` included."""
    return [
        encode(
            Batch(
                body := SOURCES[name][start:end],
                b"6" * count_lines(body),
                path=f"/{name}",
                stream=f"{ord(name):016x}",
                offset=start,
                end=end,
            )
        )
        for name, start, end in spans
    ]


def covered(spans: list[tuple[str, int, int]], name: str) -> bytes:
    """Return the bytes of a source that the spans hold, in its order."""
    held = Ranges((start, end) for each, start, end in spans if each == name)
    return b"".join(SOURCES[name][slice(*part)] for part in held)


def lose_what_was_not_synced(root: Path, synced: dict[int, int], keep: int) -> None:
    """Cut outputs as a power failure may: anywhere between what was synced and what was written."""
    for path in (root / "out").glob("*"):
        status = path.stat()
        safe = synced.get(status.st_ino, 0)
        os.truncate(path, min(status.st_size, safe + keep))


def play(
    root: Path, spans: list[tuple[str, int, int]], faults: list[tuple[str, int, int]], *, in_order: bool = True
) -> int:
    """Run the spans through processes that suffer `faults` (kind, at, extra), then one that suffers none.

    Returns how many places for a fault the last process passed. Checks the outputs, and their order if it can be kept.
    """
    broker, synced = Broker(batches_of(spans)), dict[int, int]()
    process = Process(root, broker, Fuse(), synced)
    for kind, at, extra in faults:
        process.fuse.kind, process.fuse.at, process.fuse.passed = kind, at, 0
        try:
            process.run(extra + 4)
            broker.reconnect(acks_are_lost=bool(extra % 2))
        except Crash:
            process.runner.close()
            lose_what_was_not_synced(root, synced, extra)
            broker.reconnect(acks_are_lost=bool(extra % 2))
            process = Process(root, broker, Fuse(), synced)
    process.fuse.kind, process.fuse.at = "none", 0
    for _ in range(200):
        process.run(1)
        if broker.is_empty:
            break
    assert broker.is_empty
    process.runner.close()
    for name in SOURCES:
        path = root / "out" / name
        found = path.read_bytes() if path.exists() else b""
        assert (found if in_order else bytes(sorted(found))) == covered(spans, name)
    return process.fuse.passed


def edges(name: str) -> st.SearchStrategy[tuple[str, int, int]]:
    """Return parts of a source."""
    places = st.integers(0, 48)
    pairs = st.tuples(places, places).filter(lambda pair: pair[0] != pair[1]).map(sorted)
    return pairs.map(lambda pair: (name, pair[0], pair[1]))


@st.composite
def displaced(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Return all of both sources in parts that overlap, some repeated, each at most HOLD places late."""
    spans = []
    for name in SOURCES:
        cuts = sorted({0, 48, *draw(st.lists(st.integers(1, 47), max_size=6))})
        for start, end in itertools.pairwise(cuts):
            spans.append((name, max(0, start - draw(st.integers(0, 3))), end))
    spans = draw(st.permutations(spans)) if draw(st.booleans()) else spans
    turns = {name: iter([span for span in sorted(spans) if span[0] == name]) for name in SOURCES}
    queue = [next(turns[span[0]]) for span in spans]  # the streams mixed, each in its order
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(queue) - 1))
        queue.insert(min(at + draw(st.integers(1, HOLD)), len(queue)), queue[at])
    late = draw(st.integers(0, len(queue) - 1))
    queue.insert(late + draw(st.integers(0, HOLD)), queue.pop(late))
    return queue


SPANS = st.lists(st.sampled_from("ab").flatmap(edges), min_size=1, max_size=12)
FAULTS = st.lists(
    st.tuples(st.sampled_from(["crash", "error", "none"]), st.integers(1, 25), st.integers(0, 9)), max_size=5
)


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])
@given(SPANS, FAULTS)
def test_each_byte_is_written_once_whatever_happens(
    spans: list[tuple[str, int, int]], faults: list[tuple[str, int, int]]
) -> None:
    """G1, G2, G3, G6, F2, F3, F4: redelivery, overlap, reordering, crashes, full disks, in any combination."""
    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), spans, faults, in_order=False)


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])
@given(displaced(), FAULTS)
def test_order_is_kept_through_all_of_it(spans: list[tuple[str, int, int]], faults: list[tuple[str, int, int]]) -> None:
    """G3, G10: a batch that comes late leaves the output in the source's order, whatever else happens."""
    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), spans, faults)


STORY = [("a", 0, 12), ("b", 0, 8), ("a", 20, 32), ("a", 12, 20), ("b", 4, 24), ("a", 8, 48), ("b", 24, 48)]


@pytest.mark.parametrize("kind", ["crash", "error"])
def test_a_fault_at_every_single_step(tmp_path: Path, kind: str) -> None:
    """F2, G10: one story, told again with a fault at its first step, its second, and so on to its last."""
    steps = play(tmp_path / "whole", STORY, [])
    assert steps > 18
    for at in range(1, steps + 3):
        for extra in (0, 7):
            play(tmp_path / f"{at}-{extra}", STORY, [(kind, at, extra + 30)])
