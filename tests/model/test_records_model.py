"""The records model: joined and changed records reach a sink exactly once, whatever is killed, wherever reading stops.

A state machine appends lines, parts of lines and traces, rotates, lets time pass (so that waiting records are flushed),
and kills the shipper with batches on their way, of which any may have arrived. The sink keeps ranges of sources, as a
file sink does, and cuts what comes again. In the end it holds each life's lines once, in order, redacted.
"""

import random
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from logbus.batch import Batch, decode, encode, trim
from shipper.agent import Agent
from shipper.records.filters import RateLimit, Selection
from shipper.records.redaction.presets import Redact
from shipper.records.rules import Multiline
from shipper.settings import Input, Settings
from support import examples
from support.publishing import Window
from support.registries import MortalRegistry, kill
from support.traces import cases

LINES = sorted({line for _, records in cases() for record in records for line in record.splitlines(keepends=True)})
LINES += (
    [b"mail from jo@example.com\n"] * 20 + [b"  to al@example.org, ERROR\n"] * 20 + [b"DEBUG: al@example.org\n"] * 9
)
LINES += [
    b"2025-03-04T10:15:32.1Z %b %b %b\n" % (stream, tag, text)
    for stream in (b"stdout", b"stderr")
    for tag, text in ((b"P", b'{"level":"warn",'), (b"P", b"jo@example.com"), (b"F", b'"msg":"x"}'), (b"F", b"\tat x"))
] * 4
"""Lines of a container, also in pieces."""
REDACTED = ((b"jo@example.com", b"[redacted email]"), (b"al@example.org", b"[redacted email]"))
KINDS: dict[str, dict[str, object]] = {
    "as they are": {},
    "joined": {"multiline": Multiline(preset="java", max_lines=4, flush_s=1.0)},
    "redacted": {"redact": Redact(presets=["email"])},
    "both": {"multiline": Multiline(preset="indent", max_lines=5), "redact": Redact(presets=["email", "private_key"])},
    "dropped": {"multiline": Multiline(preset="java"), "drop": [Selection(severities=["debug", "err"])]},
    "decoded": {"encoding": "utf-16le", "multiline": Multiline(preset="java"), "redact": Redact(presets=["email"])},
    "limited": {"rate_limit": RateLimit(records_per_s=3), "redact": Redact(presets=["email"])},
}


class Sink:
    """Holds what arrived of each stream, by offset."""

    def __init__(self) -> None:
        self.held: dict[str, list[tuple[int, int]]] = {}
        self.bodies: dict[str, dict[int, bytes]] = {}

    def take(self, batch: Batch) -> None:
        """Write what is not held yet."""
        ranges = self.held.setdefault(batch.stream, [])
        at = batch.offset
        for offset, end in [*sorted(ranges), (batch.end, batch.end)]:
            if at < min(offset, batch.end):
                part = trim(batch, at, min(offset, batch.end))
                self.bodies.setdefault(batch.stream, {})[part.offset] = part.body
                ranges.append((part.offset, part.end))
            at = max(at, end)

    def text(self, stream: str) -> bytes:
        """Return all that was written of a stream."""
        return b"".join(body for _, body in sorted(self.bodies[stream].items()))


class Publisher(Window):
    """Takes batches; some arrive at once, the others never do unless they are sent again."""

    def __init__(self, window: int, sink: Sink, luck: random.Random) -> None:
        super().__init__(window)
        self.sink, self.luck = sink, luck
        self.arrived: list[Batch] = []
        self.lost: list[Batch] = []

    @property
    def in_flight(self) -> int:
        """Batches published and not yet confirmed."""
        return len(self.arrived) + len(self.lost)

    def publish(self, batch: Batch) -> None:
        """Take a batch, which arrives or does not."""
        assert decode(encode(batch)) == batch
        if self.luck.random() < 0.5:
            self.sink.take(batch)
            self.arrived.append(batch)
        else:
            self.lost.append(batch)

    def deliver(self, count: int) -> None:
        """Send again and confirm so many."""
        for batch in self.lost[:count]:
            self.sink.take(batch)
        done = self.arrived[:count] + self.lost[:count]
        del self.arrived[:count], self.lost[:count]
        self.confirmed += [batch.span for batch in done]


class Records(RuleBasedStateMachine):
    """B14 and issue 5: exactly once for transformed and joined records."""

    @initialize(kind=st.sampled_from(sorted(KINDS)), window=st.integers(1, 4), seed=st.integers(0, 1 << 30))
    def begin(self, kind: str, window: int, seed: int) -> None:
        """Begin with an empty folder."""
        self.folder = Path(tempfile.mkdtemp())
        self.kind, self.window = kind, window
        self.luck = random.Random(seed)  # noqa: S311 - a test's luck
        self.settings = Settings(
            inputs=[Input(paths=[str(self.folder / "*.log*")], max_record_bytes=1024, **KINDS[kind])],  # type: ignore[arg-type]
            host="h",
        )
        self.sink = Sink()
        self.now = 0.0
        self.data: dict[int, bytearray] = {}
        self.agent: Agent | None = None
        self.start()

    def teardown(self) -> None:
        """Hold what arrived in the end to what was written."""
        if hasattr(self, "folder"):
            try:
                self.everything_arrives()
            finally:
                if self.agent:
                    self.agent.close()
                shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start a shipper."""
        self.publisher = Publisher(self.window, self.sink, self.luck)
        self.registry = MortalRegistry(self.folder / "state")
        self.agent = Agent(self.settings, self.publisher, self.registry, stopwatch=float)

    @rule(seconds=st.sampled_from([0.0, 0.4, 1.2, 6.0]))
    @precondition(lambda self: self.agent)
    def step(self, seconds: float) -> None:
        """Step until nothing is due, so many seconds later than the last time."""
        assert self.agent
        self.now += seconds
        for _ in range(500):
            if self.agent.step(self.now) > 0 or not self.publisher.has_room():
                return
        pytest.fail("the agent spins")

    @rule(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=8))
    def append(self, lines: list[bytes]) -> None:
        """Append whole lines."""
        self.write(b"".join(lines))

    @rule(part=st.sampled_from([b"  part of a line", b"part", b" x", b"\n"]))
    def append_part(self, part: bytes) -> None:
        """Append a part of a line, or the end of one."""
        self.write(part)

    @rule()
    def rotate(self) -> None:
        """Rename; the writer goes on with the old file, or with a new one."""
        current = self.folder / "a.log"
        if current.exists():
            current.rename(self.folder / f"a.log.{len(self.data)}")

    @rule(late=st.sampled_from(LINES))
    def append_to_rotated(self, late: bytes) -> None:
        """Let a slow writer go on with a rotated file."""
        for path in sorted(self.folder.glob("a.log.*"))[-1:]:
            self.append_to(path, late)

    @rule(count=st.integers(1, 4))
    @precondition(lambda self: self.agent)
    def confirm(self, count: int) -> None:
        """Have some batches arrive and be confirmed."""
        self.publisher.deliver(count)

    @rule()
    @precondition(lambda self: self.agent)
    def kill(self) -> None:
        """End the shipper as SIGKILL would."""
        assert self.agent
        kill(self.agent, self.registry)
        self.agent = None

    @rule()
    @precondition(lambda self: not self.agent)
    def restart(self) -> None:
        """Start it again."""
        self.start()
        self.step(1.2)

    def write(self, data: bytes) -> None:
        """Append to the current file."""
        self.append_to(self.folder / "a.log", data)

    def append_to(self, path: Path, data: bytes) -> None:
        """Append to a file, or begin a life."""
        if not path.exists():
            number = len(self.data)
            self.data[number] = bytearray()
            data = b"life %06d\n" % number + data
            number_of = number
        else:
            number_of = int(self.decoded(path.read_bytes())[5:11])
        self.data[number_of] += data
        with path.open("ab") as file:
            file.write(data.decode().encode("utf-16-le") if self.kind == "decoded" else data)

    def decoded(self, data: bytes) -> bytes:
        """Return what a file holds in UTF-8."""
        return data.decode("utf-16-le").encode() if self.kind == "decoded" else data

    def everything_arrives(self) -> None:
        """Each life is there once, without holes, redacted."""
        if self.agent is None:
            self.start()
        for _ in range(2):
            for _ in range(60):
                self.step(0.4)
                self.publisher.deliver(10)
            self.step(80.0)
        found = {int(text[5:11]): text for text in map(self.sink.text, self.sink.bodies) if text.startswith(b"life ")}
        for number, data in self.data.items():
            complete = bytes(data[: data.rfind(b"\n") + 1])
            if self.kind not in ("dropped", "limited"):
                assert found[number].startswith(self.redacted(complete)), number
            if self.kind == "dropped":
                assert not re.search(rb"^DEBUG", found[number], re.MULTILINE), number
        for stream, ranges in self.sink.held.items():
            at = 0
            for offset, end in sorted(ranges):
                assert offset == at, (stream, "a hole or an overlap")
                at = end

    def redacted(self, data: bytes) -> bytes:
        """Return what is to arrive."""
        for text, mark in REDACTED if "redact" in KINDS[self.kind] else ():
            data = data.replace(text, mark)
        return data


TestRecords = Records.TestCase
TestRecords.settings = settings(
    suppress_health_check=list(HealthCheck), max_examples=examples(80), stateful_step_count=40
)


@pytest.mark.parametrize("seed", [1, 28])
def test_a_forced_end_is_the_same_after_a_crash(seed: int) -> None:
    """A changed record whose end time alone had told ends there again, although its file went on meanwhile."""
    state = Records()
    state.begin("both", 1, seed)
    state.append_part(b"  part of a line")
    state.step(0.0)
    state.step(1.2)
    state.kill()
    state.append([b"mail from jo@example.com\n", b"\n"])
    state.restart()
    state.confirm(1)
    state.teardown()
