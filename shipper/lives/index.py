"""By what a life is known: the file it is in, the paths that lead to it, its stream's id."""

from collections.abc import Iterable, Iterator

from shipper.files.identity import FileId
from shipper.lives.tail import Tail


class Index:
    """Finds lives. A stream stays until all of it is confirmed, though its life has ended."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[int, int], Tail] = {}
        self._by_name: dict[str, Tail] = {}
        self._by_stream: dict[str, Tail] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Tail]:
        return iter([*self._by_key.values()])

    def at(self, path: str) -> Tail | None:
        """Return the life that a path leads to."""
        return self._by_name.get(path)

    def of_file(self, key: tuple[int, int]) -> Tail | None:
        """Return the life of the file with this device and inode."""
        return self._by_key.get(key)

    def of_stream(self, stream: str) -> Tail | None:
        """Return the life with this id."""
        return self._by_stream.get(stream)

    def holds(self, file: FileId) -> bool:
        """Return True if a file is followed now."""
        known = self._by_key.get(file.key)
        return known is not None and known.id.generation == file.generation

    def paths(self) -> set[str]:
        """Return every path that leads to a life."""
        return set(self._by_name)

    def streams(self) -> dict[str, Tail]:
        """Return the lives by their ids: to be looked at only."""
        return self._by_stream

    def inodes(self) -> set[int]:
        """Return the inodes of all files that are followed."""
        return {inode for _, inode in self._by_key}

    def add_file(self, tail: Tail) -> None:
        """Take note that a life is in its tail's file."""
        self._by_key[tail.key] = tail

    def drop_file(self, tail: Tail) -> None:
        """Take note that a life's file is gone: its inode is, or may become, another file's."""
        if self._by_key.get(tail.key) is tail:
            del self._by_key[tail.key]

    def add_names(self, paths: Iterable[str], tail: Tail) -> None:
        """Take note that these paths lead to a life."""
        self._by_name.update(dict.fromkeys(paths, tail))

    def drop_name(self, path: str) -> None:
        """Take note that a path leads to no life."""
        self._by_name.pop(path, None)

    def add_stream(self, stream: str, tail: Tail) -> None:
        """Take note which life has, or will have, an id."""
        self._by_stream[stream] = tail

    def drop_stream(self, stream: str) -> None:
        """Forget an id."""
        self._by_stream.pop(stream, None)


class Targets:
    """What a `once` run has to read: each tail up to the size that its file had at the start."""

    def __init__(self) -> None:
        self._bytes: dict[Tail, int] = {}

    def __bool__(self) -> bool:
        return bool(self._bytes)

    def set(self, tails: Iterable[Tail]) -> None:
        """Have each of these read to its present size."""
        self._bytes = {tail: tail.seen_size for tail in tails}

    def is_reached(self, tail: Tail) -> bool:
        """Return True if what was there at the start was read of a tail."""
        return tail.offset >= self._bytes.get(tail, 0)

    def drop(self, tail: Tail) -> None:
        """Expect no more of a tail."""
        self._bytes.pop(tail, None)

    def change(self, tail: Tail, size_bytes: int) -> None:
        """Expect so many bytes of a tail instead, if anything is expected of it."""
        if tail in self._bytes:
            self._bytes[tail] = size_bytes

    def hand_over(self, tail: Tail, fresh: Tail) -> None:
        """Expect of another tail what is in its file, if anything was expected of this one."""
        if self._bytes.pop(tail, None) is not None:
            self._bytes[fresh] = fresh.seen_size
