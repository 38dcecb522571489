"""RabbitMQ's address and our credentials: URLs, passwords from files, TLS files. No repr or error shows a secret.

An AMQP URL is `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS, whose certificates are always verified.
By default, the user and password are guest, the port is 5672 (5671 with TLS) and the vhost `/`.
"""

import os
import re
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from logbus.errors import UsageError

DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/"
GUEST = "guest"
DEFAULT_PORTS = {"amqp": 5672, "amqps": 5671}
MAX_SECRET_BYTES = 64 * 1024
HOW_TO_HIDE = "give a file that holds the secret, and that only this user can read"
EXAMPLE = "write it as amqp://USER:PASSWORD@HOST:5672/VHOST, with % escapes for special characters"

_ANY = re.DOTALL | re.IGNORECASE
_AUTHORITY = re.compile(r"^(?P<scheme>[a-z]*://)?(?P<user>[^:]*)(?P<password>:.*)?@(?P<rest>[^@?]*)", _ANY)
_MANAGEMENT = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?(/[\w./-]*)?")
_NOT_A_PORT = re.compile(r"(?<!/):(?!//)(?!\d{1,5}(/|$))[^\]]*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One RabbitMQ node to connect to. Its repr omits the password."""

    host: str
    port: int
    vhost: str
    username: str
    password: str = field(repr=False)
    tls: bool = False


class Broker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `broker` section: one URL, or several to try in turn.

    `password_file` holds the password for every URL without one; the TLS files are PEM, `heartbeat_s` is seconds.
    `management` is the http:// or https:// address of RabbitMQ's management plugin.
    Without `user_id`, batches do not state who publishes them.
    """

    url: str | Annotated[list[str], msgspec.Meta(min_length=1)] = DEFAULT_URL
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    heartbeat_s: Annotated[int, msgspec.Meta(ge=1, le=600)] = 10
    management: str | None = None
    user_id: bool = True

    def __post_init__(self) -> None:
        """Check the URLs, and that every TLS file is used. Raises UsageError."""
        schemes = {_split(url)[0].scheme for url in self._urls()}
        unused = [name for name in ("ca_file", "cert_file", "key_file") if getattr(self, name)]
        if unused and "amqps" not in schemes:
            raise UsageError(
                f"use {', '.join(unused)}", "no broker URL begins with amqps://", "TLS needs one that does"
            )
        if self.management is not None and not _MANAGEMENT.fullmatch(self.management):
            raise UsageError("use management", "it is no address", "write it as http://HOST:15672")
        if self.key_file and not self.cert_file:
            raise UsageError("use key_file", "there is no cert_file", "give the certificate that key_file belongs to")

    def __repr__(self) -> str:
        return f"Broker({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Return the fields to show, also for rich."""
        rest = [(name, getattr(self, name)) for name in self.__struct_fields__ if name != "url"]
        return [("url", [redacted(url) for url in self._urls()]), *rest]

    def endpoints(self) -> list[Endpoint]:
        """Return the nodes to connect to, in the given order. Raises UsageError, also for an unusable password file."""
        secret = None if self.password_file is None else read_secret(Path(self.password_file), "password_file")
        return [_endpoint(url, secret) for url in self._urls()]

    def shown(self) -> str:
        """Return the URLs for display, without passwords."""
        return " or ".join(map(redacted, self._urls()))

    def check(self) -> None:
        """Raise UsageError if the password file or a required TLS file is unusable now."""
        if any(each.tls for each in self.endpoints()):
            self.tls_context()

    def tls_context(self) -> ssl.SSLContext:
        """Return the context that verifies the broker's certificate and host name. Raises UsageError for bad PEM."""
        for name in ("ca_file", "cert_file", "key_file"):
            with _naming(name, getattr(self, name), "give a PEM file that this user can read"):
                _require_regular(getattr(self, name))
        with _naming("ca_file", self.ca_file, "it must hold the certificates of CAs, as PEM"):
            context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            hint = "key_file must hold the key of cert_file" if self.key_file else "add key_file, the certificate's key"
            with _naming("cert_file", self.cert_file, f"{hint}; both as PEM"):
                context.load_cert_chain(self.cert_file, self.key_file, _no_passphrase)
        return context

    def _urls(self) -> list[str]:
        return [self.url] if isinstance(self.url, str) else self.url


@contextmanager
def _naming(key: str, path: str | None, hint: str) -> Iterator[None]:
    """Turn what is wrong with the file of a key into a UsageError that names both."""
    try:
        yield
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise UsageError(f"use {key} {path} for TLS", reason, hint) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"use {key} {path} for TLS", error, hint) from None


def _require_regular(path: str | None) -> None:
    """Raise OSError or ValueError for a path that cannot be read, or would block like a FIFO."""
    if path is not None and not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a path as the operating system accepts it
        raise ValueError("it is not a regular file")


def _no_passphrase() -> str:
    """Keep OpenSSL from prompting for a key's passphrase on a terminal."""
    raise ValueError("the key is encrypted: give one without a passphrase")


def redacted(url: str) -> str:
    """Return `url` for display, as `amqp://user:***@host`: without anything like a password, even if it is invalid."""
    found = _AUTHORITY.match(url)
    if not found:
        return _NOT_A_PORT.sub(":***", url.partition("?")[0])
    password = ":***" if found["password"] else ""
    return f"{found['scheme'] or ''}{found['user']}{password}@{found['rest']}"


def read_secret(path: Path, key: str) -> str:
    """Return the content of the secret file that the setting `key` names, without one trailing newline.

    Raises UsageError when it cannot be read, is not a regular file, is open to other users, is empty or too large.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not block us
        with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor has no Path
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise UsageError("read a secret", f"{key} {path} is not a regular file", HOW_TO_HIDE)
            if status.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise UsageError("read a secret", f"every user may read or write {key} {path}", f"chmod 600 {path}")
            content = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = f"{key} {path}: {getattr(error, 'strerror', None) or error}"
        raise UsageError("read a secret", cause, HOW_TO_HIDE) from None
    return _secret_text(f"{key} {path}", content)


def _secret_text(what: str, content: bytes) -> str:
    if not content.strip() or len(content) > MAX_SECRET_BYTES:
        raise UsageError("read a secret", f"{what} is empty, or larger than {MAX_SECRET_BYTES} bytes", HOW_TO_HIDE)
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError("read a secret", f"{what} is not UTF-8", HOW_TO_HIDE) from None


def _endpoint(url: str, secret: str | None) -> Endpoint:
    parts, port = _split(url)
    password = secret if parts.password is None else unquote(parts.password)
    if password is None and parts.username is not None:
        raise _bad(url, "names a user and no password, and there is no password_file")
    return Endpoint(
        host=parts.hostname or "",
        port=port,
        vhost=unquote(parts.path[1:]) or "/",
        username=unquote(parts.username or GUEST),
        password=GUEST if password is None else password,
        tls=parts.scheme == "amqps",
    )


def _split(url: str) -> tuple[SplitResult, int]:
    """Return the parts of an AMQP URL and its port. Raises UsageError, without any password in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may contain part of the password
        raise _bad(url, "is not a valid URL") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise _bad(url, "does not begin with amqp:// or amqps://")
    if not parts.hostname:
        raise _bad(url, "names no host")
    if {"/", "@"} & set(parts.path[1:]):  # an @ here most likely ends a password that contains a slash
        raise _bad(url, "has a bare / or @ in its vhost or password (write %2F, %40)")
    if parts.query or parts.fragment:
        raise _bad(url, "has a part after ? or #, which has no meaning here")
    return parts, port or DEFAULT_PORTS[parts.scheme]


def _bad(url: str, flaw: str) -> UsageError:
    return UsageError("use the broker URL", f"{redacted(url)!r} {flaw}", EXAMPLE)
