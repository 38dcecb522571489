"""What the tailing model knows: which lives there are, what of each was published, and what has to be.

A `Model` runs a shipper by `Agent.step()`, with a publisher and a clock of its own, and checks each batch against what
was written. `support.rotating` does things to the files.
"""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

from logbus.batch import Batch
from shipper.agent import Agent
from shipper.files.identity import HEAD_BYTES
from shipper.settings import Input, Settings
from support.publishing import MemoryPublisher
from support.registries import MortalRegistry

PATIENCE_S = 70.0
ROUNDS_QUIET = 2
NAMES = ("a.log", "b.log")
LINK = "current.log"
TARGETS = ("target.0", "target.1", "target.2")
ROTATIONS = 4
_ROTATED = re.compile(r"\.log\.(\d)")


class Life:
    """One life of one file, as it was written."""

    def __init__(self, number: int, home: str, before: "Life | None", *, in_place: bool) -> None:
        self.number = number
        self.in_place = in_place
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

    def content(self) -> int:
        """Where it ends, but for NULs at its end: a writer may have taken them in advance."""
        return len(self.data.rstrip(b"\0"))

    def is_disguised(self) -> bool:
        """Return True if only reading would show that a truncated file holds this life, and nobody may have read it.

        A full window puts that off; and after a crash, only a generation tells a truncated file from a replaced one.
        """
        return self.in_place and not self.published


class Model:
    """A shipper, its files, and what is known of them."""

    base: str | None = None

    def set_up(self, *, whole_glob: bool, window: int, budget: int, inside: bool) -> None:
        """Choose what stays as it is, and start a shipper.

        `inside`: numbers of rotated files come before the extension, so that a scan comes to them before their log.
        """
        self.folder = Path(tempfile.mkdtemp(dir=self.base))
        (self.folder / "logs").mkdir()
        self.inside = inside
        paths = [str(self.folder / "logs" / each) for each in (["*.log*"] if whole_glob else ["?.log", LINK])]
        self.settings = Settings(inputs=[Input(paths=paths, max_record_bytes=1024)], host="h")
        self.whole_glob, self.window, self.budget = whole_glob, window, budget
        self.now = 0.0
        self.lives: list[Life] = []
        self.at: dict[str, Life] = {}
        self.linked: Life | None = None
        self.of_stream: dict[str, Life] = {}
        self.committed: dict[str, set[tuple[int, int]]] = {}
        self.agent: Agent | None = None
        self.start()

    def tear_down(self) -> None:
        """Check that everything arrived, then tidy up."""
        if not hasattr(self, "folder"):
            return
        try:
            self.everything_arrives()
        finally:
            if self.agent:
                self.agent.close()
            shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start a shipper on what the disk remembers."""
        self.publisher = MemoryPublisher(self.window, holding=True)
        self.taken = 0
        self.next_of: dict[str, int] = {}
        self.registry = MortalRegistry(self.folder / "state")
        self.agent = Agent(self.settings, self.publisher, self.registry, budget=self.budget, stopwatch=float)

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
                life.known = life.known or (life.complete() > 0 and not (self.base and life.is_disguised()))
                life.known_at_home = life.known_at_home or (life.known and name == life.home)
            life.followed = life.known

    def confirm_all(self) -> None:
        """Confirm whatever is in flight."""
        self.publisher.refused = False
        for span in self.publisher.held:
            self.publisher.confirmed.append(span)
            self.committed[span.stream].add((span.offset, span.end))
        self.publisher.held.clear()

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self.folder / "logs" / (_ROTATED.sub(r"-\1.log", name) if self.inside else name)

    def in_glob(self, name: str) -> bool:
        """Return True if an input names a file and ships it."""
        if name.startswith("copy"):
            return self.whole_glob
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
            before = self.linked if name == LINK else None
            before = before or next((each for each in reversed(self.lives) if each.home == name), None)
            life = Life(len(self.lives), name, before, in_place=self.path(name).exists())
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

    def is_saved(self, life: Life) -> bool:
        """Return True if the registry knows that something of a life was published."""
        rows = self.registry.unfinished() if self.agent else []
        return any(row.published for row in rows if self.of_stream.get(row.stream) is life)

    def is_proven(self, life: Life) -> bool:
        """Return True if the registry knows enough of a life to recognise its copy, as it is now, under any name."""
        rows = self.registry.unfinished() if self.agent else []
        rows = [row for row in rows if self.of_stream.get(row.stream) is life]
        whole = self.whole_glob and any(row.published == len(life.data) for row in rows)
        return whole or any(row.published >= HEAD_BYTES for row in rows)

    def end(self, life: Life) -> None:
        """Note that nothing more is written."""
        life.ended = True

    def settle(self) -> None:
        """Let everything be read and confirmed."""
        for _ in range(200):
            self.confirm_all()
            self.step(0.3)
            if not self.publisher.held:
                break
        self.scan()
        for _ in range(200):
            self.confirm_all()
            self.step(0.3)
            if not self.publisher.held:
                return
        pytest.fail("it never settles")

    def settle_for(self, seconds: float) -> None:
        """Let this time pass again and again until nothing more comes: each slice filled in place takes a second."""
        self.settle()
        quiet = 0
        while quiet < ROUNDS_QUIET:
            before = [life.published for life in self.lives]
            self.step(seconds)
            self.settle()
            quiet = quiet + 1 if before == [life.published for life in self.lives] else 0

    def check_published(self) -> None:
        """Check what was published since the last time."""
        for batch in self.publisher.batches[self.taken :]:
            self.check(batch)
        self.taken = len(self.publisher.batches)

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

    def check_registry(self) -> None:
        """C2, C3: what is saved is a gap-free prefix of what was confirmed, or a copy's of which nothing is shipped."""
        if getattr(self, "agent", None) is None:
            return
        for row in self.registry.unfinished():
            spans = sorted(self.committed.get(row.stream, ()))
            reach = 0
            for offset, end in spans:
                if offset <= reach:
                    reach = max(reach, end)
            assert row.offset <= reach or row.stream not in self.of_stream

    def everything_arrives(self) -> None:
        """In the end every complete line of every life that could be read is there."""
        if self.agent is None:
            self.start()
        self.settle_for(PATIENCE_S)
        for life in self.lives:
            if not life.may_lose:
                assert life.published >= life.complete(), f"life {life.number} is not complete"
            if life.ended and not life.may_lose and self.budget > 1:
                assert life.published >= life.content(), f"life {life.number} lacks its last line"
