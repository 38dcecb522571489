"""Globs that can match no file are refused in a configuration."""

import pytest

from shipper.files.globs import flaw_of


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("~/app.log", "~ is not expanded"),
        ("~me/logs/*.log", "~ is not expanded"),
        ("$HOME/app.log", "$NAME is not expanded"),
        ("/var/log/$APP/*.log", "$NAME is not expanded"),
        ("/var/log/{app,web}.log", "braces are not expanded"),
        (r"C:\logs\app.log", "a path of Windows"),
        ("D:/logs/*.log", "a path of Windows"),
        (r"\\server\share\app.log", "a path of Windows"),
        (r"\.gz$", "a regular expression"),
        (r".*\.log", "a regular expression"),
        ("^debug", "a regular expression"),
        ("(debug|trace).log", "a regular expression"),
        (r"app-\d+.log", "a regular expression"),
    ],
)
def test_what_a_glob_does_not_understand_is_named(text: str, advice: str) -> None:
    """What a shell would expand, regular expressions and Windows paths: each with what to write in its place."""
    assert advice in flaw_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "/var/log/*.log", "app.*.log", "copy (?).log",
        "logs/**/app-[0-9]*.log", "-", "app~", "a.b.*", "com.acme.Outer$Inner.log", "{single}.log",
        "[~]/app.log", "[$]HOME/app.log", "app (copy).log", "/srv/c:/x.log", r"dev-disk\x2dby.log", "[^a]*.log",
    ],
)  # fmt: skip
def test_a_name_that_may_exist_is_accepted(text: str) -> None:
    """Odd names are names; a special character within brackets stands for itself."""
    assert not flaw_of(text)
