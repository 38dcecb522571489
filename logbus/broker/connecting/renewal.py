"""Certificates and passwords as time goes by: until when they are valid, and whether they were replaced.

Until when certificates are valid is a metric, and a warning once a day near the end; our files are read again each
hour. Whether files were replaced is looked at every ten seconds: RabbitMQ keeps a connection whose password or
certificate is no longer valid, until something closes it at a worse time.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from logbus import telemetry
from logbus.config.tls import expires_s
from logbus.errors import UsageError, counted, visible

if TYPE_CHECKING:
    from logbus.config.settings import Broker

logger = logging.getLogger("logbus.certificates")

DAY_S: Final = 86_400.0
WARN_FROM_S: Final = 30 * DAY_S
LOOK_EVERY_S: Final = 3600.0
REPLACED_EVERY_S: Final = 10.0
NAMES: Final = {"ca_file": "ca", "cert_file": "client"}


class Expiries:
    """Measures and warns; `now` returns the time as `time.time` does."""

    def __init__(self, broker: "Broker", now: Callable[[], float] = time.time) -> None:
        self._broker = broker
        self._now = now
        self._server: tuple[float, str] | None = None
        self._warned: dict[tuple[str, float], float] = {}

    def watch(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        """Look now, and each hour from now on."""
        self.look()
        call_later(LOOK_EVERY_S, lambda: self.watch(call_later))

    def look(self) -> None:
        """Measure the certificates in our files, and RabbitMQ's of the last connection."""
        for key, at_s in self._broker.tls_files.expiries().items():
            self._measure(NAMES[key], at_s, f"a certificate in {key} {getattr(self._broker, key)}")
        if self._server:
            at_s, where = self._server
            self._measure("server", at_s, f"the certificate of RabbitMQ at {where}")

    def connected(self, der: bytes, where: str) -> None:
        """Note RabbitMQ's certificate: a connection to `where` was opened."""
        with suppress(ValueError):
            self._server = expires_s(der), where
        self.look()

    def _measure(self, name: str, at_s: float, what: str) -> None:
        telemetry.gauge("logbus_certificate_expires_seconds", at_s, certificate=name)
        now = self._now()
        if at_s - now > WARN_FROM_S or now - self._warned.get((name, at_s), float("-inf")) < DAY_S:
            return
        self._warned = {key: warned for key, warned in self._warned.items() if now - warned < DAY_S}
        self._warned[(name, at_s)] = now
        logger.warning("%s %s: replace it (docs/tls.md)", visible(what), _in_words(at_s, now))


def _in_words(at_s: float, now: float) -> str:
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at_s))
    if at_s <= now:
        return f"expired on {date}"
    return f"expires in {counted(int((at_s - now) / DAY_S), 'day')}, on {date}"


class Replaced:
    """Calls `renew` once a password or TLS file that a connection uses was replaced, and what is there now is usable.

    Two looks in turn have to see the same files: else one might see a new certificate beside the old key.
    """

    def __init__(self, broker: "Broker", renew: Callable[[], None]) -> None:
        self._broker = broker
        self._renew = renew
        self._used = self._seen = broker.file_versions()

    def used(self) -> None:
        """Note that a connection is being opened with the files as they are."""
        self._used = self._seen = self._broker.file_versions()

    def watch(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        """Look every ten seconds, from the next ten on."""

        def look_again() -> None:
            self.look()
            call_later(REPLACED_EVERY_S, look_again)

        if self._used:
            call_later(REPLACED_EVERY_S, look_again)

    def look(self) -> None:
        """Renew the connection if it is time to."""
        present = self._broker.file_versions()
        settled, self._seen = present == self._seen, present
        if settled and present != self._used and self._is_usable():
            logger.warning("a password or TLS file was replaced: connecting anew")
            self._renew()

    def _is_usable(self) -> bool:
        try:
            self._broker.check()
        except UsageError:
            return False
        return True
