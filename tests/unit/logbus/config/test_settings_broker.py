"""Broker URLs and secrets: parsed strictly, shown without passwords."""

import os
import ssl
from pathlib import Path

import pytest
from msgspec.structs import replace

from logbus.config.settings import Broker, Endpoint, parse, read_secret, redacted
from logbus.errors import ConfigError, UsageError


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """Return a file with a secret that only its owner reads."""
    path = tmp_path / "password"
    path.write_text("s3cret p/w\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("amqp://guest:guest@127.0.0.1:5672/", Endpoint("127.0.0.1", 5672, "/", "guest", "guest")),
        ("amqp://rabbit", Endpoint("rabbit", 5672, "/", "guest", "guest")),
        ("amqps://u:p@rabbit", Endpoint("rabbit", 5671, "/", "u", "p", tls=True)),
        ("amqp://u%40x:p%2Fw%3F@h:1/v%2Fw", Endpoint("h", 1, "v/w", "u@x", "p/w?")),
        ("amqp://u:@[::1]:5673/logs", Endpoint("::1", 5673, "logs", "u", "")),
        ("amqp://h/%2F", Endpoint("h", 5672, "/", "guest", "guest")),
    ],
)
def test_a_url_says_where_and_who(url: str, endpoint: Endpoint) -> None:
    """What is left out is RabbitMQ's own default; percent escapes are undone."""
    assert Broker(url=url).endpoints() == [endpoint]


def test_the_default_is_a_broker_on_this_host() -> None:
    """Without any setting a fresh RabbitMQ on this host is meant."""
    assert Broker().endpoints() == [Endpoint("127.0.0.1", 5672, "/", "guest", "guest")]


def test_several_urls_keep_their_order() -> None:
    """They are tried in turn."""
    assert [each.host for each in Broker(url=["amqp://a", "amqp://b"]).endpoints()] == ["a", "b"]


def test_a_password_file_serves_urls_that_name_no_password(secret_file: Path) -> None:
    """S13: the password need not stand in the configuration."""
    broker = Broker(url=["amqp://u@a", "amqp://u:own@b"], password_file=str(secret_file))
    assert [each.password for each in broker.endpoints()] == ["s3cret p/w", "own"]


@pytest.mark.parametrize(
    "url",
    [
        "http://u:s3cret@h",
        "u:s3cret@h:5672",
        "amqp://u:s3cret@",
        "amqp://",
        "amqp:///v",
        "amqp://u:s3cret@h:port/",
        "amqp://u:s3cret@h:99999/",
        "amqp://u:s3cret/x@h",
        "amqp://u:s3cret?x@h",
        "amqp://u:12/s3cret@h",
        "amqp://u:12?s3cret@h",
        "amqp://u:12#s3cret@h",
        "amqp://u:s3@cret@h/v/w",
        "amqp://h:s3cret",
        "amqp://u:s3cret@h/?heartbeat=5",
        "amqp://h/?password=s3cret",
        "amqp://u:s3cret@[::1",
        "",
    ],
)
def test_a_bad_url_is_refused_without_its_password(url: str) -> None:
    """S13: an error shows an example, and never what may be a password, wherever it ended up."""
    with pytest.raises(UsageError) as raised:
        Broker(url=url).endpoints()
    assert "amqp://USER:PASSWORD@HOST" in str(raised.value)
    assert "cret" not in str(raised.value)


def test_a_user_without_any_password_is_refused() -> None:
    """A name alone never logs in."""
    with pytest.raises(UsageError, match="no password"):
        Broker(url="amqp://u@h").endpoints()


def test_a_bad_url_in_a_file_is_told_with_its_place() -> None:
    """The check is part of loading, so `--check` finds it."""
    with pytest.raises(ConfigError, match=r"f\.yml:1: 'amqp:\*\*\*' names no host"):
        parse("url: amqp:/h", Broker, "f.yml")
    with pytest.raises(ConfigError, match=r"url: expected a list of length >= 1"):
        parse("url: []", Broker)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://u:p@h:1/v", "amqp://u:***@h:1/v"),
        ("amqp://u@h", "amqp://u@h"),
        ("amqp://h:5672/", "amqp://h:5672/"),
        ("amqp://[::1]:5672/", "amqp://[::1]:5672/"),
        ("amqp://u:p@x@h/?a=b", "amqp://u:***@h/"),
        ("AMQP://u:p\n@h", "AMQP://u:***@h"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """S13: what is logged says where and who, and no more."""
    assert redacted(url) == shown


def test_no_repr_shows_a_password(secret_file: Path) -> None:
    """S13: a traceback or a debug line with settings in it holds no secret."""
    broker = Broker(url=["amqp://u:hunter2@a", "amqp://u@b"], password_file=str(secret_file))
    shown = f"{broker!r} {broker} {broker.__rich_repr__()} {broker.endpoints()!r}"
    assert "hunter2" not in shown
    assert "s3cret" not in shown
    assert "amqp://u:***@a" in shown


def test_a_secret_is_the_file_without_one_newline(secret_file: Path) -> None:
    """An editor's newline at the end is no part of a password; a second one is."""
    assert read_secret(secret_file, "password_file") == "s3cret p/w"
    secret_file.write_text("a\n\n")
    assert read_secret(secret_file, "password_file") == "a\n"


def test_a_secret_that_others_can_read_is_refused(secret_file: Path) -> None:
    """S16: the error says which command helps; a group may read it."""
    secret_file.chmod(0o640)
    assert read_secret(secret_file, "password_file")
    secret_file.chmod(0o644)
    with pytest.raises(UsageError, match=r"every user may read or write .*chmod 600"):
        read_secret(secret_file, "password_file")


def test_what_is_no_secret_file_is_refused(tmp_path: Path) -> None:
    """Missing, empty, too large, not text, a directory or a FIFO: one line each, and no blocking."""
    path = tmp_path / "x"
    for content, flaw in ((b"", "empty"), (b"\n", "empty"), (b"x" * 70_000, "larger than"), (b"\xff", "not UTF-8")):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(UsageError, match=flaw):
            read_secret(path, "password_file")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    for wrong in (tmp_path / "missing", tmp_path, fifo):
        with pytest.raises(UsageError, match=r"(?i)no such file|not a regular file|is a directory"):
            read_secret(wrong, "password_file")


@pytest.mark.parametrize(
    ("keys", "flaw"),
    [
        ({"url": "amqp://h", "ca_file": "ca.pem"}, "no broker URL begins with amqps://"),
        (
            {"url": ["amqp://h", "amqp://i"], "cert_file": "c.pem", "key_file": "k.pem"},
            "no broker URL begins with amqps://",
        ),
        ({"url": "amqps://h", "key_file": "k.pem"}, "there is no cert_file"),
    ],
)
def test_a_tls_file_that_would_not_be_used_is_an_error(keys: dict[str, object], flaw: str) -> None:
    """Who names a certificate believes that the connection is encrypted: if it is not, that is an error."""
    with pytest.raises(UsageError, match=flaw):
        replace(Broker(), **keys)
    assert Broker(url=["amqp://h", "amqps://i"], ca_file="ca.pem").ca_file == "ca.pem"


def test_unusable_tls_files_are_named(tmp_path: Path) -> None:
    """S14: a PEM file that is missing or is none is the user's to mend, and nothing is done without verification."""
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path in (tmp_path / "missing.pem", empty):
        with pytest.raises(UsageError, match=path.name):
            Broker(url="amqps://h", ca_file=str(path)).tls_context()
    context = Broker(url="amqps://h").tls_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
