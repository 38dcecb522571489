"""The keys of a web sink."""

from collections.abc import Callable
from typing import Final

import msgspec

from logbus.errors import UsageError
from logbus.telemetry.address import LOOPBACK, address_of

CANNOT: Final = "serve the web page"
DEFAULT: Final = "127.0.0.1:9480"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a web sink.

    `listen`: host and port. Who may come in: whoever knows the token in `token_file`, or the `users` of a file.
    `names`: how browsers call the page. `tls_cert` and `tls_key`: PEM files; `behind_proxy`: a proxy has TLS.
    `config`: the sinks.yml whose file sinks, or just those named in `archives`, can be searched. `hosts`: a file in
    which the hosts are remembered that were seen.
    """

    listen: str = DEFAULT
    token_file: str | None = None
    users: str | None = None
    names: list[str] = []
    tls_cert: str | None = None
    tls_key: str | None = None
    behind_proxy: bool = False
    config: str | None = None
    archives: list[str] = []
    hosts: str | None = None

    def __post_init__(self) -> None:
        """Check what goes together. Raises UsageError."""
        for check in _CHECKS:
            check(self)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return address_of(self.listen)

    @property
    def is_local(self) -> bool:
        """True if only this host can connect."""
        return self.address[0] in LOOPBACK

    @property
    def is_secure(self) -> bool:
        """True if browsers come by https."""
        return self.behind_proxy or self.tls_cert is not None


def _require_pair(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise UsageError(CANNOT, "of tls_cert and tls_key, one is missing", "give both, or none")


def _require_login(settings: Settings) -> None:
    if settings.is_local:
        return
    if not (settings.token_file or settings.users):
        cause = f"{settings.listen} can be reached from other hosts, and anybody could read all logs"
        raise UsageError(CANNOT, cause, "give token_file or users, or listen on 127.0.0.1")
    if not settings.is_secure:
        cause = f"{settings.listen} can be reached from other hosts, and passwords would travel in the clear"
        raise UsageError(CANNOT, cause, "give tls_cert and tls_key, or behind_proxy if a proxy has TLS")


def _require_names(settings: Settings) -> None:
    if not settings.names and (settings.behind_proxy or not settings.is_local):
        hint = "give names, such as logs.example.com"
        raise UsageError(CANNOT, "it is not known by which names browsers call it", hint)


def _require_config(settings: Settings) -> None:
    if settings.archives and not settings.config:
        raise UsageError(CANNOT, "archives names sinks, and config is missing", "give the sinks.yml as config")


def _require_address(settings: Settings) -> None:
    try:
        address_of(settings.listen)
    except UsageError as error:
        cause = f"listen {settings.listen!r} is no host and port"
        raise UsageError(CANNOT, cause, f"as in {DEFAULT}") from error


_CHECKS: Final[tuple[Callable[[Settings], None], ...]] = (
    *(_require_address, _require_pair, _require_login, _require_names, _require_config),
)
