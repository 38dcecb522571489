"""Which names are those of rotated files: what one life after another of a log is called, as far as names tell."""

# Names go to the system as they are.
# ruff: noqa: PTH118, PTH120

import os
import re
from collections import defaultdict
from collections.abc import Iterable

from shipper.discovery import COMPRESSED

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
    """The files of directories, by family, the newest first; each directory is listed once."""

    def __init__(self) -> None:
        self._directories: dict[str, dict[str, list[str]]] = {}

    def of(self, path: str) -> list[str]:
        """Return the files beside `path` that are of its family, itself left out."""
        families = self._in(os.path.dirname(path))
        return [each for each in families.get(family(path), []) if each != path]

    def _in(self, directory: str) -> dict[str, list[str]]:
        if directory not in self._directories:
            self._directories[directory] = _by_family(_files(directory))
        return self._directories[directory]


def _files(directory: str) -> list[tuple[int, str]]:
    try:
        with os.scandir(directory) as entries:
            return [
                (entry.stat(follow_symlinks=False).st_mtime_ns, entry.path)
                for entry in entries
                if entry.is_file(follow_symlinks=False)
            ]
    except OSError:
        return []


def _by_family(files: Iterable[tuple[int, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for _, path in sorted(files, reverse=True):
        found[family(path)].append(path)
    return found
