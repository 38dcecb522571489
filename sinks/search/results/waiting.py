"""What was found waits here until it is its turn: in memory, as long as there is room, and then in a temporary file.

Threads put in what they find, a file of logs each; the one that merges takes it out. A thread waits for room rather
than use the disk, unless what is awaited comes from a file that no thread has begun with, or backwards, from its own.
"""

import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct, field

from logbus.errors import OutputError
from sinks.search.asking import Found

ROOM_BYTES: Final = 24 << 20
FOUND_BYTES: Final = 400
"""What a record takes besides its bytes."""
POLL_S: Final = 0.1

_decoder: Final = msgspec.msgpack.Decoder(list[Found])


class Stopped(Exception):  # noqa: N818 - no error
    """Nobody wants more."""


class Room(Struct):
    """The memory that all queues share, and what their threads have to know of each other."""

    limit_bytes: int = ROOM_BYTES
    stopped: bool = False
    starving: bool = False
    used_bytes: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def stop(self) -> None:
        """Let all threads end; safe in a signal handler."""
        self.stopped = True

    def starve(self, *, starving: bool) -> None:
        """Say whether what is awaited now needs a thread that others hold; called with the lock."""
        self.starving = starving
        self.changed.notify_all()

    def take(self, size_bytes: int) -> None:
        """Use memory, or give it back if negative; called with the lock."""
        self.used_bytes += size_bytes
        self.changed.notify_all()


class _Spilled(Struct, frozen=True):
    offset: int
    size_bytes: int


_Chunk = list[Found] | _Spilled


class Queue:
    """What was found in one file, in chunks. `newest_first`: taken out backwards, when all of it is there.

    With `most`, only so many of the last ones are kept then.
    """

    def __init__(self, room: Room, *, newest_first: bool = False, most: int | None = None, bound_us: int = 0) -> None:
        self._room = room
        self._newest_first = newest_first
        self._most = most
        self._chunks: deque[_Chunk] = deque()
        self._file: int | None = None
        self._file_bytes = 0
        self._bound_us = bound_us
        self._begun = self._ended = self._is_awaited = False

    @property
    def bound_us(self) -> int:
        """Before what time in the order there will be nothing more, once what is there was taken out."""
        return self._bound_us

    def go_backwards(self) -> None:
        """Say that chunks come newest first by themselves."""
        with self._room.changed:
            self._newest_first = False

    def reach(self, bound_us: int) -> None:
        """Say that what comes from now on has no place in the order before that time."""
        with self._room.changed:
            self._bound_us = max(self._bound_us, bound_us)
            self._room.changed.notify_all()

    def begin(self) -> None:
        """Say that a thread reads the file now."""
        with self._room.changed:
            self._begun = True
            self._room.changed.notify_all()

    def rest(self) -> None:
        """Say that no thread reads the file for now."""
        with self._room.changed:
            self._begun = False
            self._room.changed.notify_all()

    def put(self, chunk: list[Found]) -> None:
        """Add a chunk; wait for room. Raises Stopped, OutputError if the temporary file cannot be written."""
        size_bytes = _size_of(chunk)
        with self._room.changed:
            while not self._room.stopped and not (has_room := self._has_room(size_bytes)) and not self._may_spill():
                self._room.changed.wait(POLL_S)
            if self._room.stopped:
                raise Stopped
            if has_room:
                self._chunks.append(chunk)
                self._room.take(size_bytes)
            else:
                self._chunks.append(self._spilled(chunk))
                self._room.changed.notify_all()
            self._forget()

    def end(self) -> None:
        """Say that there will be no more."""
        with self._room.changed:
            self._ended = True
            self._room.changed.notify_all()

    def next(self, idle: Callable[[], None], bound_us: int | None = None) -> list[Found] | None:
        """Return the next chunk, None at the end, or an empty one as soon as nothing will come before `bound_us`.

        Meanwhile, call `idle` now and then.
        """
        while True:
            with self._room.changed:
                if not (self._chunks and (self._ended or not self._newest_first)):
                    if self._ended or self._room.stopped:
                        return None
                    if bound_us is not None and self._bound_us > bound_us:
                        return []
                    self._is_awaited = True
                    self._room.starve(starving=not self._begun)
                    self._room.changed.wait(POLL_S)
                    self._room.starve(starving=False)
                if self._chunks and (self._ended or not self._newest_first):
                    return self._taken(self._chunks.pop() if self._newest_first else self._chunks.popleft())
            idle()

    def close(self) -> None:
        """Delete the temporary file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _has_room(self, size_bytes: int) -> bool:
        """Return True also for the first chunk of a queue, so that the merge can go on."""
        fits = self._room.used_bytes + size_bytes <= self._room.limit_bytes
        return fits or not (self._chunks or self._newest_first)

    def _may_spill(self) -> bool:
        return self._room.starving or (self._newest_first and self._is_awaited)

    def _taken(self, chunk: _Chunk) -> list[Found]:
        if isinstance(chunk, _Spilled):
            assert self._file is not None  # noqa: S101 - it was written
            found = _decoder.decode(os.pread(self._file, chunk.size_bytes, chunk.offset))
        else:
            found = chunk
            self._room.take(-_size_of(chunk))
        return found[::-1] if self._newest_first else found

    def _forget(self) -> None:
        """Drop the first chunk, if those behind it are enough."""
        first = self._chunks[0]
        if self._most is None or not self._newest_first or isinstance(first, _Spilled) or len(self._chunks) == 1:
            return
        if sum(len(each) for each in self._chunks if isinstance(each, list)) - len(first) >= self._most:
            self._chunks.popleft()
            self._room.take(-_size_of(first))

    def _spilled(self, chunk: list[Found]) -> _Spilled:
        data = msgspec.msgpack.encode(chunk)
        try:
            if self._file is None:
                with tempfile.TemporaryFile() as file:
                    self._file = os.dup(file.fileno())
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._file_bytes + written)
        except OSError as error:
            raise OutputError("keep what was found in a temporary file", error, "set TMPDIR") from error
        self._file_bytes += len(data)
        return _Spilled(self._file_bytes - len(data), len(data))


def _size_of(chunk: list[Found]) -> int:
    return sum(len(each.data) for each in chunk) + FOUND_BYTES * len(chunk)
