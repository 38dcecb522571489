"""An application that writes a log: numbered lines, and rotations."""

import random
from pathlib import Path

KEPT_LIVES = 3


class Writer:
    """Writes numbered lines into one file, renames it now and then, and begins it anew."""

    def __init__(self, folder: Path, name: str, seed: int) -> None:
        self.path = folder / f"{name}.log"
        self.truth = bytearray()
        self.lines = self.lives = 0
        self._random = random.Random(f"{seed}{name}")  # noqa: S311 - repeatable on purpose
        self._file = self.path.open("ab", buffering=0)
        self._burst = 5 if name == "slow" else 400

    def write(self) -> None:
        """Write some lines, or a part of one first."""
        chunk = b"".join(self._line() for _ in range(self._random.randint(1, self._burst)))
        self.truth += chunk
        cut = self._random.randrange(len(chunk)) if self._random.random() < 0.3 else 0
        self._file.write(chunk[:cut])
        self._file.write(chunk[cut:])

    def rotate(self) -> None:
        """Rename the file, write a little more into it, and go on in a new one."""
        self.path.rename(f"{self.path}.{self.lives:06}")
        if self._random.random() < 0.5:
            self.write()
        self._file.close()
        self.lives += 1
        self._file = self.path.open("ab", buffering=0)

    def forget(self) -> None:
        """Delete old lives, which are known to have arrived, and begin a new truth."""
        for old in sorted(self.path.parent.glob(f"{self.path.name}.*"))[:-KEPT_LIVES]:
            old.unlink()
        self.truth.clear()

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _line(self) -> bytes:
        self.lines += 1
        word = b"ERROR" if self._random.random() < 0.05 else b"INFO"
        size = 40_000 if self._random.random() < 0.0005 else self._random.randint(0, 200)
        payload = self._random.randbytes(size).translate(None, b"\n")
        stamp = b"2026-11-24 10:00:00,000 %s [main] shop - " % word
        return (
            stamp + b"%s %d %d: " % (self.path.stem.encode(), self.lives, self.lines) + payload.hex().encode() + b"\n"
        )
