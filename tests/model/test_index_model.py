"""The index against the bytes: whatever happens to a sink and its outputs, no row is wrong.

Each line says its severity, host, stream and number, so that the bytes themselves tell what a row may say of them. A
sink writes batches of two hosts into an output each, or into one; commits, fails to, crashes, is restarted; outputs
are rotated, compressed, truncated, renamed and deleted. A sink that crashed is not closed: its thread goes on with what
it was handed, as one that was killed later would have. Rows are checked after each step, as a search would find them.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logbus.batch import Batch, Lengths
from logbus.errors import OutputError
from sinks.file import Settings
from sinks.file import sink as file_sink
from sinks.file.sink import FileSink
from sinks.file.upkeep.rotation import Rotation
from sinks.index import writer
from sinks.index.blocks import Limits
from sinks.index.index import Index
from sinks.ledger.ledger import Ledger
from sinks.ledger.streams import Source
from sinks.sink import Context
from support import examples
from support.indexes import check, line_of, told

HOSTS = ("web-1", "web-2")
STREAMS = {host: f"{number:016x}" for number, host in enumerate(HOSTS)}
LIMITS = Limits(block_bytes=300, least_bytes=60, block_s=0.0, part_bytes=60)


@dataclass
class World:
    """A sink on `root`, the ledger, and how far each host's stream is committed, and written."""

    root: Path
    settings: Settings
    ledger: Ledger
    sink: FileSink
    number: int = 0
    committed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOSTS, 0))
    written: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOSTS, 0))
    crashed: list[FileSink] = field(default_factory=list)

    def step(self, action: str, host: str, records: list[tuple[int, int]], *, joined: bool) -> None:
        """Do something; undo all since the last commit where the sink cannot, as the runner does."""
        try:
            getattr(self, action)(host, records, joined=joined)
        except OutputError:
            self._undo()
        self.check()

    def write(self, host: str, records: list[tuple[int, int]], *, joined: bool) -> None:
        """Write a batch of records, each of a severity and so many lines (one, if they are not joined)."""
        bodies = []
        for digit, lines in records:
            self.number += 1
            bodies.append(line_of(digit, host, STREAMS[host], self.number) * (lines if joined else 1))
        body, offset = b"".join(bodies), self.written[host]
        batch = Batch(
            body,
            b"".join(b"%d" % digit for digit, _ in records),
            host=host,
            stream=STREAMS[host],
            offset=offset,
            end=offset + len(body),
            lengths=Lengths.of((len(each), len(each)) for each in bodies) if joined else None,
        )
        self.sink.write(batch)
        self.ledger.add(Source("", host, batch.stream), "", (offset, batch.end))
        self.written[host] = batch.end

    def commit(self, host: str, records: list[tuple[int, int]], *, joined: bool) -> None:
        """Write and commit, as the runner does."""
        self.write(host, records, joined=joined)
        self.sink.commit()
        self.ledger.commit(self.sink.marks())
        self.sink.committed()
        self.committed = dict(self.written)

    def fail(self, host: str, records: list[tuple[int, int]], *, joined: bool) -> None:
        """Write, then undo all since the last commit; the sink may have synced it."""
        self.write(host, records, joined=joined)
        if joined:
            self.sink.commit()
        self._undo()

    def crash(self, host: str, records: list[tuple[int, int]], *, joined: bool) -> None:
        """Write, then begin a new process; the sink may have synced it, or the ledger have it."""
        self.write(host, records, joined=joined)
        if joined:
            self.sink.commit()
            self.ledger.commit(self.sink.marks())
            self.committed = dict(self.written)
        self.crashed.append(self.sink)
        with mock.patch.object(Index, "close"):
            self.sink.close()
        self._begin()

    def restart(self, *_: object, joined: bool) -> None:
        """End the process in order, begin another."""
        self.sink.close()
        if joined:
            (self.root / "state" / "index.db").unlink(missing_ok=True)
            (self.root / "state" / "index.db-wal").unlink(missing_ok=True)
        self._begin()

    def truncate(self, host: str, *_: object, joined: bool) -> None:
        """Let somebody truncate an output, or cut some of it off."""
        path = self.output(host)
        if path.exists():
            os.truncate(path, path.stat().st_size // 2 if joined else 0)

    def move(self, host: str, *_: object, joined: bool) -> None:
        """Let somebody delete an output, or rename it."""
        path = self.output(host)
        if path.exists() and joined:
            path.rename(path.with_suffix(f".{self.number}"))
        else:
            path.unlink(missing_ok=True)

    def output(self, host: str) -> Path:
        """Return the path of the output that holds a host's records."""
        return Path(self.settings.path.replace("{host}", host))

    def check(self) -> int:
        """Check every row; return how many bytes of content are told of."""
        blocks = told(self.root / "state", self.root / "out")
        for block in blocks:
            check(block)
        return sum(len(block.content) for block in blocks)

    def _undo(self) -> None:
        self.ledger.rollback()
        self.sink.restore(self.ledger.marks())
        self.written = dict(self.committed)

    def _begin(self) -> None:
        self.ledger.close()
        self.ledger, self.sink = _started(self.root, self.settings)
        self.written = dict(self.committed)


def _started(root: Path, keys: Settings) -> tuple[Ledger, FileSink]:
    ledger = Ledger(root / "state")
    sink = FileSink(keys, Context("model", root / "state", ledger.remember))
    sink.restore(ledger.marks())
    return ledger, sink


@contextmanager
def world(name: str, **keys: object) -> Iterator[World]:
    """Give a world whose outputs have this name, and these keys; close all of it."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for where, what, value in ((file_sink, "Index", partial(Index, limits=LIMITS)), (writer, "SAVE_S", 0.0)):
            stack.enter_context(mock.patch.object(where, what, value))
        stack.enter_context(mock.patch.object(writer, "RIPEN_S", 0.0))
        chosen = Settings(path=str(root / "out" / name), **keys)  # type: ignore[arg-type]
        made = World(root, chosen, *_started(root, chosen))
        try:
            yield made
        finally:
            for sink in (made.sink, *made.crashed):
                sink.close()
            made.ledger.close()
            made.check()


ACTIONS = ("commit", "commit", "commit", "fail", "crash", "restart", "truncate", "move", "write")
RECORDS = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 3)), min_size=1, max_size=5)
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from(HOSTS), RECORDS, st.booleans()), min_size=1, max_size=15
)
ROTATIONS = (None, Rotation(max_bytes=200, keep_files=3), Rotation(max_bytes=200, compress="gzip"))


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["{host}.log", "all.log"]),
    st.sampled_from(["raw", "prefix", "json"]),
    st.sampled_from([*ROTATIONS, "zstd"]),
    STEPS,
)
def test_no_row_is_wrong_whatever_happens(
    name: str, form: str, kept: Rotation | str | None, steps: list[tuple[str, str, list[tuple[int, int]], bool]]
) -> None:
    """Writes, failures, crashes, restarts, rotation, truncation, in any combination."""
    keys = {"compress": kept} if isinstance(kept, str) else {"rotate": kept}
    with world(name, format=form, **keys) as here:
        for action, host, records, joined in steps:
            here.step(action, host, records, joined=joined)


@pytest.mark.parametrize("name", ["{host}.log", "all.log"])
def test_all_is_told_when_nothing_happens(name: str) -> None:
    """So the test above has rows to check: what is committed is told of, after restarts as well."""
    with world(name) as here:
        for turn in range(12):
            here.commit(HOSTS[turn % 2], [(turn % 8, 1), (7, 1), (3, 1)], joined=False)
            if turn % 4 == 3:
                here.restart(joined=False)
        assert here.check() == sum(path.stat().st_size for path in (here.root / "out").iterdir())
