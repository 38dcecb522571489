"""The way to RabbitMQ, one URL at a time: name, port, TLS, and until when certificates are valid.

Each step has a deadline. Those of name resolution are the system's own, so it is done in a thread that is left behind.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from logbus.broker.connecting.renewal import DAY_S, WARN_FROM_S
from logbus.broker.refusals import read_open_error
from logbus.config.tls import expires_s
from logbus.doctor.verdicts import Check, Verdict, ok, problem, problem_of, warning
from logbus.errors import LogbusError, counted, describe

if TYPE_CHECKING:
    from logbus.config.endpoints import Endpoint
    from logbus.config.settings import Broker

CERTIFICATES: Final = "certificates"
STEP_WITHIN_S: Final = 5.0
HOW_TO_RENEW: Final = "renew it: docs/tls.md shows in which order"


def ways(area: str, endpoint: "Endpoint", broker: "Broker") -> Iterator[Check]:
    """Yield a check for each step to a node, up to the first that fails."""
    where = f"{endpoint.host}:{endpoint.port}"
    addresses = resolved(endpoint.host, endpoint.port)
    if isinstance(addresses, str):
        yield problem(area, "name", f"{endpoint.host}: {addresses}", "check the URL, and the name server or /etc/hosts")
        return
    yield ok(area, "name", f"{endpoint.host} is {', '.join(addresses)}")
    try:
        with contextlib.closing(_connected(addresses, endpoint.port)) as plain:
            yield ok(area, "port", f"{where} accepts connections")
            if endpoint.tls:
                yield from _tls(area, plain, endpoint, broker)
    except OSError as error:
        found = f"{where}: {describe(error) or 'no answer'}"
        yield problem(area, "port", found, "is RabbitMQ running there, and does a firewall let us through?")


def passed(checks: list[Check]) -> bool:
    """Return True if no step failed."""
    return all(each.verdict is not Verdict.PROBLEM for each in checks)


def files(broker: "Broker", now_s: float | None = None) -> Iterator[Check]:
    """Yield until when the certificates in our own files are valid."""
    names = {"ca_file": broker.ca_file, "cert_file": broker.cert_file}
    for key, at_s in broker.tls_files.expiries().items():
        yield validity(CERTIFICATES, f"{key} {names[key]}", at_s, time.time() if now_s is None else now_s)


def validity(area: str, name: str, at_s: float, now_s: float) -> Check:
    """Return the verdict on a certificate that expires at a time."""
    days = int(abs(at_s - now_s) // DAY_S)
    if at_s <= now_s:
        return problem(area, name, f"expired {counted(days, 'day')} ago", HOW_TO_RENEW)
    found = f"valid for {counted(days, 'day')} more"
    return warning(area, name, found, HOW_TO_RENEW) if at_s - now_s < WARN_FROM_S else ok(area, name, found)


def resolved(host: str, port: int, within_s: float = STEP_WITHIN_S) -> list[str] | str:
    """Return the addresses of a host, or why there are none."""
    found: list[list[str] | str] = []

    def look() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except (OSError, UnicodeError) as error:
            found.append(describe(error).lower())

    thread = threading.Thread(target=look, name="resolver", daemon=True)
    thread.start()
    thread.join(within_s)
    return found[0] if found else f"no answer within {within_s:.0f} s"


def _connected(addresses: list[str], port: int) -> socket.socket:
    """Return a connection to the first address that accepts one. Raises OSError."""
    due, trouble = time.monotonic() + STEP_WITHIN_S, OSError()
    for each in addresses:
        try:
            return socket.create_connection((each, port), max(0.1, due - time.monotonic()))
        except OSError as error:
            trouble = error
    raise trouble


def _tls(area: str, plain: socket.socket, endpoint: "Endpoint", broker: "Broker") -> Iterator[Check]:
    where = f"{endpoint.host}:{endpoint.port}"
    plain.settimeout(STEP_WITHIN_S)
    try:
        context = broker.tls_context()
        with context.wrap_socket(plain, server_hostname=endpoint.host, do_handshake_on_connect=True) as secure:
            der = secure.getpeercert(binary_form=True) or b""
            yield ok(area, "TLS", f"{secure.version()}, and the certificate is for {endpoint.host}")
    except LogbusError as error:
        yield problem_of(area, "TLS", error)
    except (OSError, ssl.SSLError) as error:
        yield problem_of(area, "TLS", read_open_error(error, where, external=endpoint.external))
    else:
        with contextlib.suppress(ValueError):
            yield validity(CERTIFICATES, f"of RabbitMQ at {where}", expires_s(der), time.time())
