"""Assigns ids to new streams, and remembers them before anything of them is published."""

from itertools import islice

from logbus.errors import SourceError
from shipper.files import identity
from shipper.lives.following import Following
from shipper.lives.life import Life
from shipper.lives.lives import Lives
from shipper.lives.recognition import row_of
from shipper.records.encoding import marked_encoding
from shipper.state.registry import Registry

NEW_STREAMS_A_STEP = 256
RETRY_SAVE_S = 1.0


class StreamIds:
    """Assigns ids. `origin` names host and machine. While the registry cannot be written, reading is paused."""

    def __init__(self, lives: Lives, following: Following, registry: Registry, origin: str) -> None:
        self._lives = lives
        self._following = following
        self._registry = registry
        self._origin = origin
        self._paused_until = 0.0

    def paused_s(self, now: float) -> float:
        """Return the seconds until ids can be assigned again; 0 unless the last write of the registry failed."""
        return max(0.0, self._paused_until - now)

    def assign(self, now: float) -> None:
        """Assign ids to lives that have a first record, and remember them before anything of them is published.

        This happens even without room in the window: a remembered life is found again after a crash, wherever it was
        renamed to.
        """
        if now < self._paused_until:
            return
        due = [*islice(self._lives.without_id, NEW_STREAMS_A_STEP)]
        self._lives.take_without_id(due)
        heads = {life: self._peek(life, now) for life in due if not life.stream}
        if not self.register({life: head for life, head in heads.items() if head}):
            self._lives.give_back_without_id(due)
            self._paused_until = now + RETRY_SAVE_S

    def _peek(self, life: Life, now: float) -> bytes:
        """Add a life's first bytes to its head and return them; none if there is no record yet."""
        try:
            head = life.peek() if self._following.ensure_open(life, now) else b""
        except (OSError, SourceError) as error:
            self._following.trouble(life, error)
            return b""
        if not (life.tail.offset or life.input.encoding):
            self._following.complaints.note_mark(life.path, marked_encoding(head))
        life.tail.head.extend(life.tail.offset, head[: head.rfind(b"\n") + 1] or head)
        return head

    def register(self, heads: dict[Life, bytes]) -> bool:
        """Assign each life an id derived from its next bytes, and remember it; False if the registry cannot be written.

        A start resumes lives in the order in which they were remembered. So lives that wait for a new one are
        remembered again after it, even if they were found earlier.
        """
        for life, head in heads.items():
            life.identify(self._new_id(life, head))
        later = {after: None for life in heads for after in self._lives.after(life) if after.stream}
        new = [row_of(life) for life in heads if life not in later]
        if heads and not self._registry.add(new, [row_of(life) for life in later]):
            for life in heads:
                life.identify("")
            return False
        for life in heads:
            self._lives.index.add_stream(life.stream, life)
        return True

    def _new_id(self, life: Life, head: bytes) -> str:
        derived = None
        head = head[: life.recorder.encoding.behind_first(head)] or head
        if self._registry.persistent and not life.tail.offset:
            derived = identity.derived_id(self._origin, life.id.device, life.id.inode, life.id.generation, head)
        return derived if derived and not self._registry.has(derived) else identity.random_id()
