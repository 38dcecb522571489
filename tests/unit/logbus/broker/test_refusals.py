"""What a failed attempt to connect is called, and what to do about it."""

import ssl

import pytest

from logbus.broker.refusals import read_close, read_open_error
from logbus.errors import BrokerRefused, BrokerUnavailable


class Closed(Exception):  # noqa: N818 - it has the attributes of pika's
    """A channel that RabbitMQ closed."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.reply_code = code
        self.reply_text = text


def failed(reason: str) -> ssl.SSLError:
    """Return the error of a TLS handshake that failed for OpenSSL's reason."""
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "give cert_file and key_file that it trusts"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "replace cert_file and key_file: its certificate expired"),
        ("TLSV1_ALERT_UNKNOWN_CA", "cert_file must be signed by a CA that RabbitMQ trusts"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "cert_file must be signed by a CA that RabbitMQ trusts"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "RabbitMQ must offer TLS 1.2 or later"),
        ("UNSUPPORTED_PROTOCOL", "RabbitMQ must offer TLS 1.2 or later"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "give cert_file and key_file that it trusts"),
        ("WRONG_VERSION_NUMBER", "amqps:// needs RabbitMQ's TLS port"),
    ],
)
def test_a_failed_handshake_says_what_to_do(reason: str, advice: str) -> None:
    """Each alert of RabbitMQ has its own advice, and none ends a daemon."""
    error = read_open_error(failed(reason), "h:5671")
    assert isinstance(error, BrokerUnavailable)
    assert advice in error.hint


@pytest.mark.parametrize(
    ("code", "advice"),
    [(10, "renew RabbitMQ's certificate"), (9, "clock"), (62, "a name in the"), (64, "address"), (20, "ca_file must")],
)
def test_a_certificate_that_cannot_be_verified_says_what_to_do(code: int, advice: str) -> None:
    """By OpenSSL's number: expired, not valid yet, another name or address, and anything else is about the CA."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "no."
    assert advice in read_open_error(error, "h:5671").hint


def test_an_expired_token_is_no_refusal() -> None:
    """It is waited out without the growing pauses of a missing permission."""
    text = "access to exchange 'logs' in vhost '/' refused for user 'web1'"
    assert isinstance(read_close(Closed(403, text), "h:5672"), BrokerRefused)
    error = read_close(Closed(403, f'{text}, backend x returned an error: "Provided JWT token has expired"'), "h:5672")
    assert isinstance(error, BrokerUnavailable)
    assert "password_command" in error.hint
