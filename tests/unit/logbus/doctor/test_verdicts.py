"""What checks add up to, and how they are shown."""

import json

import pytest
from click.testing import CliRunner

from logbus.doctor import page
from logbus.doctor.verdicts import REFUSED, Check, exit_code, ok, problem, problem_of, unknown, warning
from logbus.errors import BrokerRefused

FINE = ok("a", "x", "there")
UNKNOWN = unknown("a", "x", "not to be seen")
WARNED = warning("a", "x", "low", "make room")
FAILED = problem("b", "y", "gone", "bring it back")
HOSTILE = problem("a\n", "x\x1b[2J", "found\r\n  ok fine", "do\u202e this")


@pytest.mark.parametrize(
    ("checks", "code", "strict"),
    [
        ([], 0, 0),
        ([FINE, UNKNOWN], 0, 0),
        ([FINE, WARNED], 0, 1),
        ([WARNED, FAILED], 1, 1),
        ([FAILED, problem("b", "y", "gone", "", 2)], 2, 2),
        ([problem("b", "y", "no", "", REFUSED), FAILED], 3, 3),
    ],
)
def test_the_exit_code_is_the_worst(checks: list[Check], code: int, strict: int) -> None:
    """Problems count by their own code, the highest of them; warnings only if that is wanted."""
    assert (exit_code(checks, strict=False), exit_code(checks, strict=True)) == (code, strict)


def test_an_error_is_a_problem_with_its_exit_code() -> None:
    """What an error says, and its hint, are the finding and the advice."""
    found = problem_of("a", "login", BrokerRefused("log in", "wrong user", "check it"))
    assert (found.found, found.advice, found.code) == ("cannot log in: wrong user", "check it", 3)


def test_no_name_forges_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Names and findings are escaped, on the page and as JSON."""
    for as_json in (False, True):
        page.show([HOSTILE], as_json=as_json, strict=False)
        printed = capsys.readouterr().out
        assert printed.replace("\n", "").isprintable()
    assert json.loads(printed)["found"] == "found\\r\\n  ok fine"


def test_each_area_has_one_heading(capsys: pytest.CaptureFixture[str]) -> None:
    """Checks of one area stand below its name, each with its advice, and the last line counts."""
    assert page.show([FINE, WARNED, FAILED], as_json=False, strict=False) == 1
    assert capsys.readouterr().out.splitlines() == [
        "a",
        "  ok       x: there",
        "  warning  x: low",
        "           -> make room",
        "b",
        "  problem  y: gone",
        "           -> bring it back",
        "",
        "1 problem, 1 warning",
    ]


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_has_colour(no_color: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts are in colour where colours are shown, unless NO_COLOR is set."""
    import click  # noqa: PLC0415 - for this test only

    monkeypatch.setenv("NO_COLOR", no_color)
    command = click.Command("x", callback=lambda: page.show([FINE], as_json=False, strict=False))
    assert ("\x1b[32m" in CliRunner().invoke(command, color=True).output) == (not no_color)
