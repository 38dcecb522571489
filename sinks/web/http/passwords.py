"""Who may come in: whoever knows the token, or a user of a file with hashes of passwords.

A line of the file is `NAME:scrypt:N:R:P:SALT:HASH`, salt and hash in hexadecimal digits; see `line_for`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from logbus.config.secret_sources import read_secret, version_of
from logbus.errors import UsageError

TOKEN_MIN: Final = 16
PASSWORD_MAX: Final = 1024
NAME_MAX: Final = 64
_N, _R, _P = 1 << 15, 8, 3
"""32 MiB and about 0.2 s for each guess."""
_N_MAX: Final = 1 << 17
_P_MAX: Final = 8
_MEMORY_BYTES: Final = 160 << 20
_PARTS: Final = 7


class Hash(Struct, frozen=True):
    """How a password was hashed."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def fits(self, password: str) -> bool:
        """Return True if it is the hash of a password. Takes a while, on purpose."""
        data = password.encode(errors="surrogatepass")
        made = hashlib.scrypt(data, salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=_MEMORY_BYTES)
        return hmac.compare_digest(made[: len(self.digest)], self.digest)


def hashed(password: str) -> Hash:
    """Return a new hash of a password."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY_BYTES)
    return Hash(_N, _R, _P, salt, digest)


NOBODYS: Final = Hash(_N, _R, _P, bytes(16), bytes(64))
"""The hash of no password that anybody can find."""


def line_for(name: str, password: str) -> str:
    """Return the line of a users file. Raises UsageError for a name that no user can have, and a short password."""
    if not name.isidentifier() and not name.replace("-", "").replace(".", "").isalnum():
        raise UsageError(f"name a user {name!r}", "it is not a valid name", "use letters, digits, - and .")
    if not 8 <= len(password) <= PASSWORD_MAX:  # noqa: PLR2004 - said in the message
        raise UsageError("hash a password", f"it does not have 8 to {PASSWORD_MAX} characters", "choose another")
    made = hashed(password)
    return f"{name}:scrypt:{made.n}:{made.r}:{made.p}:{made.salt.hex()}:{made.digest.hex()}"


def users_in(path: Path) -> dict[str, Hash]:
    """Return the users of a file. Raises UsageError if it cannot be read, is open to others, or has a flaw."""
    found: dict[str, Hash] = {}
    for number, line in enumerate(read_secret(path, "users").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            try:
                name, made = _user(line.strip())
            except ValueError:
                hint = "logbus-sinks web --password-for NAME prints a line"
                raise UsageError(f"read users {path}", f"line {number} names no user", hint) from None
            found[name] = made
    return found


def _user(line: str) -> tuple[str, Hash]:
    parts = line.split(":")
    if len(parts) != _PARTS or parts[1] != "scrypt" or not 0 < len(parts[0]) <= NAME_MAX:
        raise ValueError
    n, r, p = map(int, parts[2:5])
    made = Hash(n, r, p, bytes.fromhex(parts[5]), bytes.fromhex(parts[6]))
    if not (1 < n <= _N_MAX and n & (n - 1) == 0 and r == _R and 0 < p <= _P_MAX and len(made.digest) >= 16):  # noqa: PLR2004
        raise ValueError
    return parts[0], made


def decoy_in(users: Mapping[str, Hash]) -> Hash:
    """Return what to compare with for a name that is not in the file: that must not show in the time it takes."""
    return next(iter(users.values()), NOBODYS)


class Users:
    """The users of a file, which is read again once it has changed; with a flaw in it, nobody can log in anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = version_of(str(path))
        self._users = users_in(path)

    def now(self) -> dict[str, Hash]:
        """Return the users as they are in the file now."""
        if (version := version_of(str(self._path))) != self._version:
            self._version = version
            try:
                self._users = users_in(self._path)
            except UsageError:
                self._users = {}
        return self._users


def token_in(path: Path) -> str:
    """Return the token of a file. Raises UsageError, also for one that can be guessed."""
    token = read_secret(path, "token_file").strip()
    if len(token) < TOKEN_MIN:
        raise UsageError("use the token", f"token_file {path} has fewer than {TOKEN_MIN} characters", "give a long one")
    return token
