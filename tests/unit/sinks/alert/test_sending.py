"""Sending to real servers: what comes back, what is tried again, what is given up, and what is never shown."""

import json
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest

from sinks.alert.destinations import Destination, Mail, Webhook
from sinks.alert.notices import Letter, Notice
from sinks.alert.sending import by_command
from sinks.alert.sending.attempts import Attempts
from sinks.alert.sending.failures import NotSent
from sinks.alert.sending.sender import GIVE_UP_S, Sender
from support import wait_until
from support.certificates import make_certificates
from support.no_threads import REASON, no_threads
from support.receivers import PASSWORD, USER, answering, mailbox, receiving

NOTICE = Notice(kind="begun", rule="errors", host="web-1", count=3, sample="no stock")
SENDER, RECIPIENT = "logbus@example.org", "ops@example.org"


def send(webhook: Webhook | None = None, mail: Mail | None = None, limit_s: float = 60.0) -> str:
    """Send a message; return what came back."""
    return Attempts(Destination(webhook=webhook, mail=mail), limit_s).send(NOTICE)


def plain_mail(port: int) -> Mail:
    """Return the settings for a mail server without TLS."""
    return Mail(server="127.0.0.1", port=port, tls="none", sender=SENDER, recipients=[RECIPIENT])


def test_a_webhook_gets_json() -> None:
    """At its path, and the status comes back."""
    with receiving() as hook:
        assert send(Webhook(url=hook.url, shape="slack")) == "status 200"
        assert hook.asked == ["/services/T0SECRET"]
        assert "no stock" in hook.bodies[0]["text"]


@pytest.mark.parametrize(("status", "final"), [(500, False), (429, False), (404, False), (302, False), (400, True)])
def test_an_answer_that_is_no_success(status: int, final: bool) -> None:
    """A redirect is not followed; what the server says is shown, but not what of it is the secret URL."""
    with receiving() as hook:
        hook.answers.append(status)
        with pytest.raises(NotSent, match=f"the answer is {status}") as caught:
            send(Webhook(url=hook.url))
        assert len(hook.asked) == 1
    assert caught.value.final is final
    assert "T0SECRET" not in str(caught.value)


def test_nobody_listens() -> None:
    """Nothing of the URL is shown."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotSent, match="connection refused") as caught:
        send(Webhook(url=f"http://127.0.0.1:{port}/T0SECRET"))
    assert "T0SECRET" not in str(caught.value)


@pytest.mark.parametrize("garbage", [b"hello\r\n\r\n", b"\x00" * 100_000, b"", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_answers_is_no_web_server(garbage: bytes) -> None:
    """It is told as such, whatever it is."""

    def answer(client: socket.socket) -> None:
        client.recv(65_536)
        client.sendall(garbage)

    with answering(answer) as port, pytest.raises(NotSent):
        send(Webhook(url=f"http://127.0.0.1:{port}/"))


def test_a_server_that_never_ends_its_answer() -> None:
    """The attempt ends in time; until the thread behind it has ended there is no other."""
    go_on = threading.Event()

    def answer(client: socket.socket) -> None:
        client.recv(65_536)
        while not go_on.wait(0.05):
            client.sendall(b"HTTP/1.1 200 OK"[:1])

    with answering(answer) as port:
        attempts = Attempts(Destination(webhook=Webhook(url=f"http://127.0.0.1:{port}/")), limit_s=0.3)
        with pytest.raises(NotSent, match=r"did not end within 0\.3 s"):
            attempts.send(NOTICE)
        with pytest.raises(NotSent, match="has not ended"):
            attempts.send(NOTICE)
        go_on.set()


def test_without_a_thread_it_is_tried_again() -> None:
    """Where the system allows none, that is why it was not sent, and the next attempt may be."""
    with receiving() as hook:
        attempts = Attempts(Destination(webhook=Webhook(url=hook.url)))
        with no_threads(), pytest.raises(NotSent, match=REASON):
            attempts.send(NOTICE)
        assert attempts.send(NOTICE) == "status 200"


def test_a_webhook_by_tls_is_verified(tmp_path: Path) -> None:
    """With the certificate of somebody else, nothing is sent."""
    make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    asked = list[bytes]()

    def answer(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as secure:
            request = b""
            while not request.endswith(b"}"):
                request += secure.recv(65_536)
            asked.append(request)
            secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with answering(answer) as port:
        url = f"https://localhost:{port}/"
        assert send(Webhook(url=url, ca_file=str(tmp_path / "ca.pem"))) == "status 204"
        with pytest.raises(NotSent, match="certificate verify failed"):
            send(Webhook(url=url, ca_file=str(tmp_path / "other-ca.pem")))
    assert len(asked) == 1


def test_a_mail_reaches_the_box() -> None:
    """Sender, recipients and text are what the settings and the notice say."""
    with mailbox() as box:
        assert send(mail=plain_mail(box.port)) == "accepted"
    assert (box.envelopes[0].mail_from, box.envelopes[0].rcpt_tos) == (SENDER, [RECIPIENT])
    assert box.mails[0]["Subject"] == "Logbus: [err] errors begun"
    assert "no stock" in box.mails[0].get_content()


def test_a_mail_by_starttls_with_a_password(tmp_path: Path) -> None:
    """A wrong password is refused, and not shown."""
    make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    password = tmp_path / "password"
    password.write_bytes(PASSWORD)
    password.chmod(0o600)
    with mailbox(context) as box:
        mail = Mail(
            server="localhost",
            port=box.port,
            sender=SENDER,
            recipients=[RECIPIENT],
            user=USER.decode(),
            password_file=str(password),
            ca_file=str(tmp_path / "ca.pem"),
        )
        assert send(mail=mail) == "accepted"
        password.write_text("wrong-word")
        with pytest.raises(NotSent, match="the login was refused") as caught:
            send(mail=mail)
    assert not caught.value.final
    assert "wrong-word" not in str(caught.value)
    assert len(box.mails) == 1


@pytest.mark.parametrize(("answer", "final"), [("451 later", False), ("554 never", True)])
def test_a_mail_that_is_refused(answer: str, final: bool) -> None:
    """For now, or for good."""
    with mailbox() as box:
        box.refuse.append(answer)
        with pytest.raises(NotSent, match=answer[:3]) as caught:
            send(mail=plain_mail(box.port))
    assert caught.value.final is final


@pytest.mark.parametrize("garbage", [b"hello\r\n", b"220 \xff\xfe\r\n", b"220 ok\r\nxyz\r\n" * 9, b"", b"2" * 100_000])
def test_what_answers_is_no_mail_server(garbage: bytes) -> None:
    """It is told as such, whatever it is."""
    with answering(lambda client: client.sendall(garbage)) as port, pytest.raises(NotSent):
        send(mail=plain_mail(port))


def program(tmp_path: Path, text: str) -> list[str]:
    """Return a command that runs Python code."""
    file = tmp_path / "program.py"
    file.write_text(text)
    return [sys.executable, "-I", str(file)]


def test_a_command_gets_json_on_standard_input(tmp_path: Path) -> None:
    """And nothing of the log among its arguments."""
    target = tmp_path / "got"
    code = f"import sys, pathlib; pathlib.Path({str(target)!r}).write_text(sys.stdin.read() + str(len(sys.argv)))"
    assert by_command.send(program(tmp_path, code), NOTICE) == "exit code 0"
    message, _, arguments = target.read_text().rpartition("\n")
    assert json.loads(message)["sample"] == "no stock"
    assert arguments == "1"


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    """Of what it writes, the beginning is kept."""
    code = "import sys; print('no pager'); print('x' * 1_000_000); sys.exit(3)"
    with pytest.raises(NotSent, match=r"ended with 3: no pager") as caught:
        by_command.send(program(tmp_path, code), NOTICE)
    assert len(str(caught.value)) < 1000


def test_a_command_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    """It has a time limit."""
    pid = tmp_path / "pid"
    code = (
        "import subprocess, sys, time, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(NotSent, match="did not end within 3 s"):
        by_command.send(program(tmp_path, code), NOTICE, limit_s=3.0)
    wait_until(lambda: _is_gone(int(pid.read_text())))


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        os.kill(pid, signal.SIG_DFL)
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def test_a_command_that_is_not_there() -> None:
    """It may be installed later."""
    with pytest.raises(NotSent, match="cannot be run: no such file"):
        by_command.send(["/nonexistent/page"], NOTICE)


def test_a_letter_is_sent_again_until_it_arrives(caplog: pytest.LogCaptureFixture) -> None:
    """The failure is told once, and that it is over; letters keep their order."""
    with receiving() as hook, caplog.at_level(logging.WARNING):
        hook.answers += [500, 503]
        done = list[int]()
        sender = Sender("ops", Attempts(Destination(webhook=Webhook(url=hook.url))).send, lambda it: done.append(it.id))
        sender.put(Letter(1, "ops", 2e9, NOTICE))
        sender.put(Letter(2, "ops", 2e9, NOTICE))
        wait_until(lambda: len(done) == 2)
        sender.stop()
        sender.join(30.0)
    assert done == [1, 2]
    assert len(hook.bodies) == 2
    assert [each.message for each in caplog.records] == [
        "sending to ops fails: cannot send the message: the answer is 500: what /***/*** got; retrying for four hours",
        "sending to ops works again after 2 failed attempts",
    ]


def test_a_letter_is_given_up_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """What is too old, or refused for good, makes room for the next one."""
    with receiving() as hook, caplog.at_level(logging.ERROR):
        hook.answers += [500, 400]
        done = list[int]()
        send_it = Attempts(Destination(webhook=Webhook(url=hook.url))).send
        sender = Sender("ops", send_it, lambda it: done.append(it.id), clock=lambda: GIVE_UP_S + 1.0)
        for number, made_s in ((1, 0.0), (2, 2.0), (3, 2.0)):
            sender.put(Letter(number, "ops", made_s, NOTICE))
        wait_until(lambda: len(done) == 3)
        sender.stop()
        sender.join(30.0)
    assert len(hook.bodies) == 1
    assert [each.message[:45] for each in caplog.records] == ["the message about errors to ops is given up: "] * 2
