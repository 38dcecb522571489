"""Secrets that a command prints: bounded in time and size, and never in an error."""

import os
import shlex
import time
from pathlib import Path

import pytest

from logbus.config import secret_sources
from logbus.config.secret_sources import run_for_secret
from logbus.config.settings import Broker
from logbus.errors import UsageError


def shell(text: str) -> list[str]:
    """Return the words of a command that is a line for a shell."""
    return ["sh", "-c", text]


def test_a_secret_is_what_is_printed_without_one_newline() -> None:
    """The words go to the program as they are; without a shell, nothing in them is special."""
    assert run_for_secret(["printf", "%s\n\n", "$HOME `id`"], "password_command") == "$HOME `id`\n"


@pytest.mark.parametrize(
    ("command", "flaw"),
    [
        (["/nonexistent/vault"], "password_command /nonexistent/vault: No such file or directory"),
        ([os.devnull], "Permission denied"),
        (shell("exit 3"), "password_command sh ended with exit code 3"),
        (shell("echo no such key >&2; exit 3"), "ended with exit code 3: no such key"),
        (shell("kill -9 $$"), "was ended by signal 9"),
        (shell("true"), "what password_command sh prints is empty"),
        (shell(r"printf '\377'"), "not UTF-8"),
        (["yes"], "is empty, or larger than 65536 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else shlex.join(value),
)
def test_a_command_that_gives_no_secret_is_an_error(command: list[str], flaw: str) -> None:
    """The key, the program, how it ended and what it said are named; a program that prints for ever is ended."""
    with pytest.raises(UsageError) as raised:
        run_for_secret(command, "password_command")
    assert flaw in str(raised.value)


def test_no_error_shows_what_was_printed() -> None:
    """A command that repeats its secret on standard error is shown without it, and what it says is bounded."""
    with pytest.raises(UsageError) as raised:
        run_for_secret(shell("echo hunter2; echo is hunter2 right? >&2; yes | head -c 1000000 >&2; exit 1"), "key")
    assert ": is *** right? y y" in str(raised.value)
    assert len(str(raised.value)) < 1_000


@pytest.mark.parametrize("how", ["sleep 60", "echo secret; sleep 60 & exit 0", "exec >&- 2>&-; sleep 60"])
def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str) -> None:
    """After its time is up it is killed, with all that it started, also if only its outputs are still open."""
    monkeypatch.setattr(secret_sources, "COMMAND_WITHIN_S", 0.3)
    began = time.monotonic()
    with pytest.raises(UsageError, match="did not end within"):
        run_for_secret(shell(f"echo $$ > {tmp_path}/pid; {how}"), "password_command")
    assert time.monotonic() - began < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_broker_asks_the_command_for_each_login(tmp_path: Path) -> None:
    """`password_command` gives the password for URLs that have none, run anew each time; no repr shows its words."""
    store = tmp_path / "store"
    broker = Broker(url=["amqp://u@a", "amqp://u:own@b"], password_command=["cat", str(store)])
    for password in ("first", "second"):
        store.write_text(f"{password}\n")
        assert [each.password for each in broker.endpoints()] == [password, "own"]
    assert "store" not in repr(broker)


@pytest.mark.parametrize(
    ("keys", "flaw"),
    [
        ({"url": "amqp://h"}, "needs TLS, and a broker URL begins with amqp://"),
        ({"url": ["amqps://h", "amqp://i"], "cert_file": "c"}, "a broker URL begins with amqp://"),
        ({"url": "amqps://h"}, "needs a cert_file"),
        ({"url": "amqps://u:p@h", "cert_file": "c"}, "takes no password, and there is a password in the URL"),
        ({"url": "amqps://h", "cert_file": "c", "password_file": "p"}, "takes no password, and there is password_file"),
        (
            {"url": "amqps://h", "cert_file": "c", "password_command": ["p"]},
            "takes no password, and there is password_command",
        ),
        ({"url": "amqps://h", "cert_file": "c", "management": "http://h"}, "has no password, and management needs one"),
    ],
)
def test_what_contradicts_a_login_by_certificate_is_an_error(keys: dict[str, object], flaw: str) -> None:
    """`auth: external` needs TLS and a certificate, and no password: each error says what to remove or to add."""
    with pytest.raises(UsageError, match="use auth: external") as raised:
        Broker(auth="external", **keys)  # type: ignore[arg-type]  # keys of several types
    assert flaw in str(raised.value)


def test_two_sources_of_a_password_are_an_error() -> None:
    """A file and a command cannot both be meant."""
    with pytest.raises(UsageError, match="both given"):
        Broker(password_file="p", password_command=["p"])  # noqa: S106 - a path


def test_a_login_by_certificate_has_no_password() -> None:
    """The user is the certificate's, unless the URL states it for the batches; guest is never meant."""
    urls = ["amqps://h", "amqps://web1@h"]
    found = Broker(url=urls, auth="external", cert_file="c").endpoints()
    assert [(each.username, each.password, each.external) for each in found] == [("", "", True), ("web1", "", True)]
