"""Where messages go: a webhook, a mail server or a command. No repr, error or line of these shows a secret."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from logbus.config.secret_sources import read_secret, run_for_secret
from logbus.config.tls import TlsFiles
from logbus.errors import UsageError

CANNOT: Final = "use the destination"
Shape = Literal["json", "slack", "mattermost", "teams"]
Command = Annotated[list[str], msgspec.Meta(min_length=1)]
_ADDRESS: Final = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]{1,64}@[A-Za-z0-9.-]{1,255}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,255}|[0-9a-fA-F:.]{2,45}")
_SCHEMES: Final = ("https", "http")


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A URL that takes a POST of JSON, from `url`, `url_file` or `url_command`; it is a secret. `shape`: whose JSON."""

    url: str | None = None
    url_file: str | None = None
    url_command: Command | None = None
    shape: Shape = "json"
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Check that there is one URL. Raises UsageError, without it."""
        given = [each for each in ("url", "url_file", "url_command") if getattr(self, each)]
        if len(given) != 1:
            raise UsageError(CANNOT, "a webhook needs one of url, url_file and url_command", "url_file hides it best")
        if self.url:
            parts_of(self.url)

    def __repr__(self) -> str:
        return f"Webhook({self.shape})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Return the fields to show, also for rich."""
        return [("shape", self.shape)]

    def target(self) -> SplitResult:
        """Return the URL now, in parts: reads its file, or runs its command. Raises UsageError, without it."""
        if self.url_file:
            return parts_of(read_secret(Path(self.url_file), "url_file").strip())
        if self.url_command:
            return parts_of(run_for_secret(self.url_command, "url_command").strip())
        return parts_of(self.url or "")


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mail server: `server` and `port`, by `tls`; `user` with a password; from `sender` to `recipients`."""

    server: str
    sender: str
    recipients: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_file: str | None = None
    password_command: Command | None = None
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Check addresses, and what belongs together. Raises UsageError."""
        if not _HOST.fullmatch(self.server):
            raise UsageError(CANNOT, f"{self.server!r} is no host", "give a name or an address, and port apart")
        for each in (self.sender, *self.recipients):
            if not _ADDRESS.fullmatch(each):
                raise UsageError(CANNOT, f"{each!r} is no mail address", "write it as ops@example.org")
        passwords = [each for each in (self.password_file, self.password_command) if each]
        if bool(self.user) != (len(passwords) == 1) or len(passwords) > 1:
            raise UsageError(
                CANNOT, "user and password do not go together", "give both: user, and password_file or password_command"
            )
        if self.user and self.tls == "none":
            raise UsageError(CANNOT, "with tls: none the password would be readable", "use starttls or tls")

    def __repr__(self) -> str:
        return f"Mail({self.server}:{self.port})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Return the fields to show, also for rich."""
        return [("server", self.server), ("port", self.port), ("recipients", self.recipients)]

    def password(self) -> str | None:
        """Return the password now, None without one. Raises UsageError, without it."""
        if self.password_file:
            return read_secret(Path(self.password_file), "password_file")
        return run_for_secret(self.password_command, "password_command") if self.password_command else None


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of a `webhook`, a `mail` server, and a `command` with its arguments, which gets JSON on standard input."""

    webhook: Webhook | None = None
    mail: Mail | None = None
    command: Command | None = None

    def __post_init__(self) -> None:
        """Check that there is one. Raises UsageError."""
        if sum(each is not None for each in (self.webhook, self.mail, self.command)) != 1:
            raise UsageError(CANNOT, "it needs one of webhook, mail and command", "give each destination a name")

    def __repr__(self) -> str:
        return f"Destination({self.shown()})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Return the fields to show, also for rich."""
        return [("is", self.shown())]

    def shown(self) -> str:
        """Return what it is for display: of a webhook's URL or a command's arguments nothing."""
        if self.webhook:
            return f"a webhook ({self.webhook.shape})"
        if self.mail:
            return f"mail to {', '.join(self.mail.recipients)} by {self.mail.server}:{self.mail.port}"
        return f"the command {self.command[0]}" if self.command else ""

    def check(self) -> None:
        """Raise UsageError if a secret or a file of certificates cannot be used now."""
        if self.webhook:
            self.webhook.target()
            TlsFiles(self.webhook.ca_file).context()
        if self.mail:
            self.mail.password()
            TlsFiles(self.mail.ca_file).context()


def parts_of(url: str) -> SplitResult:
    """Return a webhook's URL in parts. Raises UsageError, without any of it."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or " " in url or "@" in parts.netloc:
        raise UsageError(CANNOT, "the webhook's URL is none", "write it as https://HOST/PATH, with % escapes")
    return parts
