"""Servers that alerts are sent to: HTTP and SMTP, real ones, on ports of their own, which keep what they are sent."""

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOCALHOST = "127.0.0.1"
USER, PASSWORD = b"logbus", b"a word"


@dataclass
class Hook:
    """An HTTP receiver: `answers` says which status comes next, 200 when it is empty; `bodies` what was accepted."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """A URL with a secret in it."""
        return f"http://{LOCALHOST}:{self.port}/services/T0SECRET"


@contextmanager
def receiving() -> Iterator[Hook]:
    """Serve HTTP until the end of the block."""
    hook = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.asked.append(self.path)
            status = hook.answers.pop(0) if hook.answers else 200
            if status == 200:
                hook.bodies.append(json.loads(body))
            self.send_response(status)
            self.send_header("Location", f"http://{LOCALHOST}:{hook.port}/elsewhere")
            self.end_headers()
            self.wfile.write(f"what {self.path} got".encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
            """Log nothing."""

    server = http.server.ThreadingHTTPServer((LOCALHOST, 0), Handler)
    hook.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve TCP, one connection after the other, by `answer`; yield the port."""
    with socket.create_server((LOCALHOST, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    try:
                        answer(client)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@dataclass
class Box:
    """A mail server's box; `refuse` is the answer to the next messages, if there are any."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep a mail."""
        if self.refuse:
            return self.refuse.pop(0)
        self.envelopes.append(envelope)
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 kept"


def _authenticated(_server: object, _session: object, _envelope: object, _mechanism: str, data: object) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=known, handled=False)


@contextmanager
def mailbox(context: ssl.SSLContext | None = None) -> Iterator[Box]:
    """Serve SMTP until the end of the block; with `context` by STARTTLS, and only to USER with PASSWORD."""
    box = Box()
    strict: dict[str, Any] = {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": _authenticated,
    }
    with socket.create_server((LOCALHOST, 0)) as free:  # the controller asks its own port whether it is there
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname=LOCALHOST, port=box.port, **(strict if context else {}))
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
