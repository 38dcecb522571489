"""Failures of pika and RabbitMQ, translated into our own errors. No pika here: its exceptions are known by name.

`read_open_error` translates what a connection attempt ended with, `read_close` the reply of a closed channel or
connection.
"""

import re
import ssl
from collections.abc import Iterator

from msgspec import Struct

from logbus.errors import BrokerError, BrokerRefused, BrokerUnavailable

ACCESS_REFUSED = 403
NOT_FOUND = 404
RESOURCE_LOCKED = 405
PRECONDITION_FAILED = 406
NOT_ALLOWED = 530

_INEQUIVALENT = re.compile(r"inequivalent arg '([^']+)' for (exchange|queue) '([^']*)'")
_NO_CONFIGURE = re.compile(r"(?:access|configure access) to (exchange|queue) '([^']*)'")
_ACCESS = re.compile(r"(?:(\w+) )?access to (exchange|queue) '([^']*)' in vhost '([^']*)' refused for user '([^']*)'")
_MAY_NOT = {"configure": "configure", "write": "write to", "read": "read from"}
_NEEDED = {"exchange": "write", "queue": "read"}
"""The permission that normal work needs: to publish to exchanges, and to consume from queues."""
_UNACKNOWLEDGED = "delivery acknowledgement"
_EXPIRED_LOGIN = "token has expired"
_NO_QUEUE = re.compile(r"no queue '([^']*)'")
_TOO_LARGE = re.compile(r"message size \d+ is larger than (?:configured )?max size (\d+)")


_HTTP = b"HTTP/"
_TLS_ALERT = b"\x15\x03"
_PLAIN_PORT = "amqp:// needs RabbitMQ's plain port, usually 5672"
_CLIENT_CERTIFICATE = "it may demand a client certificate: give cert_file and key_file that it trusts"
_OLD_CLIENT = "replace cert_file and key_file: its certificate expired, or is not valid yet"
_FOREIGN_CLIENT = "cert_file must be signed by a CA that RabbitMQ trusts (ssl_options.cacertfile)"
_OLD_TLS = "RabbitMQ must offer TLS 1.2 or later (ssl_options.versions)"
_ALERTS = {
    "certificate required": _CLIENT_CERTIFICATE,
    "certificate expired": _OLD_CLIENT,
    "unknown ca": _FOREIGN_CLIENT,
    "bad certificate": _FOREIGN_CLIENT,
    "certificate unknown": _FOREIGN_CLIENT,
    "eof occurred": _CLIENT_CERTIFICATE,
    "protocol version": _OLD_TLS,
    "unsupported protocol": _OLD_TLS,
}
"""What to do about a failed TLS handshake, by a part of OpenSSL's reason."""
_EXPIRED, _NOT_YET, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64
_UNVERIFIED = {
    _EXPIRED: "renew RabbitMQ's certificate, or a CA's in ca_file; or is this host's clock wrong?",
    _NOT_YET: "is this host's clock right?",
    _OTHER_HOST: "the URL must use a name in the certificate, or RabbitMQ a certificate with the URL's name",
    _OTHER_ADDRESS: "the URL must use a name in the certificate, or RabbitMQ a certificate with the URL's address",
}
"""What to do about a certificate of RabbitMQ that OpenSSL cannot verify, by OpenSSL's number."""
_ANOTHER_CA = "ca_file must hold the CA that signed it; several CAs may stand one after the other"


class NotAmqp(Exception):  # noqa: N818 - it never leaves `logbus.broker`
    """The other side ended a new connection without a word of AMQP; `heard` is the beginning of what it sent."""

    def __init__(self, heard: bytes, *, tls: bool) -> None:
        super().__init__(heard, tls)
        self.heard = heard
        self.tls = tls


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and every exception wrapped in it, outermost first."""
    yield error
    inner = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), *error.args, error.__cause__]
    for each in inner:
        if isinstance(each, BaseException):
            yield from causes(each)


def read_open_error(error: BaseException, where: str, *, external: bool = False) -> BrokerError:
    """Return the error for a failed attempt to connect to `where` (host:port, no secrets).

    `external`: the login was by the client certificate.
    """
    chain = list(causes(error))
    names = {type(each).__name__ for each in chain}
    cannot = f"log in to RabbitMQ at {where}"
    if "AuthenticationError" in names:
        return BrokerRefused(cannot, *_not_offered(external=external))
    if "ProbableAuthenticationError" in names:
        return BrokerRefused(cannot, *_not_accepted(external=external))
    if "ProbableAccessDeniedError" in names:
        return BrokerRefused(cannot, "no access to that virtual host", "rabbitmqctl list_vhosts, set_permissions")
    for each in chain:
        code = getattr(each, "reply_code", 0)
        if code in (ACCESS_REFUSED, NOT_ALLOWED, NOT_FOUND):
            return BrokerRefused(cannot, getattr(each, "reply_text", each), "rabbitmqctl list_vhosts, set_permissions")
    if "AMQPConnectorStackTimeout" in names:
        cause = "the connection was accepted, and nothing answers"
        return BrokerUnavailable(f"reach RabbitMQ at {where}", cause, f"is that the AMQP port? {_PLAIN_PORT}")
    return BrokerUnavailable(f"reach RabbitMQ at {where}", *_in_words(chain[-1]))


def _not_offered(*, external: bool) -> tuple[str, str]:
    """Return cause and hint where RabbitMQ does not offer our way to log in."""
    if external:
        hint = "enable the plugin rabbitmq_auth_mechanism_ssl and add EXTERNAL to auth_mechanisms (docs/tls.md)"
        return "it does not offer EXTERNAL", hint
    return "it does not offer logins with a password", "use auth: external, or add PLAIN to RabbitMQ's auth_mechanisms"


def _not_accepted(*, external: bool) -> tuple[str, str]:
    """Return cause and hint where RabbitMQ does not know us."""
    if external:
        hint = "rabbitmqctl add_user with the name that ssl_cert_login_from takes from cert_file (docs/tls.md)"
        return "it has no user of the client certificate's name", hint
    return "wrong user or password", "check --broker, LOGBUS_BROKER or broker: in the YAML"


def _in_words(last: BaseException) -> tuple[str, str]:
    """Return cause and hint for the innermost failure of an attempt to connect."""
    if isinstance(last, NotAmqp):
        return _other_protocol(last)
    if isinstance(last, ssl.SSLCertVerificationError):
        hint = _UNVERIFIED.get(last.verify_code, _ANOTHER_CA)
        return f"its certificate cannot be verified: {last.verify_message.rstrip('.')}", hint
    if isinstance(last, ssl.SSLError):
        reason = (last.reason or str(last)).replace("_", " ").lower()
        if last.reason == "WRONG_VERSION_NUMBER":
            return "that port does not speak TLS", "amqps:// needs RabbitMQ's TLS port, usually 5671; or use amqp://"
        other = _CLIENT_CERTIFICATE if "alert" in reason else ""
        return f"the TLS handshake failed: {reason}", next((_ALERTS[part] for part in _ALERTS if part in reason), other)
    return _plainly(last), ""


def _other_protocol(found: NotAmqp) -> tuple[str, str]:
    if found.heard.startswith(_HTTP):
        return "an HTTP server answers there, as on the management port 15672", _PLAIN_PORT
    if found.heard.startswith(_TLS_ALERT):
        return "that port speaks TLS only", f"use amqps:// for it; {_PLAIN_PORT}"
    if found.tls:
        return "it ended the connection after the TLS handshake", _CLIENT_CERTIFICATE
    return "it ended the connection without a word of AMQP", f"{_PLAIN_PORT}; a TLS port needs amqps://"


def _plainly(last: BaseException) -> str:
    if isinstance(last, OSError) and last.strerror:
        return last.strerror.lower()
    return str(last) or type(last).__name__


def read_close(error: BaseException, where: str) -> BrokerError:
    """Return the error for a closed connection to `where`, or a closed channel on it."""
    if isinstance(error, BrokerError):
        return error
    code, text = getattr(error, "reply_code", 0), str(getattr(error, "reply_text", error))
    if code == PRECONDITION_FAILED and (found := _INEQUIVALENT.search(text)):
        argument, kind, name = found.groups()
        hint = f"delete the {kind} and let Logbus declare it, or change the configuration to match"
        return BrokerRefused(f"use the {kind} {name!r} at {where}", f"it has a different {argument}: {text}", hint)
    if code == ACCESS_REFUSED:
        return _expired_token(where) if _EXPIRED_LOGIN in text else _missing_permission(text, where)
    if code == PRECONDITION_FAILED and _UNACKNOWLEDGED in text:
        cause = "writing took longer than RabbitMQ's consumer_timeout: the deliveries come again"
        return BrokerUnavailable(f"acknowledge deliveries at {where} in time", cause, "find out why writing is slow")
    if code == RESOURCE_LOCKED:
        return BrokerRefused(f"work at {where}", text, "another connection has exclusive use of that queue")
    return BrokerUnavailable(f"keep a channel to {where}", text or type(error).__name__)


def _expired_token(where: str) -> BrokerUnavailable:
    hint = "password_command must print a token that is valid at each login"
    return BrokerUnavailable(f"work at {where}", "the token that was the password has expired", hint)


def read_refusal(code: int, text: str, where: str, needs: str = "") -> BrokerRefused:
    """Return the error for a question that RabbitMQ at `where` refused; `needs` is the permission for it, if known."""
    if code == ACCESS_REFUSED:
        return _missing_permission(text, where, needs)
    return BrokerRefused(f"work at {where}", text, "compare with topology check")


def _missing_permission(text: str, where: str, needs: str = "") -> BrokerRefused:
    """Return which permission a user lacks. Older versions of RabbitMQ do not say which of the three it is."""
    found = _ACCESS.search(text)
    if found is None:
        return BrokerRefused(f"work at {where}", text, "rabbitmqctl set_permissions")
    what, kind, name, vhost, user = found.groups()
    what = what if what in _MAY_NOT else needs or _NEEDED[kind]
    return BrokerRefused(
        f"work at {where}",
        f"user {user!r} may not {_MAY_NOT[what]} the {kind} {name!r} in the virtual host {vhost!r}",
        f"rabbitmqctl set_permissions -p {vhost} {user} CONFIGURE WRITE READ, with a {what} pattern that matches it",
    )


class Deviation(Struct, frozen=True):
    """An exchange or queue that differs from our declaration; `argument` is `permission` if we may not declare it."""

    kind: str
    name: str
    argument: str


def deviating(error: BaseException) -> Deviation | None:
    """Return what has a different argument from ours, or may not be declared by us; None for any other refusal."""
    code, text = getattr(error, "reply_code", 0), str(getattr(error, "reply_text", ""))
    if code == PRECONDITION_FAILED and (found := _INEQUIVALENT.search(text)):
        argument, kind, name = found.groups()
        return Deviation(kind, name, argument)
    if code == ACCESS_REFUSED and (found := _NO_CONFIGURE.search(text)):
        return Deviation(found[1], found[2], "permission")
    return None


def is_access(error: BaseException) -> bool:
    """Return True if a channel was closed because its user may not do something."""
    return bool(getattr(error, "reply_code", 0) == ACCESS_REFUSED)


def refused_exchange(error: BaseException) -> str | None:
    """Return the name of the exchange to which access was refused, else None."""
    code, text = getattr(error, "reply_code", 0), str(getattr(error, "reply_text", ""))
    found = _ACCESS.search(text) if code == ACCESS_REFUSED else None
    return found[3] if found and found[2] == "exchange" else None


def missing_queue(error: BaseException) -> str | None:
    """Return the name of the queue that RabbitMQ reports missing, else None."""
    code, text = getattr(error, "reply_code", 0), str(getattr(error, "reply_text", ""))
    found = _NO_QUEUE.search(text) if code == NOT_FOUND else None
    return found[1] if found else None


def size_limit(error: BaseException) -> int | None:
    """Return the broker's limit in bytes if a channel was closed because a message was larger, else None."""
    found = _TOO_LARGE.search(str(getattr(error, "reply_text", "")))
    return int(found.group(1)) if found else None


def is_ours(error: BaseException) -> bool:
    """Return True if we closed the channel ourselves."""
    return type(error).__name__ == "ChannelClosedByClient"
