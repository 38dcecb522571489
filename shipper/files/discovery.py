"""Finding files. The scan is the truth; the watcher only hints at paths to observe sooner."""

# Paths are tens of thousands of hostile strings, passed to the system unchanged.
# ruff: noqa: PTH114, PTH116, PTH119, PTH120

import fnmatch
import logging
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from logbus.errors import SourceError
from logbus.native import descriptors
from shipper.files.archives import is_archive
from shipper.files.patterns import Directories, Pattern, matches, pattern, walk
from shipper.files.rotated_names import COMPRESSED, MOST_LOOKS
from shipper.settings import Input

if TYPE_CHECKING:
    from shipper.files.watcher import Watcher

logger = logging.getLogger("shipper.discovery")

BY_NAME = "compressed, by its name"
_COMPRESSED_HEAD = re.compile(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|\xfd7zXZ\0|BZh[1-9]1AY&SY")


class Found(Struct, frozen=True):
    """A regular file that an input names."""

    path: str
    input: Input
    status: os.stat_result


class Discovery:
    """The files of the inputs: by scan, by path, by hint."""

    def __init__(self, inputs: list[Input], watcher: "Watcher | None" = None) -> None:
        self._inputs = [(each, [pattern(path) for path in each.paths]) for each in inputs]
        self._skipped: set[str] = set()
        self._unreadable: set[str] = set()
        self._shared: set[tuple[int, int]] = set()
        self.aliases: dict[str, str] = {}
        self.watcher = watcher

    def scan(self) -> Iterator[Found]:
        """Yield every regular file that the inputs name, in the order of the inputs, each path once.

        Archives that inputs include are not among them.
        """
        directories: Directories = {}
        yield from (each for each in self._named(directories) if not is_archive(each.path))
        self._report_unreadable(directories)
        if self.watcher:
            for target in self.aliases:
                directories.setdefault(os.path.dirname(target))
            self.watcher.watch(directories)

    def archives(self) -> Iterator[Found]:
        """Yield every archive that an input names and includes."""
        return (each for each in self._named({}) if is_archive(each.path))

    def _named(self, directories: Directories) -> Iterator[Found]:
        seen: dict[str, int] = {}
        for number, (entry, patterns) in enumerate(self._inputs):
            for each in patterns:
                for path in walk(each, directories):
                    if path in seen:
                        self._note_shared(path, seen[path], number)
                    elif not self._left_out(path, entry):
                        seen[path] = number
                        if (status := regular(path)) is not None:
                            yield Found(path, entry, status)

    def observe(self, path: str) -> Found | None:
        """Return the file at `path` if an input names it, and it is regular and no archive."""
        entry = None if is_archive(path) else self.input_of(path)
        status = regular(path) if entry else None
        return Found(path, entry, status) if entry and status else None

    def input_of(self, path: str) -> Input | None:
        """Return the input that names `path`, whether or not the file exists."""
        for entry, patterns in self._inputs:
            if any(matches(each, path) for each in patterns) and not self._left_out(path, entry):
                return entry
        return None

    def note_link(self, path: str) -> None:
        """Treat hints at the target of a symlink as hints at the symlink."""
        if self.watcher and os.path.islink(path):
            self.aliases = {target: link for target, link in self.aliases.items() if link != path}
            self.aliases[os.path.realpath(path)] = path

    def empty(self) -> list[Pattern]:
        """Return the paths and globs that match no file now."""
        return [
            each
            for _, patterns in self._inputs
            for each in patterns
            if not any(regular(path) for path in walk(each, {}))
        ]

    def close(self) -> None:
        """Stop watching."""
        if self.watcher:
            self.watcher.close()

    def _report_unreadable(self, directories: Directories) -> None:
        """Report once that a directory cannot be read, or can be again; files followed in it stay followed."""
        unreadable = {path: error for path, error in directories.items() if error}
        for path in unreadable.keys() - self._unreadable:
            why = unreadable[path]
            hint = descriptors.hint(why, "let the shipper's user read and enter it")
            error = SourceError(f"list {path}", why, hint)
            logger.warning("%s; retried at every scan", error)
        for path in self._unreadable - unreadable.keys():
            logger.warning("%s can be read now", path)
        self._unreadable = set(unreadable)

    def _note_shared(self, path: str, first: int, second: int) -> None:
        """Report once for each two inputs that both name a file, with the first such file."""
        ships, leaves = self._inputs[first][0], self._inputs[second][0]
        if first == second or (first, second) in self._shared or left_out(path, leaves) or not regular(path):
            return
        self._shared.add((first, second))
        logger.warning(
            "two inputs name %s: the one with the paths %s ships it, and the later one with the paths %s does not "
            "(exclude the file there)",
            path,
            ships.paths,
            leaves.paths,
        )

    def _left_out(self, path: str, entry: Input) -> bool:
        why = left_out(path, entry)
        if why == BY_NAME and path not in self._skipped:
            self._skipped.add(path)
            logger.info("not shipping %s: it is compressed", path)
        return bool(why)


def found_by(inputs: list[Input]) -> list[Found]:
    """Return every file and archive that inputs name now."""
    discovery = Discovery(inputs)
    return [*discovery.scan(), *discovery.archives()]


def left_out(path: str, entry: Input) -> str:
    """Return why an input that names `path` leaves it out; "" if it does not."""
    name = os.path.basename(path)
    for each in entry.exclude:
        if fnmatch.fnmatchcase(name, each) or fnmatch.fnmatchcase(path, each):
            return f"excluded by {each!r}"
    included = entry.include_compressed and is_archive(name)
    return BY_NAME if name.endswith(COMPRESSED) and not included else ""


def is_compressed(fd: int) -> bool:
    """Return True if an open file begins like a gzip, zstd, xz or bzip2 file."""
    return _COMPRESSED_HEAD.match(os.pread(fd, 10, 0)) is not None


def regular(path: str) -> os.stat_result | None:
    """Return the status of a regular file; None for anything else, or if stat fails."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


class Placed(Protocol):
    """What `Siblings` searches for: a life or a remembered one."""

    @property
    def path(self) -> str:
        """The path where it was found."""

    @property
    def place(self) -> str:
        """The path beside which rotation puts its files."""

    @property
    def inode(self) -> int:
        """Its file's inode."""


class Siblings:
    """Files beside a life's place, by inode: finds rotated files that no input names."""

    def __init__(self, input_of: Callable[[str], Input | None]) -> None:
        self._input_of = input_of
        self._directories: dict[str, dict[int, str] | None] = {}

    def path_of(self, life: Placed) -> str | None:
        """Return the present path of a life's file, within the directory of its place."""
        inodes = self.beside(life.place)
        return inodes.get(life.inode) if inodes else None

    def beside(self, path: str) -> dict[int, str] | None:
        """Return inode -> path for a path's directory; empty if there is none, None if it cannot be read."""
        directory = path.rpartition("/")[0]
        if directory not in self._directories:
            self._directories[directory] = _inodes(directory or "/")
        return self._directories[directory]

    def search(self, life: Placed) -> Found | None:
        """Return a life's file, within the directory of its place, if an input names the life's path."""
        entry = self._input_of(life.path)
        for _ in range(MOST_LOOKS):
            sibling = self.path_of(life)
            if entry is None or sibling is None:
                return None
            status = regular(sibling)
            if status and status.st_ino == life.inode:
                return Found(sibling, entry, status)
            del self._directories[life.place.rpartition("/")[0]]  # renamed since its directory was listed
        return None


def _inodes(directory: str) -> dict[int, str] | None:
    try:
        with os.scandir(directory) as entries:
            return {entry.inode(): entry.path for entry in entries if entry.is_file(follow_symlinks=False)}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:
        return None
