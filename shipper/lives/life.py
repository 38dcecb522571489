"""A life: what is followed. It has a name, a stream, and a tail that reads the file it is in now."""

import os

from shipper.files.identity import FileId
from shipper.files.opening import OpenFile
from shipper.lives.states import Event, State, after
from shipper.lives.tail import Slice, Tail
from shipper.records.cuts import Records
from shipper.settings import Input
from shipper.state.progress import Progress
from shipper.state.registry import place_of


class Life:
    """One life of one file. Others change it by its verbs, and write none of its attributes.

    `path` is the name it was found under first and stays; `names` are its present names within the inputs. `real_path`
    is that of the file, if a link led to it: rotation renames, copies and compresses there, at `place`. `tail` reads
    the file, whose size and time were `seen_size` and `mtime_ns` when it was looked at last; they changed at
    `changed_s`. `lost_bytes` were there and were not read when the file became shorter, or was gone.

    Its `state` changes by events, as the table in `shipper.lives.states` says.
    """

    __slots__ = (
        "changed_s", "input", "lost_bytes", "mtime_ns", "names", "path", "progress", "real_path", "recorder",
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
        self.changed_s = 0.0

    @property
    def id(self) -> FileId:
        """Device, inode and generation of the file: what tells it from its successors."""
        return self.tail.file.id

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode: what names the file while it exists."""
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
    def place(self) -> str:
        """The path beside which the life's rotated forms are."""
        return place_of(self.path, self.real_path)

    @property
    def unread(self) -> int:
        """How many bytes are there, as far as is known, and not read: 0 if nothing is known."""
        return max(0, self.seen_size - self.tail.offset - self.tail.content.space)

    @property
    def ended(self) -> bool:
        """Whether it is no longer read."""
        return self.state in {State.ENDED, State.DONE}

    @property
    def settled(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.ended or self.state is State.RESTING

    @property
    def rotated(self) -> bool:
        """Whether the name it was found under means another file now, or none."""
        return self.path not in self.names

    def begin_at(self, offset: int) -> None:
        """Take everything before `offset` as read (and confirmed) in this life."""
        self.tail.begin_at(offset)
        self.progress = Progress(self.tail.position)

    def adopt(self, path: str, real_path: str | None) -> None:
        """Go by the name under which the life was found first."""
        self.path, self.real_path = path, real_path

    def identify(self, stream: str) -> None:
        """Take an id; "" gives it back."""
        self.stream = stream

    def resume(self, stream: str, head_length: int, boundary: int) -> None:
        """Go on with a remembered stream, whose head had so many bytes, and whose last record ended there by force."""
        self.stream = stream
        self.tail.resume(head_length, boundary)

    def move_to(self, file: OpenFile) -> None:
        """Go on in another file that holds the same bytes."""
        self.tail.read_from(file)
        self.lost_bytes = 0
        self.update_size(os.fstat(file.fd), self.changed_s)

    def add_name(self, path: str) -> None:
        """Take note of another path that leads to the file."""
        self.names = (*self.names, path)

    def drop_name(self, path: str, now: float) -> None:
        """Take note that a path leads to it no more."""
        self.names = tuple(name for name in self.names if name != path)
        if self.rotated:
            self.changed_s = now

    def take_names_of(self, older: "Life") -> None:
        """Go by the names of the life that the file held before."""
        self.names, older.names = older.names, ()

    def change(self, event: Event) -> None:
        """Enter the state that follows an event. To be called by `Lives`, which keeps count of the states."""
        self.state = after(self.state, event)

    def update_size(self, status: os.stat_result, now: float) -> bool:
        """Take note of the file's size and time; return whether it is worth reading."""
        if status.st_size == self.seen_size and status.st_mtime_ns == self.mtime_ns:
            return False
        if status.st_size < self.seen_size:
            self.lost_bytes = self.unread
        elif self.seen_size < 0:
            self.lost_bytes = 0
        self.seen_size, self.mtime_ns, self.changed_s = status.st_size, status.st_mtime_ns, now
        return True

    def forget_size(self) -> None:
        """Have whatever is seen next read; what was not read until now is lost if nothing is seen any more."""
        if self.seen_size >= 0:
            self.lost_bytes = self.unread
        self.seen_size = -1

    def close(self) -> None:
        """Close the file; it may be opened again."""
        self.tail.close()

    def peek(self) -> bytes:
        """Return the next bytes, as `Tail.peek` does, which may step over a hole."""
        before = self.tail.offset
        data = self.tail.peek()
        if self.tail.offset != before:
            self.progress = Progress(self.tail.position)
        return data

    def advance(self, piece: Slice) -> None:
        """Take a slice as published."""
        self.tail.advance(piece)
        self.progress.published(self.tail.position)
