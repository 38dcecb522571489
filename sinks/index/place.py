"""Which output a block is in: its token, an extended attribute that tells whether rows about a file still hold.

An inode number is used again, many file systems tell no generation, and a file that was truncated and grew again has
the same inode. So each output gets 16 random bytes, and gets others whenever its length is not the expected one: with
that, every row about the old bytes is void at once, whatever becomes of the database. They follow a rename. A copy has
another inode, which is checked too. Without extended attributes there is no token, and no index.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

TOKEN_BYTES: Final = 16
_TOKEN: Final = "user.logbus.index"  # noqa: S105 - an attribute's name
COMPRESSIONS: Final[Mapping[str, int]] = {"none": 0, "zstd": 1, "gzip": 2}


class Place(Struct, frozen=True):
    """An output: its token, its `identity` (inode and generation), its path, and 0, 1 or 2 for none, zstd or gzip."""

    token: bytes
    identity: str
    path: str
    compression: int = 0


class Written(Struct, frozen=True, gc=False):
    """The bytes [begin, end) of an output, as they are on disk."""

    place: Place
    begin: int
    end: int


class Follower(Protocol):
    """What follows rotated outputs."""

    def moved(self, path: Path) -> None:
        """Note that an output was rotated to `path`."""

    def packed(self, place: Place, content_bytes: int) -> None:
        """Note that the content of a rotated output is in another file now, whose path is absolute."""

    def forget(self, token: bytes) -> None:
        """Note that the output with this token is to be deleted."""


def token_of(file: int | Path) -> bytes:
    """Return the token of an open file, or of the one at a path that is no link; b"" if it has none."""
    try:
        if isinstance(file, int):
            return os.getxattr(file, _TOKEN)
        return os.getxattr(file, _TOKEN, follow_symlinks=False)
    except OSError:
        return b""


def give_token(fd: int, token: bytes = b"") -> bytes:
    """Give an open file this token, or a new one, in place of any other; return it, or b"" if that is impossible."""
    token = token or os.urandom(TOKEN_BYTES)
    try:
        os.setxattr(fd, _TOKEN, token)
    except OSError:
        return b""
    return token


def keep_token(fd: int) -> bytes:
    """Return the token of an open file, whose bytes are all known; a new one if it has none."""
    found = token_of(fd)
    return found if len(found) == TOKEN_BYTES else give_token(fd)
