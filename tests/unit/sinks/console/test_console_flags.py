"""The flags of `logbus-sinks console`."""

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sinks import console, severity
from sinks.__main__ import cli

if TYPE_CHECKING:
    from sinks.settings import Plan


@pytest.mark.parametrize(
    ("arguments", "flaw"),
    [
        (("--field", "status"), "is not NAME=GLOB"),
        (("--field", "=x"), "is not NAME=GLOB"),
        (("--field", "a=1", "--field", "a=2"), "given twice"),
        (("--color", "red"), "not one of"),
    ],
)
def test_a_console_says_what_is_wrong_with_its_flags(arguments: tuple[str, ...], flaw: str) -> None:
    """Exit code 2, and how to write it."""
    result = CliRunner().invoke(cli, ["console", *arguments])
    assert result.exit_code == 2
    assert flaw in result.output


def test_what_a_flag_can_do_a_key_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flags of a console make the keys of its sink, also behind a severity sink."""
    plans: list[Plan] = []
    monkeypatch.setattr("sinks.__main__.run", lambda plan, _bind: plans.append(plan))
    flags = ["--field", "a.b=x=*", "--field", "c=1", "--fields", "a, b.c,", "--raw", "--utc", "--date", "--read-time"]
    for least in ([], ["--min", "err"]):
        CliRunner().invoke(cli, ["console", *flags, "--color", "never", *least], catch_exceptions=False)
    wanted = console.Settings(
        field={"a.b": "x=*", "c": "1"},
        fields=["a", "b.c"],
        raw=True,
        utc=True,
        date=True,
        read_time=True,
        color="never",
    )
    assert plans[0].settings == wanted
    assert isinstance(plans[1].settings, severity.Settings)
    assert severity.inner_of(plans[1].settings)[1] == wanted
