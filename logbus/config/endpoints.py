"""RabbitMQ's address and our credentials: URLs, passwords, TLS files. No repr or error shows a secret.

An AMQP URL is `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS, whose certificates are always verified.
By default, the user and password are guest, the port is 5672 (5671 with TLS) and the vhost `/`.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from logbus.config.secret_sources import read_secret, run_for_secret, version_of
from logbus.errors import UsageError

if TYPE_CHECKING:
    import ssl

    from logbus.config.tls import TlsFiles

DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/"
GUEST = "guest"
DEFAULT_PORTS = {"amqp": 5672, "amqps": 5671}
EXAMPLE = "write it as amqp://USER:PASSWORD@HOST:5672/VHOST, with % escapes for special characters"

_ANY = re.DOTALL | re.IGNORECASE
_AUTHORITY = re.compile(r"^(?P<scheme>[a-z]*://)?(?P<user>[^:]*)(?P<password>:.*)?@(?P<rest>[^@?]*)", _ANY)
_MANAGEMENT = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?(/[\w./-]*)?")
_NOT_A_PORT = re.compile(r"(?<!/):(?!//)(?!\d{1,5}(/|$))[^\]]*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One RabbitMQ node to connect to. Its repr omits the password.

    With `external`, RabbitMQ takes the user from our certificate; `username` is "" unless the URL states it as well.
    """

    host: str
    port: int
    vhost: str
    username: str
    password: str = field(repr=False)
    tls: bool = False
    external: bool = False


class Broker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `broker` section: one URL, or several to try in turn.

    `password_file` holds the password for every URL without one, or `password_command` prints it; with `auth: external`
    the client certificate takes its place. The TLS files are PEM, `heartbeat_s` is seconds.
    `management` is the http:// or https:// address of RabbitMQ's management plugin.
    Without `user_id`, batches do not state who publishes them.
    """

    url: str | Annotated[list[str], msgspec.Meta(min_length=1)] = DEFAULT_URL
    auth: Literal["password", "external"] = "password"
    password_file: str | None = None
    password_command: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    heartbeat_s: Annotated[int, msgspec.Meta(ge=1, le=600)] = 10
    management: str | None = None
    user_id: bool = True

    def __post_init__(self) -> None:
        """Check the URLs, that every TLS file is used, and that there is one way to log in. Raises UsageError."""
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
        if self.password_file and self.password_command:
            raise UsageError("use password_command", "password_file and password_command are both given", "remove one")
        if self.auth == "external":
            self._check_external(schemes)

    def _check_external(self, schemes: set[str]) -> None:
        """Raise UsageError for what contradicts `auth: external`."""
        cannot = "use auth: external"
        if "amqp" in schemes:
            hint = "RabbitMQ takes the user from the client certificate: write amqps://"
            raise UsageError(cannot, "auth: external needs TLS, and a broker URL begins with amqp://", hint)
        if not self.cert_file:
            hint = "give cert_file and key_file: RabbitMQ takes the user from the certificate"
            raise UsageError(cannot, "auth: external needs a cert_file", hint)
        given = [name for name in ("password_file", "password_command") if getattr(self, name)]
        if any(_split(url)[0].password is not None for url in self._urls()):
            given.append("a password in the URL")
        if given:
            hint = "the certificate takes its place: remove it, or auth: external"
            raise UsageError(cannot, f"auth: external takes no password, and there is {' and '.join(given)}", hint)
        if self.management is not None:
            raise UsageError(cannot, "auth: external has no password, and management needs one", "remove management")

    def __repr__(self) -> str:
        return f"Broker({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Return the fields to show, also for rich."""
        rest = {name: getattr(self, name) for name in self.__struct_fields__ if name != "url"}
        if self.password_command:
            rest["password_command"] = [self.password_command[0], *("***" for _ in self.password_command[1:])]
        return [("url", [redacted(url) for url in self._urls()]), *rest.items()]

    def endpoints(self) -> list[Endpoint]:
        """Return the nodes to connect to, in the given order.

        Reads the password file, or runs the password command, which may take 10 s. Raises UsageError if it is unusable.
        """
        secret = None
        if self.password_file is not None:
            secret = read_secret(Path(self.password_file), "password_file")
        elif self.password_command is not None:
            secret = run_for_secret(self.password_command, "password_command")
        return [_endpoint(url, secret, external=self.auth == "external") for url in self._urls()]

    @property
    def vhost(self) -> str:
        """The virtual host of the first URL."""
        return _vhost(_split(self._urls()[0])[0])

    def shown(self) -> str:
        """Return the URLs for display, without passwords."""
        return " or ".join(map(redacted, self._urls()))

    def check(self) -> None:
        """Raise UsageError if the password's source or a required TLS file is unusable now."""
        if any(each.tls for each in self.endpoints()):
            self.tls_context()

    def tls_context(self) -> "ssl.SSLContext":
        """Return the context that verifies the broker's certificate and host name. Raises UsageError for bad PEM."""
        return self.tls_files.context()

    @property
    def tls_files(self) -> "TlsFiles":
        """The TLS files."""
        from logbus.config.tls import TlsFiles  # noqa: PLC0415 - with ssl, long to import: no search needs it

        return TlsFiles(self.ca_file, self.cert_file, self.key_file)

    def file_versions(self) -> tuple[object, ...]:
        """Return what differs once a file of these settings is replaced or changed; () without any."""
        files = (self.password_file, self.ca_file, self.cert_file, self.key_file)
        return tuple(version_of(path) for path in files if path)

    def _urls(self) -> list[str]:
        return [self.url] if isinstance(self.url, str) else self.url


def redacted(url: str) -> str:
    """Return `url` for display, as `amqp://user:***@host`: without anything like a password, even if it is invalid."""
    found = _AUTHORITY.match(url)
    if not found:
        return _NOT_A_PORT.sub(":***", url.partition("?")[0])
    password = ":***" if found["password"] else ""
    return f"{found['scheme'] or ''}{found['user']}{password}@{found['rest']}"


def _endpoint(url: str, secret: str | None, *, external: bool) -> Endpoint:
    parts, port = _split(url)
    password = secret if parts.password is None else unquote(parts.password)
    if password is None and parts.username is not None and not external:
        raise _bad(url, "names a user and no password, and there is no password_file or password_command")
    nobody = "" if external else GUEST
    return Endpoint(
        host=parts.hostname or "",
        port=port,
        vhost=_vhost(parts),
        username=unquote(parts.username or nobody),
        password=nobody if password is None else password,
        tls=parts.scheme == "amqps",
        external=external,
    )


def _vhost(parts: SplitResult) -> str:
    return unquote(parts.path[1:]) or "/"


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
