"""Lists the files to be searched: those beneath directories, those that globs match, the outputs of a file sink.

Links are not followed, except in paths that an operator names in full. A file with several names is listed once.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from logbus.command_line.later import later
from logbus.config.patterns import Glob
from logbus.errors import UsageError, describe, visible
from sinks.search.asking import Source
from sinks.search.files.opening import DRAFT, identity_of, renamed
from sinks.search.files.placeholders import outputs_of

if TYPE_CHECKING:
    from sinks.file.template import parse as template_of
    from sinks.file.upkeep.rotation import is_rotated
else:
    is_rotated = later("sinks.file.upkeep.rotation", "is_rotated")
    template_of = later("sinks.file.template", "parse")

_GLOB_PART: Final = re.compile(r"\*\*/?|\*|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)
_SPECIAL: Final = re.compile(r"[*?\[]")


class Listing(Struct):
    """The files, by what tells them from others; `flaws`: what could not be listed; links that were passed over."""

    found: dict[tuple[int, int], Source] = field(default_factory=dict)
    flaws: list[str] = field(default_factory=list)
    links: int = 0

    def sources(self) -> list[Source]:
        """Return the files; of a rotated one and its compression, which is about to take its place, only the former."""
        paths = {each.path for each in self.found.values()}
        return [each for each in self.found.values() if not _is_twin(each.path, paths)]

    def add(
        self,
        path: Path,
        inode: int = 0,
        *,
        follow: bool = False,
        told: Mapping[str, str] | None = None,
        layout: str = "",
    ) -> None:
        """Add a file; what is none is left out. `inode`: as it was listed, if it was."""
        try:
            status = path.stat(follow_symlinks=follow)
        except FileNotFoundError:
            self._moved(path, inode, told, layout)
            return
        except OSError as error:
            self.flaws.append(f"cannot search {visible(path)}: {describe(error)}")
            return
        if inode and status.st_ino != inode:
            self._moved(path, inode, told, layout)
        if stat.S_ISREG(status.st_mode):
            changed_us = status.st_mtime_ns // 1000
            source = Source(path, identity_of(status), status.st_size, changed_us, told or {}, layout, follow)
            self.found.setdefault(source.identity, source)

    def _moved(self, path: Path, inode: int, told: Mapping[str, str] | None, layout: str) -> None:
        """Add a file that has another name since it was listed, or say that it is gone."""
        packed = path.with_name(f"{path.name}.gz")
        now = [*renamed(path, inode), *([packed] if packed.is_file() else [])]
        for each in now:
            self.add(each, told=told, layout=layout)
        if not now:
            self.flaws.append(f"cannot search {visible(path)}: it was moved or deleted meanwhile (search again)")

    def walk(self, base: Path, wants: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """Yield files beneath a directory that are wanted, by name: their paths relative to it, and their inodes."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(base / folder) as entries:
                    inside = sorted(entries, key=lambda each: each.name, reverse=True)
            except OSError as error:
                self.flaws.append(f"cannot search {visible(base / folder)}: {describe(error)}")
                continue
            files = []
            for each in inside:
                path = f"{folder}{each.name}"
                if each.is_symlink():
                    self.links += wants(path)
                elif each.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                elif each.is_file(follow_symlinks=False) and wants(path):
                    files.append((path, each.inode()))
            yield from reversed(files)


def _is_twin(path: Path, paths: set[Path]) -> bool:
    if path.name.startswith(".") and path.name.endswith(DRAFT):
        return True
    if path.name.endswith(".gz.new") and is_rotated(path.with_suffix("")):
        return True
    return path.suffix == ".gz" and path.with_suffix("") in paths and is_rotated(path)


def of_paths(paths: Sequence[str], wanted: Glob | None = None) -> Listing:
    """Return the files of paths, directories and globs; `wanted`: a glob for whole paths. Raises UsageError."""
    listing = Listing()
    for text in paths:
        before = len(listing.found) + len(listing.flaws)
        path = Path(text)
        if path.is_dir():
            _add_beneath(listing, path, lambda _relative: True, wanted)
        elif path.exists() or not _SPECIAL.search(text):
            _add_named(listing, path)
        else:
            base, pattern = _glob(text)
            matches = pattern.fullmatch
            _add_beneath(listing, base, lambda relative, matches=matches: bool(matches(relative)), wanted)  # type: ignore[misc]
            if len(listing.found) + len(listing.flaws) == before:
                raise UsageError(f"search {text}", "no file matches", "quote globs, and check the directory")
    return listing


def _add_named(listing: Listing, path: Path) -> None:
    """Add a file that is named in full. Raises UsageError if it is not there."""
    try:
        status = path.stat()
    except OSError as error:
        raise UsageError(f"search {path}", error, "name a file, a directory or a glob") from error
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"search {path}", "it is not a regular file", "name a file, a directory or a glob")
    listing.add(path, follow=True)


def _add_beneath(listing: Listing, base: Path, wants: Callable[[str], bool], wanted: Glob | None) -> None:
    for relative, inode in listing.walk(base, wants):
        if wanted is None or wanted(str(base / relative)):
            listing.add(base / relative, inode)


def _glob(text: str) -> tuple[Path, re.Pattern[str]]:
    """Return the directory before the first wildcard, and the pattern of what is beneath it."""
    first = _SPECIAL.search(text)
    assert first  # noqa: S101 - the caller saw one
    at = text.rfind("/", 0, first.start()) + 1
    pattern = "".join(map(_translated, _GLOB_PART.findall(text[at:])))
    try:
        return Path(text[:at] or "."), re.compile(pattern, re.DOTALL)
    except re.error:
        raise UsageError(f"search {text}", "it is no glob", "as in 'logs/*/app.log*'") from None


def _translated(part: str) -> str:
    if part.startswith("**"):
        return "(?:.*/)?" if part.endswith("/") else ".*"
    if part in ("*", "?"):
        return "[^/]*" if part == "*" else "[^/]"
    if part.startswith("[") and len(part) > 1:
        inside = part[1:-1].replace("\\", r"\\").replace("[", r"\[")
        return f"[{'^' + inside[1:] if inside.startswith('!') else inside}]"
    return re.escape(part)


def add_outputs(listing: Listing, template: str, layout: str, wanted: Mapping[str, Glob]) -> set[str]:
    """Add the outputs of a file sink, by its template and format; return the names that the template does not tell."""
    parsed = template_of(template)
    outputs = outputs_of(parsed)
    if parsed.base.is_dir():
        for relative, inode in listing.walk(parsed.base, lambda path: outputs.told(path) is not None):
            told = outputs.told(relative) or {}
            if all(_matches(name, glob, told) for name, glob in wanted.items()):
                listing.add(parsed.base / relative, inode, told=told, layout=layout)
    else:
        listing.flaws.append(f"cannot search {visible(parsed.base)}: there is no such directory")
    return set(wanted) - set(outputs.names)


def _matches(name: str, glob: Glob, told: Mapping[str, str]) -> bool:
    if name not in told:
        return True
    return glob(told[name]) or (name == "path" and glob(f"/{told[name]}"))
