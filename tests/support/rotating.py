"""What is done to files, to the publisher and to the shipper in the tailing model: a state machine for hypothesis."""

import gzip
import random
import shutil

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from logbus.batch import Span
from shipper.lives.copies import COPY_GRACE_S
from shipper.steps.departures import FRAGMENT_GRACE_S
from support.registries import kill
from support.tailing import LINK, NAMES, ROTATIONS, TARGETS, Model


class Tailing(Model, RuleBasedStateMachine):
    """Files that are written, rotated and lost while a shipper comes and goes."""

    @initialize(
        whole_glob=st.booleans(), window=st.integers(1, 6), budget=st.sampled_from([1, 100]), inside=st.booleans()
    )
    def begin(self, whole_glob: bool, window: int, budget: int, inside: bool = False) -> None:
        """Choose what stays as it is, and start a shipper."""
        self.set_up(whole_glob=whole_glob, window=window, budget=budget, inside=inside)

    def teardown(self) -> None:
        """Check that everything arrived, then tidy up."""
        self.tear_down()

    @invariant()
    def registry_is_behind_the_confirms(self) -> None:
        """C2, C3: what is saved is a gap-free prefix of what was confirmed."""
        self.check_registry()

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
        self.publisher.refused = False
        spans = self.publisher.held
        for span in pick.sample(spans, min(len(spans), 1 + int(len(spans) * share))):
            spans.remove(span)
            middle = pick.randint(span.offset, span.end)
            parts = [Span(span.stream, span.offset, middle), Span(span.stream, middle, span.end)]
            pick.shuffle(parts)
            kept = [part for part in parts if part.offset < part.end]
            self.publisher.confirmed += kept
            self.committed[span.stream] |= {(part.offset, part.end) for part in kept}

    @rule()
    @precondition(lambda self: self.agent and self.publisher.held)
    def refuse(self) -> None:
        """C2: a nack, or a return: what is on its way stays there, and nothing new follows until a confirm comes."""
        self.publisher.refused = True

    @rule(clean=st.booleans())
    @precondition(lambda self: self.agent)
    def stop(self, clean: bool) -> None:
        """Stop, or be killed: what is not in the registry is forgotten."""
        assert self.agent
        if clean:
            self.agent.close()
        else:
            kill(self.agent, self.registry)
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

    @rule(name=st.sampled_from(NAMES), look=st.booleans(), go_on=st.booleans(), between=st.booleans())
    def copytruncate(self, name: str, look: bool, go_on: bool, between: bool = False) -> None:
        """A10, A14, A15: copied as it is, read or not, then truncated; the writer may go on at once.

        What it writes `between` copy and truncation is gone unless it was read.
        """
        life = self.at.get(name)
        if life is None:
            return
        self.make_room(name)
        shutil.copyfile(self.path(name), self.path(f"{name}.1"))
        copied = len(life.data)
        if between and self.is_saved(life):
            self.write(name, b"between\n")
        if look and self.agent:
            self.scan()
        with self.path(name).open("r+b") as file:
            file.truncate(0)
        if life.published <= copied:
            del life.data[copied:]
        self.at[f"{name}.1"] = self.at.pop(name)
        life.ended = nameable = life.known and life.published > 0
        life.may_lose = life.may_lose or not (self.whole_glob or nameable)
        life.followed = False
        if go_on:
            self.write(name, b"after truncation\n")

    @rule(name=st.sampled_from(NAMES), look=st.booleans(), go_on=st.booleans(), wait=st.booleans())
    @precondition(lambda self: self.agent)
    def copytruncate_elsewhere(self, name: str, look: bool, go_on: bool, wait: bool) -> None:
        """A14, A15: as copytruncate, to a name that rotation does not give.

        A copy that no input names is read while the truncated log is in its place: it gets time for that.
        """
        life = self.at.get(name)
        if life is None or not life.data:
            return
        copy = f"copy{sum(each.startswith('copy') for each in self.at)}.log"
        shutil.copyfile(self.path(name), self.path(copy))
        proven = self.is_proven(life)
        if self.whole_glob and not proven:  # the copy may be a file of its own
            life.streams += 1
        if look:
            self.scan()
        with self.path(name).open("r+b") as file:
            file.truncate(0)
        self.at[copy] = self.at.pop(name)
        life.may_lose = life.may_lose or not (proven or self.whole_glob)
        life.followed = False
        if self.whole_glob and not proven:
            life.ended = life.known = life.known_at_home = False
        else:
            life.ended = True
        if go_on:
            self.write(name, b"after truncation\n")
        if wait or not self.whole_glob:
            self.settle_for(COPY_GRACE_S + 1)

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, ROTATIONS), look=st.booleans())
    def compress(self, name: str, number: int, look: bool) -> None:
        """A3, A6: a rotated file is compressed, as it is, and for a while both are there."""
        rotated = f"{name}.{number}"
        life = self.at.get(rotated)
        if life is None:
            return
        self.path(f"{rotated}.gz").write_bytes(gzip.compress(self.path(rotated).read_bytes(), 1))
        if look and self.agent:
            self.scan()
        self.path(rotated).unlink()
        self.at[f"{rotated}.gz"] = self.at.pop(rotated)
        life.may_lose = life.may_lose or not life.known or life.is_disguised()
        life.followed = False
        self.end(life)

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, ROTATIONS), look=st.booleans())
    def decompress(self, name: str, number: int, look: bool) -> None:
        """A20: an archive is unpacked by hand: what an input names is a file of its own, what none names is none."""
        rotated = f"{name}.{number}"
        life = self.at.get(f"{rotated}.gz")
        if life is None:
            return
        self.path(rotated).write_bytes(gzip.decompress(self.path(f"{rotated}.gz").read_bytes()))
        self.at[rotated] = self.at.pop(f"{rotated}.gz")
        if self.whole_glob:  # another file with the same beginning: not seen yet, and in no order with what follows
            life.streams += 1
            life.ended = life.known = life.known_at_home = False
        if look and self.agent:
            self.scan()
        self.path(f"{rotated}.gz").unlink()

    @rule(name=st.sampled_from(TARGETS))
    def swap(self, name: str) -> None:
        """A18: a link means another file, a new one or one that it meant before."""
        if self.at.get(LINK) is (life := self.at.get(name)) and life:
            return
        if old := self.at.pop(LINK, None):
            old.may_lose = old.may_lose or not old.known
            self.linked = old  # which may be older than another that it meant: that one's late lines are in no order
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
        """A1: a slow writer goes on with the old file, but with none that was unpacked: it may be taken as read."""
        rotated = f"{name}.{number}"
        if rotated in self.at and not self.at[rotated].ended and self.at[rotated].streams == 1:
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
            self.settle_for(FRAGMENT_GRACE_S + 1)
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
            self.settle_for(FRAGMENT_GRACE_S + 1)  # a closed file has no descriptor: let what was written be read
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
