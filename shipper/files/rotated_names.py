"""Which names are those of rotated files: what one life after another of a log is called, as far as names tell."""

# Names go to the system as they are.
# ruff: noqa: PTH116, PTH118, PTH120

import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

COMPRESSED: Final = (".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip")
MOST_LOOKS: Final = 100
"""So often a file that is renamed again and again is looked for under its newest name."""
SETTLED_NS: Final = 1_000_000_000

T = TypeVar("T")

_ROTATED = re.compile(
    r"(?P<stem>.+?)(?:[-._](?:\d[\dTZ:._+-]*|old|bak|prev)|~)(?P<extension>\.[A-Za-z]\w*)?", re.DOTALL
)


def family(path: str) -> str:
    """Return the path of a log without what rotating adds to it: a number, a date, `.old`, and a compressor's ending.

    `a.log`, `a.log.1`, `a.log-20261124.gz`, `a-20261124.log` and `a.1.log` are all of the family `a.log`.
    """
    directory, name = os.path.split(path)
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    found = _ROTATED.fullmatch(name)
    return os.path.join(directory, found["stem"] + (found["extension"] or "") if found else name)


class Kin:
    """The files of directories, by family, the newest first; each directory is listed once, until `renew`.

    `heads`: what those that were looked at for it begin with, by path.
    """

    def __init__(self) -> None:
        self.heads: dict[str, bytes] = {}
        self._listings: dict[str, _Listing] = {}

    def of(self, path: str) -> list[str]:
        """Return the files beside `path` that are of its family, itself left out.

        A log's own name may look like a rotated one's, as `worker-1.log`: then what it is rotated to is a family, too.
        """
        return [each for _, each in self._family(path) if each != path]

    def renew(self, path: str) -> bool:
        """List the directory of `path` again; tell whether the names of its family mean other files than before."""
        directory = os.path.dirname(path)
        if directory in self._listings and self._listings[directory].still_holds(directory):
            return False
        before = self._family(path)
        del self._listings[directory]
        self.heads.clear()
        return sorted(self._family(path)) != sorted(before)

    def _family(self, path: str) -> list[tuple[int, str]]:
        directory = os.path.dirname(path)
        if directory not in self._listings:
            self._listings[directory] = _list(directory)
        families = self._listings[directory].families
        return [each for name in sorted({path, family(path)}) for each in families.get(name, [])]


def search(path: str, examine: Callable[[Kin], T | None], kin: Kin | None = None) -> T | None:
    """Return what `look` finds among the kin of `path`.

    Rotation renames files while they are looked at, and compresses them: nothing is found for sure only where nothing
    was renamed, made or deleted meanwhile.
    """
    kin = kin or Kin()
    for _ in range(MOST_LOOKS):
        found = examine(kin)
        if found or not kin.renew(path):
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Listing:
    """Inodes and paths by family, as of `listed_ns`, of a directory that changed last at `changed_ns`."""

    families: dict[str, list[tuple[int, str]]]
    changed_ns: int
    listed_ns: int

    def still_holds(self, directory: str) -> bool:
        """Return True if certainly nothing changed since; file systems count time in steps of some milliseconds."""
        return self.changed_ns == _changed_ns(directory) and self.changed_ns + SETTLED_NS < self.listed_ns


def _list(directory: str) -> _Listing:
    changed_ns, listed_ns = _changed_ns(directory), time.time_ns()
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for _, inode, path in sorted(_files(directory), reverse=True):
        found[family(path)].append((inode, path))
    return _Listing(found, changed_ns, listed_ns)


def _changed_ns(directory: str) -> int:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0


def _files(directory: str) -> Iterator[tuple[int, int, str]]:
    """Yield time, inode and path of files; those that are gone by the time they are looked at have another name now."""
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False).st_mtime_ns, entry.inode(), entry.path
