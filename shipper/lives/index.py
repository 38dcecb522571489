"""Lookup of lives: by file, by path, by stream id, by their first bytes."""

import os
from collections.abc import Iterable, Iterator
from typing import Final, Generic, Protocol, TypeVar

from shipper.files.identity import FileId, Head, digest

MOST_ALIKE: Final = 10
"""How many lives that begin alike are found: of many files with one banner, not each is compared with each."""


class Begun(Protocol):
    """A life as `Heads` needs it: its place, and the fingerprint of its first bytes."""

    @property
    def ended(self) -> bool:
        """Whether it is over."""

    @property
    def place(self) -> str:
        """The path beside which rotation puts its files."""

    @property
    def head(self) -> Head:
        """The fingerprint of its first published bytes."""


class Known(Begun, Protocol):
    """A life as the index needs it: its file, and how far that is read."""

    @property
    def id(self) -> FileId:
        """The file."""

    @property
    def key(self) -> tuple[int, int]:
        """Its device and inode."""

    @property
    def seen_size(self) -> int:
        """Its size."""

    @property
    def offset(self) -> int:
        """How far it is read."""


B = TypeVar("B", bound=Begun)
K = TypeVar("K", bound=Known)


class Heads(Generic[B]):
    """Finds lives that have not ended by directory and head."""

    def __init__(self) -> None:
        self._alike: dict[bytes, list[B]] = {}
        self._noted: dict[B, tuple[int, bytes]] = {}

    def __len__(self) -> int:
        return len(self._noted)

    def note(self, life: B) -> None:
        """Record a life's head if it has grown, and the life has not ended."""
        noted, _ = self._noted.get(life, (0, b""))
        if noted == life.head.length or life.ended:
            return
        self.drop(life)
        key = _key(life.place, life.head.digest())
        alike = self._alike.setdefault(key, [])
        if len(alike) < MOST_ALIKE:
            alike.append(life)
            self._noted[life] = life.head.length, key

    def drop(self, life: B) -> None:
        """Forget a life."""
        _, key = self._noted.pop(life, (0, b""))
        alike = self._alike.get(key, [])
        if life in alike:
            alike.remove(life)
            if not alike:
                del self._alike[key]

    def beside(self, path: str, head: bytes) -> list[B]:
        """Return lives, at most MOST_ALIKE, in the directory of a path whose heads have this fingerprint."""
        return [*self._alike.get(_key(path, head), [])]


def _key(path: str, head: bytes) -> bytes:
    """Return a key of a directory and a fingerprint that takes little memory."""
    return digest(os.fsencode(path.rpartition("/")[0]) + b"\0" + head)


class Index(Generic[K]):
    """Finds lives. A stream stays until all of it is confirmed, even when its life has ended."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[int, int], K] = {}
        self._by_name: dict[str, K] = {}
        self._by_stream: dict[str, K] = {}
        self.heads: Heads[K] = Heads()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[K]:
        return iter([*self._by_key.values()])

    def at(self, path: str) -> K | None:
        """Return the life that a path leads to."""
        return self._by_name.get(path)

    def of_file(self, key: tuple[int, int]) -> K | None:
        """Return the life of the file with this device and inode."""
        return self._by_key.get(key)

    def of_stream(self, stream: str) -> K | None:
        """Return the life with this id."""
        return self._by_stream.get(stream)

    def holds(self, file: FileId) -> bool:
        """Return True if a file is followed now."""
        known = self._by_key.get(file.key)
        return known is not None and known.id.generation == file.generation

    def paths(self) -> set[str]:
        """Return every path that leads to a life."""
        return set(self._by_name)

    def streams(self) -> dict[str, K]:
        """Return the lives by stream id. Read-only."""
        return self._by_stream

    def inodes(self) -> set[int]:
        """Return the inodes of all files that are followed."""
        return {inode for _, inode in self._by_key}

    def add_file(self, life: K) -> None:
        """Add a life under its file."""
        self._by_key[life.key] = life

    def drop_file(self, life: K) -> None:
        """Remove a life's file, whose inode is, or may become, another file's."""
        if self._by_key.get(life.key) is life:
            del self._by_key[life.key]

    def add_names(self, paths: Iterable[str], life: K) -> None:
        """Add a life under these paths."""
        self._by_name.update(dict.fromkeys(paths, life))

    def drop_name(self, path: str) -> None:
        """Remove a path."""
        self._by_name.pop(path, None)

    def add_stream(self, stream: str, life: K) -> None:
        """Add a life under the id that it has or will have."""
        self._by_stream[stream] = life

    def drop_stream(self, stream: str) -> None:
        """Remove a stream id."""
        self._by_stream.pop(stream, None)


class Targets(Generic[K]):
    """The bytes that a `once` run has to read: each life up to the size of its file at the start."""

    def __init__(self) -> None:
        self._bytes: dict[K, int] = {}

    def __bool__(self) -> bool:
        return bool(self._bytes)

    def set(self, lives: Iterable[K]) -> None:
        """Expect each of these to be read to its present size."""
        self._bytes = {life: life.seen_size for life in lives}

    def add(self, life: K) -> None:
        """Expect a life to be read to its present size."""
        self._bytes[life] = life.seen_size

    def is_reached(self, life: K) -> bool:
        """Return True if a life was read up to its size at the start."""
        return life.offset >= self._bytes.get(life, 0)

    def drop(self, life: K) -> None:
        """Expect no more of a life."""
        self._bytes.pop(life, None)

    def change(self, life: K, size_bytes: int) -> None:
        """Expect `size_bytes` of a life instead, if anything is expected of it."""
        if life in self._bytes:
            self._bytes[life] = size_bytes

    def hand_over(self, life: K, fresh: K) -> None:
        """Expect all of the `fresh` life's file instead, if anything was expected of this one."""
        if self._bytes.pop(life, None) is not None:
            self._bytes[fresh] = fresh.seen_size
