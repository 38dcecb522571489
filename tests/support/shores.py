"""A shore to test on: a folder of logs, a publisher in memory, and a clock that the test moves."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import pytest
from msgspec.structs import replace

from logbus.config.settings import Broker
from shipper.agent import Agent
from shipper.commands.remembered import remembered
from shipper.records.encoding import Name as EncodingName
from shipper.records.encoding import Newline
from shipper.records.filters import RateLimit, Selection
from shipper.records.levels import FormatName
from shipper.records.redaction.presets import Redact
from shipper.records.rules import Multiline
from shipper.settings import Input, Settings
from shipper.state.registry import Row
from shipper.state.registry_file import FILE_NAME
from support.publishing import MemoryPublisher
from support.registries import MortalRegistry, kill

Preset = Literal["", "java", "python", "go", "dotnet", "node", "ruby", "indent"]


class Kind(TypedDict, total=False):
    """Keys of an input, and of the whole."""

    encoding: EncodingName
    newline: Newline
    format: FormatName
    level_key: str
    pattern: str
    levels: dict[str, str]
    default_severity: str
    multiline: Multiline | None
    keep: list[Selection]
    drop: list[Selection]
    rate_limit: RateLimit | list[RateLimit] | None
    redact: Redact | None
    max_record_bytes: int
    exclude: list[str]
    include_compressed: bool
    label: str
    start: Literal["start", "end"]
    ignore_older: float | None
    fields: dict[str, str]
    path_fields: str
    broker: Broker
    state: str
    scan_interval_s: float
    watch: Literal["auto", "poll"]
    hold_deleted_bytes: int | None
    forget_after_days: int


class Shore:
    """One shipper, its files and what it published."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.publisher = MemoryPublisher()
        self.now = 0.0
        self._registry: MortalRegistry | None = None
        self._agent: Agent | None = None

    @property
    def agent(self) -> Agent:
        """The shipper that was started last, and neither stopped nor crashed."""
        assert self._agent
        return self._agent

    @agent.setter
    def agent(self, agent: Agent) -> None:
        self._agent = agent

    @property
    def registry(self) -> MortalRegistry:
        """The registry of the shipper that `start` started last."""
        assert self._registry
        return self._registry

    def start(
        self, *patterns: str, once: bool = False, remember: bool = True, budget: int = 100, **kind: Unpack[Kind]
    ) -> Agent:
        """Start a shipper on globs within the logs folder; `kind` are keys of the input or of the whole."""
        ours = {key: value for key, value in kind.items() if key in Input.__struct_fields__}
        whole = {key: value for key, value in kind.items() if key not in ours}
        inputs = [replace(Input(paths=[str(self.logs / each) for each in patterns or ("*.log",)]), **ours)]
        self._registry = MortalRegistry(self.folder / "state" if remember else None)
        settings = replace(Settings(inputs=inputs, host="h"), **whole)
        try:
            self.agent = Agent(settings, self.publisher, self.registry, once=once, budget=budget, stopwatch=float)
        except BaseException:
            self.registry.close()
            raise
        self.run(0.0)
        return self.agent

    def run(self, seconds: float = 1.5) -> None:
        """Let time pass, then step until nothing is due."""
        self.now += seconds
        for _ in range(1000):
            if self.agent.step(self.now) > 0 or not self.publisher.has_room():
                return
        pytest.fail("the agent spins")

    def crash(self) -> None:
        """End the shipper as SIGKILL does: only what is on disk stays."""
        kill(self.agent, self.registry)
        self._agent = None
        self.publisher.held.clear()

    def close(self) -> None:
        """Stop the shipper if there is one."""
        if self._agent:
            self.stop()

    def stop(self) -> None:
        """Stop the shipper in an orderly way."""
        self.agent.close()
        self._agent = None

    def write(self, name: str, data: bytes) -> Path:
        """Append to a log."""
        path = self.logs / name
        with path.open("ab") as file:
            file.write(data)
        return path

    def lives(self) -> list[bytes]:
        """Return what each stream holds, in the order in which the streams began; resends must agree."""
        streams: dict[str, bytearray] = {}
        for batch in self.publisher.batches:
            held = streams.setdefault(batch.stream, bytearray(batch.offset))
            assert batch.offset <= len(held), "a hole"
            overlap = bytes(held[batch.offset : batch.end])
            assert batch.body.startswith(overlap), "other bytes at the same place"
            held += batch.body[len(overlap) :]
        return [bytes(held) for held in streams.values()]

    def remembered(self) -> list[Row]:
        """Return the streams that are not done, the oldest first, as the disk has them."""
        return [row for row, _ in remembered(self.folder / "state") if not row.done]

    def change_registry(self, statement: str) -> None:
        """Change what is remembered behind the shipper's back."""
        with closing(sqlite3.connect(self.folder / "state" / FILE_NAME)) as db, db:
            db.execute(statement)

    def open_files(self) -> list[str]:
        """Return where the descriptors lead that are open on logs."""
        links = [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        return [str(link) for link in links if link.is_relative_to(self.logs) and not link.is_dir()]

    def offset_of(self, stream: str) -> int:
        """Return the offset on disk."""
        return next(row.offset for row in self.remembered() if row.stream == stream)


def copytruncate(path: Path, copy: Path, between: bytes = b"") -> None:
    """Do as logrotate does; `between` is written before the copy and not read by the shipper."""
    with path.open("ab") as file:
        file.write(between)
    shutil.copyfile(path, copy)
    os.truncate(path, 0)


@pytest.fixture
def shore(tmp_path: Path) -> Iterator[Shore]:
    """Give a folder of logs and what ships them."""
    shore = Shore(tmp_path)
    yield shore
    shore.close()
