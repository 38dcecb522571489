"""Paths and globs, and the paths that they match.

A glob is matched component by component against directory entries, so that a name with glob characters can be given
literally, and a name may contain any bytes. `**` matches any number of directories, including none; symlinks are
followed, each real directory once. As in a shell, `*` does not match a leading dot.
"""

# Paths are tens of thousands of hostile strings, passed to the system unchanged.
# ruff: noqa: PTH100, PTH112, PTH116, PTH118

import fnmatch
import os
import re
from collections.abc import Iterator

from msgspec import Struct

_MAGIC = re.compile(r"[*?[]")

Directories = dict[str, OSError | None]
"""Directories to be watched, with the error of each that could not be read."""


class Pattern(Struct, frozen=True):
    """One absolute path or glob, split into components."""

    text: str
    parts: tuple[str, ...]
    matchers: tuple[re.Pattern[str] | None, ...]

    @property
    def literal(self) -> bool:
        """Whether it has no glob characters."""
        return not any(self.matchers)


def pattern(text: str) -> Pattern:
    """Return the pattern of a path or glob, made absolute."""
    text = os.path.abspath(text)
    parts = tuple(text.strip("/").split("/"))
    return Pattern(text, parts, tuple(_matcher(part) for part in parts))


def _matcher(part: str) -> re.Pattern[str] | None:
    if not _MAGIC.search(part):
        return None
    hidden = "" if part.startswith(".") else r"(?!\.)"
    return re.compile(hidden + fnmatch.translate(part))


def walk(each: Pattern, directories: Directories) -> Iterator[str]:
    """Yield the paths that match, whatever they are; add the directories to watch."""
    yield from _descend("/", each, 0, directories, set())


def _descend(
    base: str, each: Pattern, depth: int, directories: Directories, visited: set[tuple[int, int]]
) -> Iterator[str]:
    """Yield the paths under `base` that match from component `depth` on; add the directories to watch."""
    part, matcher = each.parts[depth], each.matchers[depth]
    last = depth == len(each.parts) - 1
    if part == "**" and not last:
        yield from _descend_any(base, each, depth, directories, visited)
        return
    if last:
        directories.setdefault(base)
    names = [part] if matcher is None else _names(base, matcher, directories)
    if matcher is not None and part not in names and os.path.lexists(os.path.join(base, part)):
        names.append(part)
    for name in names:
        path = os.path.join(base, name)
        if last:
            yield path
        elif os.path.isdir(path):
            yield from _descend(path, each, depth + 1, directories, visited)


def _descend_any(
    base: str, each: Pattern, depth: int, directories: Directories, visited: set[tuple[int, int]]
) -> Iterator[str]:
    try:
        status = os.stat(base)
    except OSError:
        return
    if (status.st_dev, status.st_ino) in visited:
        return
    visited.add((status.st_dev, status.st_ino))
    directories.setdefault(base)
    yield from _descend(base, each, depth + 1, directories, set())
    for name in _names(base, None, directories):
        path = os.path.join(base, name)
        if os.path.isdir(path):
            yield from _descend_any(path, each, depth, directories, visited)


def _names(base: str, matcher: re.Pattern[str] | None, directories: Directories) -> list[str]:
    try:
        with os.scandir(base) as entries:
            if matcher is None:
                return sorted(entry.name for entry in entries if not entry.is_file(follow_symlinks=False))
            return sorted(entry.name for entry in entries if matcher.match(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        directories[base] = error
        return []


def matches(each: Pattern, path: str) -> bool:
    """Return True if a path or glob names `path`."""
    return path == each.text or _match_from(each, 0, path.strip("/").split("/"), 0)


def _match_from(each: Pattern, depth: int, names: list[str], at: int) -> bool:
    if depth == len(each.parts):
        return at == len(names)
    part, matcher = each.parts[depth], each.matchers[depth]
    if part == "**" and depth < len(each.parts) - 1:
        return any(_match_from(each, depth + 1, names, skip) for skip in range(at, len(names)))
    if at == len(names):
        return False
    fits = names[at] == part or (matcher is not None and matcher.match(names[at]) is not None)
    return fits and _match_from(each, depth + 1, names, at + 1)
