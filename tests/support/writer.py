"""Applications that write a log: numbered lines, and rotations."""

import mmap
import os
import random
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from logbus.inode import generation_of

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT_LIVES = 3
SPACE_BYTES = (4_096, 200_000, 3_000_000)
"""How much space an appender takes beforehand."""


class Writer:
    """Writes numbered lines into one file, renames it now and then, and begins it anew; `clock` gives their times."""

    def __init__(self, folder: Path, name: str, seed: int) -> None:
        self.path = folder / f"{name}.log"
        self.clock: Callable[[], str] = lambda: "2026-11-24 10:00:00,000"
        self.truth = bytearray()
        self.lines = self.lives = 0
        self.chance = random.Random(f"{seed}{name}")  # noqa: S311 - repeatable on purpose
        self._burst = 400 if name in {"api", "web"} else 5
        self.begin()

    def begin(self) -> None:
        """Begin the file."""
        self.file = self.path.open("a+b", buffering=0)

    def put(self, data: bytes) -> None:
        """Write some bytes."""
        self.file.write(data)

    def end(self) -> None:
        """Write no more into the file."""
        self.file.close()

    def write(self) -> None:
        """Write some lines, or a part of one first."""
        chunk = b"".join(self._line() for _ in range(self.chance.randint(1, self._burst)))
        self.truth += chunk
        cut = self.chance.randrange(len(chunk)) if self.chance.random() < 0.3 else 0
        self.put(chunk[:cut])
        self.put(chunk[cut:])

    def rotate(self) -> None:
        """Rename the file, write a little more into it, and go on in a new one."""
        self.path.rename(f"{self.path}.{self.lives:06}")
        if self.chance.random() < 0.5:
            self.write()
        self.end()
        self.lives += 1
        self.begin()

    def forget(self) -> None:
        """Delete old lives, which are known to have arrived, and begin a new truth."""
        for old in sorted(self.path.parent.glob(f"{self.path.name}.*"))[:-KEPT_LIVES]:
            old.unlink()
        self.truth.clear()

    def close(self) -> None:
        """Write no more at all."""
        self.end()

    def _line(self) -> bytes:
        self.lines += 1
        word = b"ERROR" if self.chance.random() < 0.05 else b"INFO"
        size = 40_000 if self.chance.random() < 0.0005 else self.chance.randint(0, 200)
        payload = self.chance.randbytes(size).translate(None, b"\n")
        stamp = b"%s %s [main] shop - " % (self.clock().encode(), word)
        return (
            stamp + b"%s %d %d: " % (self.path.stem.encode(), self.lives, self.lines) + payload.hex().encode() + b"\n"
        )


class LinkedWriter(Writer):
    """Writes where only a link leads to, as in a container: what it rotates is beside the link's target."""

    def __init__(self, folder: Path, name: str, seed: int) -> None:
        pods = folder.parent / "pods" / name
        pods.mkdir(parents=True)
        super().__init__(pods, name, seed)
        (folder / f"{name}.log").symlink_to(self.path)

    @property
    def inode(self) -> tuple[int, int | None]:
        """Inode and generation of the file that is written; another file had the same inode before."""
        return self.path.stat().st_ino, generation_of(self.file.fileno())


class MappedWriter(Writer):
    """Takes space beforehand, maps it into memory, and fills it in place; gives back what is left when it rotates."""

    def begin(self) -> None:
        """Begin the file."""
        self._end = self._size = 0
        self.file = self.path.open("w+b", buffering=0)

    def put(self, data: bytes) -> None:
        """Fill the next bytes, after taking more space if there is too little."""
        while self._size < self._end + len(data):
            self._size += self.chance.choice(SPACE_BYTES)
        self.file.truncate(self._size)
        if data:
            with closing(mmap.mmap(self.file.fileno(), self._size)) as view:
                view[self._end : self._end + len(data)] = data
        os.utime(self.file.fileno())  # inotify tells nothing of what is written through memory
        self._end += len(data)

    def end(self) -> None:
        """Give back the space that is left."""
        self.file.truncate(self._end)
        super().end()
