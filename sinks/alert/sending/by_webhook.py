"""A message by HTTP POST. No redirect is followed, and no proxy used: the URL says who gets it."""

import http.client
from typing import Final
from urllib.parse import SplitResult

from logbus import VERSION
from logbus.config.tls import TlsFiles
from logbus.errors import describe
from sinks.alert.destinations import Webhook
from sinks.alert.notices import Notice
from sinks.alert.sending.failures import NotSent
from sinks.alert.sending.shapes import body_of

ANSWER_S: Final = 10.0
ANSWER_BYTES: Final = 4096
SHOWN_CHARACTERS: Final = 200
REFUSED: Final = frozenset({400, 413, 415, 422})
"""The server does not want this message; others, such as 403 or 404, somebody may put right."""
_SECRET_CHARACTERS: Final = 4
"""A shorter part of a path is no secret, and would be found everywhere."""


def send(webhook: Webhook, notice: Notice) -> str:
    """Send a message; return the status of the answer. Raises NotSent, and UsageError for a URL that is none."""
    target = webhook.target()
    connection = _connection(target, webhook)
    path = f"{target.path or '/'}{'?' if target.query else ''}{target.query}"
    head = {"Content-Type": "application/json", "User-Agent": f"logbus/{VERSION}", "Connection": "close"}
    try:
        connection.request("POST", path, body_of(notice, webhook.shape), head)
        with connection.getresponse() as answer:
            status, said = answer.status, answer.read(ANSWER_BYTES)
    except OSError as error:
        raise NotSent(describe(error)) from None
    except (http.client.HTTPException, ValueError) as error:
        raise NotSent(f"the answer is not HTTP ({type(error).__name__})") from None
    finally:
        connection.close()
    if status // 100 != 2:  # noqa: PLR2004 - the statuses of success
        raise NotSent(f"the answer is {status}{_shown(said, target)}", final=status in REFUSED)
    return f"status {status}"


def _connection(target: SplitResult, webhook: Webhook) -> http.client.HTTPConnection:
    host = target.hostname or ""
    if target.scheme == "http":
        return http.client.HTTPConnection(host, target.port or 80, timeout=ANSWER_S)
    context = TlsFiles(webhook.ca_file).context()
    return http.client.HTTPSConnection(host, target.port or 443, timeout=ANSWER_S, context=context)


def _shown(said: bytes, target: SplitResult) -> str:
    """Return the beginning of an answer, without what of the URL is secret."""
    text = " ".join(said.decode(errors="replace").split())
    for secret in (*target.path.split("/"), *target.query.replace("&", "=").split("=")):
        if len(secret) >= _SECRET_CHARACTERS:
            text = text.replace(secret, "***")
    return f": {text[:SHOWN_CHARACTERS]}" if text else ""
