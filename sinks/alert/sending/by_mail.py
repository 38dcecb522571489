"""A message by SMTP, over TLS unless the settings say otherwise; the server's certificate is verified."""

import smtplib
import socket
import time
from contextlib import suppress
from typing import Final

from logbus.config.tls import TlsFiles
from logbus.errors import describe
from sinks.alert.destinations import Mail
from sinks.alert.notices import Notice
from sinks.alert.sending.failures import NotSent
from sinks.alert.sending.shapes import mail_of

ANSWER_S: Final = 10.0
SHOWN_CHARACTERS: Final = 200
_FINAL: Final = 500
"""From this code on, an answer is final."""
_Refused = dict[str, tuple[int, bytes]]


def send(mail: Mail, notice: Notice) -> str:
    """Send a message to all recipients; return what came back. Raises NotSent, and UsageError for a password.

    If some recipients are refused, and others are not, it is sent; what came back names the former.
    """
    password = mail.password()
    context = None if mail.tls == "none" else TlsFiles(mail.ca_file).context()
    try:
        if mail.tls == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                mail.server, mail.port, _own_name(), timeout=ANSWER_S, context=context
            )
        else:
            client = smtplib.SMTP(mail.server, mail.port, _own_name(), timeout=ANSWER_S)
        try:
            if mail.tls == "starttls":
                client.starttls(context=context)
            if mail.user is not None and password is not None:
                client.login(mail.user, password)
            refused: _Refused = client.send_message(mail_of(notice, mail, time.time()), mail.sender, mail.recipients)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
            client.close()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
        raise _not_sent(error) from None
    return f"accepted, but not for {', '.join(refused)}" if refused else "accepted"


def _own_name() -> str:
    """Return this host's name, without asking the network for the rest of it."""
    return socket.gethostname() or "localhost"


def _not_sent(error: Exception) -> NotSent:
    if isinstance(error, smtplib.SMTPAuthenticationError):  # what it says may hold what was sent
        return NotSent(f"the login was refused ({error.smtp_code})")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return NotSent(f"all recipients were refused ({codes[0]})", final=min(codes) >= _FINAL)
    if isinstance(error, smtplib.SMTPResponseException):
        final = isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError) and error.smtp_code >= _FINAL
        return NotSent(f"the answer is {error.smtp_code}: {_text(error.smtp_error)[:SHOWN_CHARACTERS]}", final=final)
    if isinstance(error, smtplib.SMTPException):
        return NotSent(str(error)[:SHOWN_CHARACTERS])
    return NotSent(describe(error)[:SHOWN_CHARACTERS])


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
