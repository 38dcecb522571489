"""Which files belong to the same log: judged by name, and those with other names by their first bytes."""

# Names are passed to the system unchanged.
# ruff: noqa: PTH116, PTH118, PTH120

import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar

from msgspec import Struct

from logbus.errors import SourceError
from shipper.files.identity import HEAD_BYTES, Head
from shipper.files.opening import open_regular

COMPRESSED: Final = (".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip", ".7z", ".Z", ".lzma", ".br")
MOST_LOOKS: Final = 100
"""How often the search for a file that keeps being renamed is repeated."""
SETTLED_NS: Final = 1_000_000_000
MOST_STRANGERS: Final = 100
"""How many files of a directory, the newest, are examined by content."""

T = TypeVar("T")

_ROTATED = re.compile(
    r"(?P<stem>.+?)(?:[-._](?:\d[\dTZ:._+-]*|old|bak|prev)|~)(?P<extension>\.[A-Za-z]\w*)?", re.DOTALL
)


def family(path: str) -> str:
    """Return the path of a log without the suffixes of rotation: a number, a date, `.old`, a compressor's ending.

    `a.log`, `a.log.1`, `a.log-20261124.gz`, `a-20261124.log` and `a.1.log` are all of the family `a.log`.
    """
    directory, name = os.path.split(path)
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    found = _ROTATED.fullmatch(name)
    return os.path.join(directory, found["stem"] + (found["extension"] or "") if found else name)


class Kin:
    """The files of directories by family, newest first; each directory is listed once, until `renew`.

    `heads`: a cache of the first bytes of archives, by path.
    """

    def __init__(self) -> None:
        self.heads: dict[str, bytes] = {}
        self._listings: dict[str, _Listing] = {}
        self._beginnings: dict[str, dict[bytes, list[str]]] = {}

    def of(self, path: str) -> list[str]:
        """Return the other files beside `path` that are of its family.

        A log's own name may look like a rotated one, such as `worker-1.log`: then its rotated files are a family, too.
        """
        return [each for _, each in self._family(path) if each != path]

    def alike(self, path: str, head: bytes) -> list[str]:
        """Return the newest files in the directory of `path`, of any name, that begin alike, newest first.

        `head`: the fingerprint of their first HEAD_BYTES, or of all their bytes if they have fewer.
        """
        directory = os.path.dirname(path)
        if directory not in self._beginnings:
            self._beginnings[directory] = _beginnings(self._listing(directory).newest)
        return [each for each in self._beginnings[directory].get(head, []) if each != path]

    def renew(self, path: str) -> bool:
        """List the directory of `path` again; return True if names of its family now lead to other files."""
        directory = os.path.dirname(path)
        if directory in self._listings and self._listings[directory].still_holds(directory):
            return False
        before = self._family(path)
        del self._listings[directory]
        self.heads.clear()
        self._beginnings.pop(directory, None)
        return sorted(self._family(path)) != sorted(before)

    def _family(self, path: str) -> list[tuple[int, str]]:
        families = self._listing(os.path.dirname(path)).families
        return [each for name in sorted({path, family(path)}) for each in families.get(name, [])]

    def _listing(self, directory: str) -> "_Listing":
        if directory not in self._listings:
            self._listings[directory] = _list(directory)
        return self._listings[directory]


def search(path: str, examine: Callable[[Kin], T | None], kin: Kin | None = None) -> T | None:
    """Return the result of `examine` on the kin of `path`.

    Rotation may rename or compress files during the search: an empty result counts only if nothing was renamed,
    created or deleted meanwhile.
    """
    kin = kin or Kin()
    for _ in range(MOST_LOOKS):
        found = examine(kin)
        if found or not kin.renew(path):
            return found
    return None


class _Listing(Struct, frozen=True):
    """Inodes and paths by family of a directory that last changed at `changed_ns`, as of `listed_ns`."""

    families: dict[str, list[tuple[int, str]]]
    newest: list[str]
    changed_ns: int
    listed_ns: int

    def still_holds(self, directory: str) -> bool:
        """Return True if certainly nothing has changed since; filesystem time advances in steps of milliseconds."""
        return self.changed_ns == _changed_ns(directory) and self.changed_ns + SETTLED_NS < self.listed_ns


def _list(directory: str) -> _Listing:
    changed_ns, listed_ns = _changed_ns(directory), time.time_ns()
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    files = sorted(_files(directory), reverse=True)
    for _, inode, path in files:
        found[family(path)].append((inode, path))
    return _Listing(found, [path for _, _, path in files[:MOST_STRANGERS]], changed_ns, listed_ns)


def _beginnings(paths: list[str]) -> dict[bytes, list[str]]:
    """Return the files that can be opened and are not empty, by the fingerprint of their first HEAD_BYTES."""
    found: dict[bytes, list[str]] = defaultdict(list)
    for path in paths:
        with suppress(OSError, SourceError):
            file = open_regular(path)
            try:
                head = Head.of(file.fd, HEAD_BYTES)
            finally:
                file.close()
            if head.length:
                found[head.digest()].append(path)
    return found


def _changed_ns(directory: str) -> int:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0


def _files(directory: str) -> Iterator[tuple[int, int, str]]:
    """Yield mtime, inode and path of files; one that disappears before its stat has another name now."""
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False).st_mtime_ns, entry.inode(), entry.path
