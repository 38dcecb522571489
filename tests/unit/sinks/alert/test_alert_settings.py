"""The alert sink's keys: what is refused, and that no secret is shown."""

from pathlib import Path

import msgspec
import pytest

from logbus.errors import UsageError
from sinks.alert import Settings, bindings, check
from sinks.alert.destinations import Destination, Mail, Webhook
from sinks.alert.settings import Rule

TO: dict[str, object] = {"ops": {"command": ["/bin/true"]}}
SECRET = "https://hooks.example.org/services/T0SECRET"  # noqa: S105 - of a test


def settings(*rules: dict[str, object], **other: object) -> Settings:
    """Return settings with these rules."""
    return msgspec.convert({"rules": list(rules), "to": TO, **other}, Settings)


@pytest.mark.parametrize(
    ("rule", "flaw"),
    [
        ({"name": "a b"}, "no name of a rule"),
        ({"min": "loud"}, "not a severity"),
        ({"min": "err", "severities": ["err"]}, "both given"),
        ({"pattern": "("}, "not a valid pattern"),
        ({"text": "{hots}"}, "{hots} is no placeholder"),
        ({"count": 5}, "add within_s"),
        ({"absent_s": 60, "within_s": 60}, "use a rule for each"),
        ({"group_by": ["path"]}, "group_by 'path' is unknown"),
        ({"group_by": ["host", "host"]}, "twice"),
        ({"to": ["opps"]}, "did you mean ops"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(rule: dict[str, object], flaw: str) -> None:
    """With what is wrong, and what to write."""
    with pytest.raises(UsageError, match=flaw.replace("{", r"\{").replace("}", r"\}")):
        settings({"name": "errors", **rule})


def test_two_rules_of_one_name_are_refused() -> None:
    """State is kept by name."""
    with pytest.raises(UsageError, match="two rules are called errors"):
        settings({"name": "errors"}, {"name": "errors"})


@pytest.mark.parametrize(
    ("keys", "flaw"),
    [
        ({}, "one of webhook, mail and command"),
        ({"webhook": {}}, "one of url, url_file and url_command"),
        ({"webhook": {"url": "ftp://example.org"}}, "URL is none"),
        ({"webhook": {"url": "https://user:word@example.org/"}}, "URL is none"),
        ({"webhook": {"url": "https://example.org/a\r\nX: y"}}, "URL is none"),
        ({"mail": {"server": "a b", "sender": "a@b.c", "recipients": ["a@b.c"]}}, "no host"),
        ({"mail": {"server": "a", "sender": "a@b.c", "recipients": ["a@b.c\nBcc: d@e.f"]}}, "no mail address"),
        ({"mail": {"server": "a", "sender": "a@b.c", "recipients": ["a@b.c"], "user": "a"}}, "do not go together"),
        (
            {
                "mail": {
                    "server": "a",
                    "sender": "a@b.c",
                    "recipients": ["a@b.c"],
                    "user": "a",
                    "password_file": "/etc/p",
                    "tls": "none",
                }
            },
            "readable",
        ),
    ],
)
def test_a_destination_that_cannot_work_is_refused(keys: dict[str, object], flaw: str) -> None:
    """With what is wrong."""
    with pytest.raises(UsageError, match=flaw):
        msgspec.convert(keys, Destination)


def test_no_repr_error_or_line_shows_a_webhooks_url() -> None:
    """Whoever has it can write to the channel."""
    found = msgspec.convert({"rules": [{"name": "a"}], "to": {"ops": {"webhook": {"url": SECRET}}}}, Settings)
    with pytest.raises(UsageError) as caught:
        Webhook(url=f"{SECRET} ")
    shown = f"{found!r} {found.to!r} {list(check(found))} {caught.value}"
    assert "T0SECRET" not in shown
    assert "a webhook (json)" in shown


def test_the_url_is_read_when_it_is_needed(tmp_path: Path) -> None:
    """From a file that may be replaced, or from a command; a missing one is an error of the check."""
    file = tmp_path / "url"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert Webhook(url_file=str(file)).target().path == "/services/T0SECRET"
    assert Webhook(url_command=["echo", SECRET]).target().hostname == "hooks.example.org"
    file.unlink()
    with pytest.raises(UsageError, match="No such file"):
        Destination(webhook=Webhook(url_file=str(file))).check()


def test_a_password_is_read_from_a_command() -> None:
    """As RabbitMQ's."""
    mail = Mail(server="a", sender="a@b.c", recipients=["a@b.c"], user="me", password_command=["echo", "word"])
    assert mail.password() == "word"
    assert "word" not in repr(mail)


def test_the_queue_is_bound_by_the_severities_that_any_rule_wants() -> None:
    """One rule that wants all of them wants everything."""
    assert bindings(settings({"name": "a", "min": "crit"}, {"name": "b", "severities": ["err"]})) == (
        *("", "*.*.#.emerg.#", "*.*.#.alert.#", "*.*.#.crit.#", "*.*.#.err.#"),
    )
    assert bindings(settings({"name": "a", "min": "crit"}, {"name": "b"})) == ()


def test_check_lists_rules_and_destinations() -> None:
    """In words that tell when a message comes."""
    rules = [Rule(name="a"), Rule(name="b", count=5, within_s=60.0, group_by=["host"]), Rule(name="c", absent_s=600.0)]
    found = Settings(rules=rules, to={"ops": Destination(command=["/bin/true", "word"])})
    assert list(check(found)) == [
        "rule a: each record, over after 300 s without one, to ops",
        "rule b: 5 within 60 s, over after 300 s without one, by host, to ops",
        "rule c: no record for 600 s, to ops",
        "to ops: the command /bin/true",
    ]
