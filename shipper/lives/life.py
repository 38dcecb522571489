"""A life: what the shipper follows. It has paths, a stream id, and a tail that reads its current file."""

import os

from logbus.traces import NOTHING, Before
from shipper.files.identity import FileId, Head
from shipper.files.opening import OpenFile
from shipper.lives.states import Event, State, after
from shipper.lives.tail import Slice, Tail
from shipper.records.cuts import Records
from shipper.settings import Input
from shipper.state.progress import Progress
from shipper.state.registry import place_of

LOOK_BACK_BYTES = 16 * 1024
"""So far back the beginning of a record is searched after a restart."""


class Life:
    """One life of one file. Callers use its methods and never write its attributes.

    `path` is where it was first found; `names` are the paths of the inputs that lead to it now. `real_path` is the
    path behind a symlink: rotation renames, copies and compresses there, at `place`. `tail` reads the file.
    `seen_size` and `mtime_ns` are from the last stat, and last changed at `changed_s`. `lost_bytes` counts the bytes
    that were unread when the file shrank or disappeared.

    Events change its `state`: see the table in `shipper.lives.states`.
    """

    __slots__ = (
        "_before", "changed_s", "input", "lost_bytes", "mtime_ns", "names", "path", "progress", "real_path", "recorder",
        "seen_size", "state", "stream", "tail",
    )  # fmt: skip

    def __init__(self, entry: Input, file: OpenFile, recorder: Records) -> None:
        self.path, self.real_path = file.path, file.real_path
        self.input = entry
        self.recorder = recorder
        self.tail = Tail(file, recorder)
        self.names: tuple[str, ...] = ()
        self.stream = ""
        self.progress = Progress(self.tail.position)
        self.seen_size = self.mtime_ns = self.lost_bytes = 0
        self.state = State.FOLLOWED
        self._before: Before | None = None
        self.changed_s = 0.0

    @property
    def id(self) -> FileId:
        """Device, inode and generation of the file, which distinguish it from its successors."""
        return self.tail.file.id

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode, which identify the file while it exists."""
        return self.id.key

    @property
    def inode(self) -> int:
        """The file's inode."""
        return self.id.inode

    @property
    def offset(self) -> int:
        """How far the file is read."""
        return self.tail.offset

    @property
    def head(self) -> Head:
        """The fingerprint of its first published bytes."""
        return self.tail.head

    @property
    def place(self) -> str:
        """The path beside which rotation puts the life's files."""
        return place_of(self.path, self.real_path)

    @property
    def unread(self) -> int:
        """How many bytes are known to be unread; 0 if the size is unknown."""
        return max(0, self.seen_size - self.tail.offset - self.tail.content.space)

    @property
    def behind(self) -> int:
        """How many bytes of the file are known that are not confirmed."""
        return self.tail.offset + self.unread - self.progress.committed

    @property
    def ended(self) -> bool:
        """Whether the life is over for this run."""
        return self.state is State.DONE or self.state is State.ENDED

    @property
    def settled(self) -> bool:
        """Whether no more data is expected."""
        return self.ended or self.state is State.RESTING

    @property
    def rotated(self) -> bool:
        """Whether its first path leads to another file now, or to none."""
        return self.path not in self.names

    def begin_at(self, offset: int) -> None:
        """Count everything before `offset` as read and confirmed."""
        self.tail.begin_at(offset)
        self.progress = Progress(self.tail.position)

    def adopt(self, path: str, real_path: str | None) -> None:
        """Take the path under which the life was first found."""
        self.path, self.real_path = path, real_path

    def identify(self, stream: str) -> None:
        """Set the stream id; "" removes it."""
        self.stream = stream

    def resume(self, stream: str, head_length: int, boundary: int) -> None:
        """Resume a remembered stream with a head of `head_length` bytes and a forced record end at `boundary`."""
        self.stream = stream
        self.tail.resume(head_length, boundary)

    def move_to(self, file: OpenFile) -> None:
        """Continue in another file that holds the same bytes."""
        self.tail.read_from(file)
        self.lost_bytes = 0
        self.update_size(os.fstat(file.fd), self.changed_s)

    def add_name(self, path: str) -> None:
        """Add a path that leads to the file."""
        self.names = (*self.names, path)

    def drop_name(self, path: str, now: float) -> None:
        """Remove a path that no longer leads to the file."""
        self.names = tuple(name for name in self.names if name != path)
        if self.rotated:
            self.changed_s = now

    def take_names_of(self, older: "Life") -> None:
        """Take over the paths of the life that the file held before."""
        self.names, older.names = older.names, ()

    def change(self, event: Event) -> None:
        """Enter the state that follows an event. Only `Lives` calls this, as it keeps a list per state."""
        self.state = after(self.state, event)

    def update_size(self, status: os.stat_result, now: float) -> bool:
        """Record the file's size and mtime; return True if the file is worth reading."""
        if status.st_size == self.seen_size and status.st_mtime_ns == self.mtime_ns:
            return False
        if status.st_size < self.seen_size:
            self.lost_bytes = self.unread
        elif self.seen_size < 0 and status.st_size >= self.tail.offset:
            self.lost_bytes = 0
        self.seen_size, self.mtime_ns, self.changed_s = status.st_size, status.st_mtime_ns, now
        return True

    def forget_size(self) -> None:
        """Make the next stat count as a change; bytes unread so far are lost if the file never reappears."""
        if self.seen_size >= 0:
            self.lost_bytes = max(self.lost_bytes, self.unread)
        self.seen_size = -1

    def close(self) -> None:
        """Close the file; it may be reopened."""
        self.tail.close()

    def peek(self) -> bytes:
        """Return the next bytes, as `Tail.peek` does, which may skip a hole."""
        before = self.tail.offset
        data = self.tail.peek()
        if self.tail.offset != before:
            self.progress = Progress(self.tail.position)
        return data

    def before(self, piece: Slice) -> Before:
        """Return what the first line of a slice may continue; after a restart, by the bytes before it."""
        if self._before is None:
            self._before = NOTHING
            if piece.offset and not self.recorder.begins(piece.body):
                start = max(0, piece.offset - LOOK_BACK_BYTES)
                self._before = self.recorder.look_back(os.pread(self.tail.fd, piece.offset - start, start), start)
        return self._before

    def remember(self, after: Before) -> None:
        """Remember what the next slice may continue."""
        self._before = after

    def advance(self, piece: Slice) -> None:
        """Count a slice as published."""
        self.tail.advance(piece)
        self.progress.published(self.tail.position)
