"""The tailing model: whatever is done to files, publisher and shipper, each life is published whole and in order.

A state machine appends to files, rotates, truncates, deletes and recreates them, lets the publisher confirm late and
in any order, kills and restarts the shipper (only the registry survives), and knows what every life's bytes are.
It drives `Agent.step()` with a clock of its own: no threads, no sleeps.
"""

import gzip
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from logbus.batch import Batch, Span
from shipper.agent import Agent
from shipper.departures import FRAGMENT_GRACE_S
from shipper.registry import Registry
from shipper.settings import Input, Settings
from support import SOAK, examples

PATIENCE_S = 70.0
NAMES = ("a.log", "b.log")
LINK = "current.log"
TARGETS = ("target.0", "target.1", "target.2")
ROTATIONS = 4


class Life:
    """One life of one file, as it was written."""

    def __init__(self, number: int, home: str, before: "Life | None") -> None:
        self.number = number
        self.before = before
        self.data = bytearray()
        self.known = self.known_at_home = False
        self.home = home
        self.followed = False
        self.streams = 1
        self.may_lose = False
        self.ended = False
        self.published = 0
        self.due_before_next = 0

    def complete(self) -> int:
        """Where its last whole line ends."""
        return self.data.rfind(b"\n") + 1


class FakePublisher:
    """Takes batches, confirms what the test says."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.sent: list[Batch] = []
        self.open: list[Span] = []
        self.confirmed: list[Span] = []

    @property
    def in_flight(self) -> int:
        """How many batches are not confirmed."""
        return len(self.open)

    def has_room(self) -> bool:
        """Tell whether one more may be published."""
        return len(self.open) < self.window

    def publish(self, batch: Batch) -> None:
        """Take a batch."""
        assert self.has_room()
        self.sent.append(batch)
        self.open.append(batch.span)

    def take_confirmed(self) -> list[Span]:
        """Return the new confirms."""
        taken, self.confirmed = self.confirmed, []
        return taken


class Tailing(RuleBasedStateMachine):
    """Names A1-A3, A5, A7-A10, A12, A13, A20, A21, B1-B3, B6, B8, C2, C3 and G9."""

    base: str | None = None

    @initialize(whole_glob=st.booleans(), window=st.integers(1, 6), budget=st.sampled_from([1, 100]))
    def begin(self, whole_glob: bool, window: int, budget: int) -> None:
        """Choose what stays as it is, and start a shipper."""
        self.folder = Path(tempfile.mkdtemp(dir=self.base))
        (self.folder / "logs").mkdir()
        pattern = "*.log*" if whole_glob else "*.log"
        self.settings = Settings(
            inputs=[Input(paths=[str(self.folder / "logs" / pattern)], max_record_bytes=1024)], host="h"
        )
        self.whole_glob, self.window, self.budget = whole_glob, window, budget
        self.now = 0.0
        self.lives: list[Life] = []
        self.at: dict[str, Life] = {}
        self.of_stream: dict[str, Life] = {}
        self.committed: dict[str, set[tuple[int, int]]] = {}
        self.agent: Agent | None = None
        self.start()

    def teardown(self) -> None:
        """Check that everything arrived, then tidy up."""
        if not hasattr(self, "folder"):
            return
        try:
            self.everything_arrives()
        finally:
            if self.agent:
                self.agent.close()
            shutil.rmtree(self.folder)

    # --- the shipper ---

    def start(self) -> None:
        """Start a shipper on what the disk remembers."""
        self.publisher = FakePublisher(self.window)
        self.taken = 0
        self.next_of: dict[str, int] = {}
        self.agent = Agent(
            self.settings, self.publisher, Registry(self.folder / "state"), budget=self.budget, stopwatch=float
        )

    def step(self, seconds: float) -> None:
        """Step until nothing is due, `seconds` later than the last time."""
        assert self.agent
        self.now += seconds
        for _ in range(500):
            wait = self.agent.step(self.now)
            self.check_published()
            if wait > 0 or not self.publisher.has_room():
                break
        else:
            pytest.fail("the agent spins")

    def scan(self) -> None:
        """Let the shipper see what there is."""
        self.step(1.5)
        self.step(0.0)
        for name, life in self.at.items():
            if self.in_glob(name):
                life.known = life.known or life.complete() > 0
                life.known_at_home = life.known_at_home or (life.known and name == life.home)
            life.followed = life.known

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.5, 6.0]))
    @precondition(lambda self: self.agent)
    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.step(seconds)

    @rule(seed=st.integers(0, 1 << 32), share=st.floats(0, 1))
    @precondition(lambda self: self.agent)
    def confirm_some(self, seed: int, share: float) -> None:
        """C3: confirms come in any order, and split."""
        pick = random.Random(seed)  # noqa: S311 - what hypothesis draws must not depend on inodes that are reused
        spans = self.publisher.open
        for span in pick.sample(spans, min(len(spans), 1 + int(len(spans) * share))):
            spans.remove(span)
            middle = pick.randint(span.offset, span.end)
            parts = [Span(span.stream, span.offset, middle), Span(span.stream, middle, span.end)]
            pick.shuffle(parts)
            kept = [part for part in parts if part.offset < part.end]
            self.publisher.confirmed += kept
            self.committed[span.stream] |= {(part.offset, part.end) for part in kept}

    def confirm_all(self) -> None:
        """Confirm whatever is in flight."""
        for span in self.publisher.open:
            self.publisher.confirmed.append(span)
            self.committed[span.stream].add((span.offset, span.end))
        self.publisher.open.clear()

    @rule(clean=st.booleans())
    @precondition(lambda self: self.agent)
    def stop(self, clean: bool) -> None:
        """Stop, or be killed: what is not in the registry is forgotten."""
        assert self.agent
        if clean:
            self.agent.close()
        else:
            kill(self.agent)
        self.agent = None
        for life in self.lives:
            named = life in self.at.values()
            reachable = named and (life.known or self.whole_glob or self.at.get(life.home) is life)
            life.may_lose = life.may_lose or not reachable

    @rule()
    @precondition(lambda self: not self.agent)
    def restart(self) -> None:
        """Start again."""
        self.start()
        self.scan()

    # --- the writers ---

    @rule(name=st.sampled_from((*NAMES, LINK)), lines=st.integers(1, 30))
    def append_lines(self, name: str, lines: int) -> None:
        """Write lines."""
        self.write(name, b"".join(b"line %d of many\r\n" % each for each in range(lines)))

    @rule(name=st.sampled_from(NAMES), data=st.binary(min_size=1, max_size=40))
    def append_bytes(self, name: str, data: bytes) -> None:
        """B1, B4, B5, B8-B10: any bytes, an unfinished line as often as not."""
        self.write(name, data)

    @rule(name=st.sampled_from(NAMES), size=st.integers(900, 5000), end=st.sampled_from([b"", b"\n"]))
    def append_long(self, name: str, size: int, end: bytes) -> None:
        """B6: longer than max_record_bytes."""
        self.write(name, b"\0" * size + end)

    @rule(name=st.sampled_from(NAMES))
    @precondition(lambda self: self.agent)
    def scan_now(self, name: str) -> None:
        """Let the shipper see what there is."""
        del name
        self.scan()

    @rule(name=st.sampled_from(NAMES), create=st.booleans())
    def rotate(self, name: str, create: bool) -> None:
        """A1-A3, A5: rename a chain; the writer may go on with a new file."""
        if name not in self.at:
            return
        self.make_room(name)
        self.move(name, f"{name}.1")
        if create:
            self.write(name, b"after rotation\n")

    @rule(name=st.sampled_from(NAMES), look=st.booleans(), go_on=st.booleans())
    def copytruncate(self, name: str, look: bool, go_on: bool) -> None:
        """A10, A14, A15: copied as it is, read or not, then truncated; the writer may go on at once."""
        life = self.at.get(name)
        if life is None:
            return
        self.make_room(name)
        shutil.copyfile(self.path(name), self.path(f"{name}.1"))
        if look and self.agent:
            self.scan()
        with self.path(name).open("r+b") as file:
            file.truncate(0)
        self.at[f"{name}.1"] = self.at.pop(name)
        life.ended = nameable = life.known and life.published > 0
        life.may_lose = life.may_lose or not (self.whole_glob or nameable)
        life.followed = False
        if go_on:
            self.write(name, b"after truncation\n")

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, ROTATIONS))
    def compress(self, name: str, number: int) -> None:
        """A3, A6: a rotated file is compressed, as it is."""
        rotated = f"{name}.{number}"
        life = self.at.get(rotated)
        if life is None:
            return
        self.path(f"{rotated}.gz").write_bytes(gzip.compress(self.path(rotated).read_bytes(), 1))
        self.path(rotated).unlink()
        self.at[f"{rotated}.gz"] = self.at.pop(rotated)
        life.may_lose = life.may_lose or not life.known
        life.followed = False
        self.end(life)

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, ROTATIONS))
    def decompress(self, name: str, number: int) -> None:
        """A20: an archive is unpacked by hand: what an input names is a file of its own, what none names is none."""
        rotated = f"{name}.{number}"
        life = self.at.get(f"{rotated}.gz")
        if life is None:
            return
        self.path(rotated).write_bytes(gzip.decompress(self.path(f"{rotated}.gz").read_bytes()))
        self.path(f"{rotated}.gz").unlink()
        self.at[rotated] = self.at.pop(f"{rotated}.gz")
        life.streams += self.whole_glob

    @rule(name=st.sampled_from(TARGETS))
    def swap(self, name: str) -> None:
        """A18: a link means another file, a new one or one that it meant before."""
        if self.at.get(LINK) is (life := self.at.get(name)) and life:
            return
        if old := self.at.pop(LINK, None):
            old.may_lose = old.may_lose or not old.known
        fresh = self.path("fresh")
        fresh.symlink_to(name)
        fresh.rename(self.path(LINK))
        if life:
            self.at[LINK] = life
            return
        self.write(LINK, b"at another target\n")
        self.at[name] = self.at[LINK]

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, ROTATIONS), data=st.sampled_from([b"late\n", b"la"]))
    def write_late(self, name: str, number: int, data: bytes) -> None:
        """A1: a slow writer goes on with the old file."""
        rotated = f"{name}.{number}"
        if rotated in self.at and not self.at[rotated].ended:
            self.write(rotated, data)
            if self.agent:
                self.step(0.3)

    @rule(name=st.sampled_from(NAMES), new=st.binary(max_size=30), same_size=st.booleans())
    @precondition(lambda self: self.agent)
    def truncate(self, name: str, new: bytes, same_size: bool) -> None:
        """A10, A12: copytruncate after all was read; what is written then may be shorter, as long, or longer."""
        life = self.at.get(name)
        if life is None or not life.data:
            return
        self.settle()
        if self.base:  # only a generation tells a rewritten file from a replaced one after a crash: let it be read
            self.step(FRAGMENT_GRACE_S + 1)
            self.settle()
        if life.published < len(life.data):
            life.may_lose = True
        with self.path(name).open("r+b") as file:
            file.truncate(0)
        self.end(life)
        del self.at[name]
        size = max(0, len(life.data) - 13) if same_size else 0
        self.write(name, b"x" * size + new + b"\n")
        self.scan()

    @rule(name=st.sampled_from(NAMES), new=st.binary(max_size=30))
    @precondition(lambda self: not self.agent)
    def truncate_while_down(self, name: str, new: bytes) -> None:
        """A13: as A12 while the shipper is down; what was not read then is gone."""
        life = self.at.get(name)
        if life is None or not life.data:
            return
        life.may_lose = True
        self.path(name).write_bytes(b"")
        self.end(life)
        del self.at[name]
        self.write(name, b"y" * len(life.data) + new + b"\n")

    @rule(name=st.sampled_from(NAMES), recreate=st.booleans())
    def delete(self, name: str, recreate: bool) -> None:
        """A7-A9: deleted, and created again with (on ext4) the same inode."""
        life = self.at.pop(name, None)
        if life is None:
            return
        if self.agent and life.known:
            self.settle()  # a closed file has no descriptor: let what was written be read
            self.step(FRAGMENT_GRACE_S + 1)
            self.settle()
        life.may_lose = life.may_lose or not (self.agent and life.known)
        self.path(name).unlink()
        self.end(life)
        if recreate:
            self.write(name, b"recreated\n")
        if self.agent:
            self.scan()

    @rule(name=st.sampled_from(TARGETS))
    def write_behind_the_link(self, name: str) -> None:
        """A18: a slow writer goes on with a target, whether or not the link still means it."""
        if name in self.at:
            self.write(name, b"late\n")
            if self.agent:
                self.step(0.3)

    # --- the model ---

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self.folder / "logs" / name

    def in_glob(self, name: str) -> bool:
        """Tell whether an input names a file and ships it."""
        return name.endswith(".log") or (self.whole_glob and ".log." in name and not name.endswith(".gz"))

    def make_room(self, name: str) -> None:
        """Rename what was rotated before, compressed or not, and delete the oldest."""
        for ending in ("", ".gz"):
            if f"{name}.{ROTATIONS}{ending}" in self.at:
                self.remove(f"{name}.{ROTATIONS}{ending}")
        for number in range(ROTATIONS, 1, -1):
            for ending in ("", ".gz"):
                if f"{name}.{number - 1}{ending}" in self.at:
                    self.move(f"{name}.{number - 1}{ending}", f"{name}.{number}{ending}")

    def write(self, name: str, data: bytes) -> None:
        """Append, beginning a life if there is no such file."""
        if name == LINK and not self.at.get(LINK) and not self.path(LINK).is_symlink():
            return
        if name not in self.at:
            before = next((each for each in reversed(self.lives) if each.home == name), None)
            life = Life(len(self.lives), name, before)
            self.lives.append(life)
            self.at[name] = life
            data = b"%012d " % life.number + data
            if before:
                before.due_before_next = before.complete() if before.known_at_home and not before.may_lose else 0
        self.at[name].data += data
        with self.path(name).open("ab") as file:
            file.write(data)

    def remove(self, name: str) -> None:
        """Delete a rotated file: what the shipper has not open, or has not read while it could, is lost."""
        life = self.at.pop(name)
        if life.published < len(life.data):
            held = self.agent and life.followed and self.whole_glob and self.budget > 1  # else closed, and no hint came
            life.may_lose = life.may_lose or not held
        self.path(name).unlink()
        self.end(life)

    def move(self, old: str, new: str) -> None:
        """Rename."""
        self.path(old).rename(self.path(new))
        life = self.at[new] = self.at.pop(old)
        if new.endswith(".1") and not self.whole_glob:
            life.may_lose = life.may_lose or not life.known

    def end(self, life: Life) -> None:
        """Note that nothing more is written."""
        life.ended = True

    def settle(self) -> None:
        """Let everything be read and confirmed."""
        for _ in range(200):
            self.confirm_all()
            self.step(0.3)
            if not self.publisher.open:
                break
        self.scan()
        for _ in range(200):
            self.confirm_all()
            self.step(0.3)
            if not self.publisher.open:
                return
        pytest.fail("it never settles")

    def check_published(self) -> None:
        """Check what was published since the last time."""
        for batch in self.publisher.sent[self.taken :]:
            self.check(batch)
        self.taken = len(self.publisher.sent)

    def check(self, batch: Batch) -> None:
        """Check that a batch is the next part of its life, byte by byte."""
        life = self.of_stream.get(batch.stream)
        if life is None:
            assert batch.offset == 0, "a stream begins with its first byte"
            life = self.lives[int(batch.body[:12])]
            assert list(self.of_stream.values()).count(life) < life.streams, "one stream a life"
            self.of_stream[batch.stream] = life
            self.committed[batch.stream] = set()
            if life.before and not life.before.may_lose and batch.path == str(self.path(life.home)):
                assert life.before.published >= life.before.due_before_next, "the older life comes first"
        expected = self.next_of.get(batch.stream)
        assert batch.offset == expected if expected is not None else batch.offset <= life.published
        assert bytes(life.data[batch.offset : batch.end]) == batch.body
        assert len(batch.levels) == batch.body.count(b"\n") + (not batch.body.endswith(b"\n"))
        self.next_of[batch.stream] = batch.end
        life.published = max(life.published, batch.end)

    @invariant()
    def registry_is_behind_the_confirms(self) -> None:
        """C2, C3: what is saved is a gap-free prefix of what was confirmed."""
        if getattr(self, "agent", None) is None:
            return
        for row in self.agent._registry.unfinished():  # noqa: SLF001 - what is on disk is what matters
            spans = sorted(self.committed.get(row.stream, ()))
            reach = 0
            for offset, end in spans:
                if offset <= reach:
                    reach = max(reach, end)
            assert row.offset <= reach

    def everything_arrives(self) -> None:
        """In the end every complete line of every life that could be read is there."""
        if self.agent is None:
            self.start()
        self.settle()
        self.step(PATIENCE_S)
        self.settle()
        self.step(PATIENCE_S)
        self.settle()
        for life in self.lives:
            if not life.may_lose:
                assert life.published >= life.complete(), f"life {life.number} is not complete"
            if life.ended and not life.may_lose and self.budget > 1:
                assert life.published == len(life.data), f"life {life.number} lacks its last line"


def kill(agent: Agent) -> None:
    """End an agent as SIGKILL would: nothing is saved, descriptors and locks are released."""
    agent._discovery.close()  # noqa: SLF001 - the process's end closes what it holds
    agent._lives.close()  # noqa: SLF001 - as above
    agent._registry.close()  # noqa: SLF001 - as above


class TailingWithoutGenerations(Tailing):
    """The same on tmpfs, which reuses no inode and tells no generation."""

    base = "/dev/shm"  # noqa: S108 - a tmpfs is the point


CHECKS = settings(
    suppress_health_check=list(HealthCheck), max_examples=examples(60), stateful_step_count=60 if SOAK else 40
)
TestTailing: Callable[..., Any] = Tailing.TestCase
TestTailing.settings = CHECKS
TestTailingWithoutGenerations: Callable[..., Any] = TailingWithoutGenerations.TestCase
TestTailingWithoutGenerations.settings = CHECKS


def test_a_life_on_a_deleted_life_s_inode_waits_its_turn() -> None:
    """A2, A7: a closed file that is rotated away frees its inode for the newest, which comes after all older ones."""
    state = Tailing()
    state.begin(whole_glob=True, budget=1, window=5)
    state.append_lines("b.log", 1)
    for create in (True, True, False):
        state.rotate("b.log", create)
    state.append_lines("b.log", 1)
    state.append_lines("a.log", 1)
    state.truncate("a.log", b"", same_size=False)
    state.rotate("b.log", create=False)
    state.append_lines("b.log", 1)
    state.rotate("b.log", create=True)
    state.truncate("b.log", b"", same_size=False)
    state.append_lines("b.log", 1)
    state.rotate("b.log", create=False)
    state.append_lines("b.log", 1)
    state.teardown()


def closed_and_published() -> Tailing:
    """Return a state in which a life of a.log is published, and its file closed."""
    state = Tailing()
    state.begin(whole_glob=True, window=2, budget=1)
    for name in NAMES:
        state.append_lines(name, 1)
        state.settle()
    return state


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_file_is_rotated_before_the_next_look(create: bool, packed: bool) -> None:
    """A15, A6: its copy, renamed meanwhile, is not a new file, wherever the truncated file went."""
    state = closed_and_published()
    state.copytruncate("a.log", look=False, go_on=True)
    state.rotate("a.log", create)
    if packed:
        state.compress("a.log", 1)
    state.scan()
    state.teardown()


def test_a_copy_of_a_closed_file_that_was_truncated_after_the_grace() -> None:
    """A15: a copy is nobody's until the file it may be of was opened to see whether it is truncated."""
    state = closed_and_published()
    state.copytruncate("a.log", look=True, go_on=False)
    state.run(6.0)
    state.teardown()


def test_a_file_that_is_found_together_with_its_copy() -> None:
    """A15: nothing of a file was read yet when its copy is found: the bytes tell that it may be a copy."""
    state = Tailing()
    state.begin(whole_glob=True, window=2, budget=1)
    state.append_lines("a.log", 1)
    state.copytruncate("a.log", look=True, go_on=False)
    state.teardown()


def test_copied_twice_while_the_window_is_full() -> None:
    """A15: a file that nobody had room to read may hold its next life already when that one's copy is found."""
    state = Tailing()
    state.begin(whole_glob=True, window=5, budget=1)
    state.append_long("a.log", 4000, b"\n")
    state.append_lines("a.log", 9)
    state.copytruncate("a.log", look=True, go_on=True)
    state.append_long("a.log", 1075, b"")
    state.copytruncate("a.log", look=True, go_on=False)
    state.teardown()


def test_a_later_life_has_the_same_bytes_before_the_offset() -> None:
    """A12: the head tells that a file was rewritten between two looks, to more than it had."""
    state = Tailing()
    state.begin(whole_glob=False, window=1, budget=1)
    state.append_long("a.log", 1011, b"\n")
    state.run(0.0)
    state.copytruncate("a.log", look=False, go_on=False)
    state.append_long("a.log", 1020, b"\n")
    state.settle()
    state.teardown()


def test_a_copy_on_a_deleted_file_s_inode() -> None:
    """A7, A15: a closed file's inode may be the copy's by now: it is a new file all the same, and waits."""
    state = Tailing()
    state.begin(whole_glob=True, window=6, budget=1)
    state.append_bytes("a.log", b"unfinished")
    state.rotate("a.log", create=False)
    state.append_lines("a.log", 1)
    state.copytruncate("a.log", look=True, go_on=True)
    state.compress("a.log", 2)
    state.copytruncate("a.log", look=True, go_on=False)
    state.teardown()


def test_a_file_on_a_closed_file_s_inode_is_followed_at_once() -> None:
    """A7: it is not left to the next scan, before which it may be rotated out of the inputs' sight."""
    state = Tailing()
    state.begin(whole_glob=False, window=1, budget=1)
    state.append_bytes("b.log", b"unfinished")
    state.append_lines("a.log", 1)
    state.run(0.3)
    state.delete("b.log", recreate=True)
    state.rotate("b.log", create=False)
    state.teardown()
