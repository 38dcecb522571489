"""New streams get their ids here, and are remembered before anything of them is published."""

from itertools import islice

from logbus.errors import SourceError
from shipper.files import identity
from shipper.lives.following import Following
from shipper.lives.lives import Lives
from shipper.lives.recognition import row_of
from shipper.lives.tail import Tail
from shipper.state.registry import Registry

NEW_STREAMS_A_STEP = 256
RETRY_SAVE_S = 1.0


class Namer:
    """Gives ids. `origin` names host and machine. While the registry cannot be written, nothing is read: `waits_s`."""

    def __init__(self, lives: Lives, following: Following, registry: Registry, origin: str) -> None:
        self._lives = lives
        self._following = following
        self._registry = registry
        self._origin = origin
        self._hold_until = 0.0

    def waits_s(self, now: float) -> float:
        """Return for how long no id can be given: 0 if the registry can be written, as far as is known."""
        return max(0.0, self._hold_until - now)

    def name_new(self, now: float) -> None:
        """Give ids to lives that have a first record, and remember them before anything of them is published.

        This waits for no room: a life that is remembered is found again after a crash, wherever it was renamed to.
        """
        if now < self._hold_until:
            return
        due = [*islice(self._lives.unnamed, NEW_STREAMS_A_STEP)]
        self._lives.take_unnamed(due)
        heads = {tail: self._peek(tail, now) for tail in due if not tail.stream}
        if not self.register({tail: head for tail, head in heads.items() if head}):
            self._lives.give_back_unnamed(due)
            self._hold_until = now + RETRY_SAVE_S

    def _peek(self, tail: Tail, now: float) -> bytes:
        """Take a life's first bytes into its head and return them; none if there is no record yet."""
        try:
            head = tail.peek() if self._following.ensure_open(tail, now) else b""
        except (OSError, SourceError) as error:
            self._following.trouble(tail, error)
            return b""
        tail.head.extend(tail.offset, head[: head.rfind(b"\n") + 1] or head)
        return head

    def register(self, heads: dict[Tail, bytes]) -> bool:
        """Give each tail an id, made of its next bytes, and remember it; False if the registry cannot be written.

        A start takes lives in the order in which they were remembered: so those that wait for one are remembered after
        it, though they may have been found before.
        """
        for tail, head in heads.items():
            tail.identify(self._new_id(tail, head))
        later = {after: None for tail in heads for after in self._lives.after(tail) if after.stream}
        new = [row_of(tail) for tail in heads if tail not in later]
        if heads and not self._registry.add(new, [row_of(tail) for tail in later]):
            for tail in heads:
                tail.identify("")
            return False
        for tail in heads:
            self._lives.index.add_stream(tail.stream, tail)
        return True

    def _new_id(self, tail: Tail, head: bytes) -> str:
        derived = None
        if self._registry.persistent and not tail.offset:
            derived = identity.derived_id(self._origin, tail.id.device, tail.id.inode, tail.id.generation, head)
        return derived if derived and not self._registry.has(derived) else identity.random_id()
