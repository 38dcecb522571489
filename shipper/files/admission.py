"""Permission to follow a symbolic link: only to files that the link's owner may read.

Otherwise anyone who can write to a log directory could make the shipper send files that only the shipper may read:
/etc/shadow if it runs as root, its own password if not. Links of root and of the shipper's own user are always
followed.
"""

# Paths are passed to the system unchanged, as in discovery.
# ruff: noqa: PTH115, PTH118, PTH120

import errno
import os
import pwd
import stat
from collections.abc import Collection
from functools import lru_cache

from msgspec import Struct

from logbus.errors import SourceError

MOST_LINKS = 40
"""As many as Linux follows."""


class Walk(Struct, frozen=True):
    """The result of resolving a path: the file's own path, and the links on the way, each with its status."""

    real_path: str
    links: tuple[tuple[str, os.stat_result], ...]


def walk(path: str) -> Walk:
    """Resolve an absolute path component by component. Raises OSError."""
    at, links = "/", []
    rest = path.split("/")[::-1]
    while rest:
        name = rest.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            at = os.path.dirname(at)
            continue
        here = os.path.join(at, name)
        status = os.lstat(here)
        if not stat.S_ISLNK(status.st_mode):
            at = here
            continue
        links.append((here, status))
        if len(links) > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(here)
        at = "/" if target.startswith("/") else at
        rest += target.split("/")[::-1]
    return Walk(at, tuple(links))


def require_permitted(path: str, opened: os.stat_result) -> None:
    """Raise SourceError if a link on the way to the opened file belongs to a user who may not read the file.

    The checked links lead to this very file, even if one was swapped meanwhile. Raises OSError.
    """
    found = walk(path)
    if not os.path.samestat(os.lstat(found.real_path), opened):
        raise SourceError(f"read {path}", "it was replaced while being opened")
    for link, status in found.links:
        if status.st_uid not in {0, os.geteuid()} and not _reaches(link, status, found.real_path, opened):
            raise SourceError(
                f"read {path}",
                f"the link {link} belongs to user {status.st_uid}, who may not read its target",
                "name the file itself, or let that user read it",
            )


def _reaches(link: str, status: os.stat_result, real_path: str, opened: os.stat_result) -> bool:
    """Return True if a link's owner may read the file, and enter the directories that do not contain the link."""
    groups = {status.st_gid, *groups_of(status.st_uid)}
    beneath = os.path.dirname(link)
    directory = os.path.dirname(real_path)
    while not f"{beneath}/".startswith(f"{directory.rstrip('/')}/"):
        if not may(stat.S_IXOTH, status.st_uid, groups, os.lstat(directory)):
            return False
        directory = os.path.dirname(directory)
    return may(stat.S_IROTH, status.st_uid, groups, opened)


def may(what: int, uid: int, groups: Collection[int], status: os.stat_result) -> bool:
    """Return True if a mode lets a user read (S_IROTH) a file or enter (S_IXOTH) a directory, as the kernel decides."""
    if status.st_uid == uid:
        return bool(status.st_mode & what << 6)
    return bool(status.st_mode & (what << 3 if status.st_gid in groups else what))


@lru_cache(256)
def groups_of(uid: int) -> frozenset[int]:
    """Return the groups of a user; none for an unknown user. Raises OSError if the users cannot be looked up."""
    try:
        user = pwd.getpwuid(uid)
        return frozenset(os.getgrouplist(user.pw_name, user.pw_gid))
    except KeyError:
        return frozenset()
