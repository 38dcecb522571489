"""A shore to test on: a folder of logs, a publisher in memory, and a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.agent import Agent
from shipper.settings import Input, Settings
from shipper.state.registry import Registry
from support.publishing import MemoryPublisher


class Shore:
    """One shipper, its files and what it published."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.publisher = MemoryPublisher()
        self.now = 0.0
        self.agent: Agent | None = None

    def start(self, *patterns: str, once: bool = False, remember: bool = True, budget: int = 100, **kind: Any) -> Agent:
        """Start a shipper on globs within the logs folder; `kind` are keys of the input or of the whole."""
        whole = {key: kind.pop(key) for key in Settings.__struct_fields__ if key in kind}
        inputs = [Input(paths=[str(self.logs / each) for each in patterns or ("*.log",)], **kind)]
        registry = Registry(self.folder / "state" if remember else None)
        settings = Settings(inputs=inputs, host="h", **whole)
        self.agent = Agent(settings, self.publisher, registry, once=once, budget=budget, stopwatch=float)
        self.run(0.0)
        return self.agent

    def run(self, seconds: float = 1.5) -> None:
        """Let time pass, then step until nothing is due."""
        assert self.agent
        self.now += seconds
        for _ in range(1000):
            if self.agent.step(self.now) > 0 or not self.publisher.has_room():
                return
        pytest.fail("the agent spins")

    def crash(self) -> None:
        """End the shipper as SIGKILL does: only what is on disk stays."""
        assert self.agent
        self.agent._lives.close()  # noqa: SLF001 - what the kernel does for a dead process
        self.agent._registry.close()  # noqa: SLF001 - as above
        self.agent = None
        self.publisher.held.clear()

    def stop(self) -> None:
        """Stop the shipper in an orderly way."""
        assert self.agent
        self.agent.close()
        self.agent = None

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

    def offset_of(self, stream: str) -> int:
        """Return the offset on disk."""
        assert self.agent
        return next(row.offset for row in self.agent._registry.unfinished() if row.stream == stream)  # noqa: SLF001 - as above


@pytest.fixture
def shore(tmp_path: Path) -> Iterator[Shore]:
    """Give a folder of logs and what ships them."""
    shore = Shore(tmp_path)
    yield shore
    if shore.agent:
        shore.agent.close()
