"""Shows checks as they are made: a page for people, in colour on a terminal, or a JSON object a line."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import click

from logbus.doctor.verdicts import Check, Verdict, exit_code
from logbus.errors import counted, visible

T = TypeVar("T", bound=Callable[..., object])

COLOURS: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red", Verdict.UNKNOWN: "blue"}
VERDICT_WIDTH: Final = 8
EXIT_CODES: Final = """
\b
Exit codes: 0 no problem, 1 a problem (with --strict, also a warning), 2 the configuration or a secret is unusable, 3
RabbitMQ refuses us. The highest counts. Files are checked with this user's permissions: run this as the daemon's user,
as in `sudo -u logbus ...`.
"""


def options(command: T) -> T:
    """Give a doctor's command the options of its page."""
    command = click.option("--strict", is_flag=True, help="Exit with 1 if there is a warning, too.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object per check and line.")(command)


def show(checks: Iterable[Check], *, as_json: bool, strict: bool) -> int:
    """Print each check once it is made, and what they add up to; return the exit code."""
    shown: list[Check] = []
    for each in checks:
        if as_json:
            click.echo(json.dumps(as_object(each)))
        else:
            _print(each, heading=not shown or shown[-1].area != each.area)
        shown.append(each)
    if not as_json:
        click.echo(f"\n{summary(shown)}")
    return exit_code(shown, strict=strict)


def as_object(check: Check) -> dict[str, Any]:
    """Return a check as a JSON object."""
    texts = {key: visible(getattr(check, key)) for key in ("area", "name", "found", "advice")}
    return {**texts, "verdict": check.verdict.value}


def lines(check: Check) -> tuple[str, str]:
    """Return what is to be said of a check, and what to do about it, without its verdict; nothing can forge a line."""
    return visible(f"{check.name}: {check.found}"), visible(check.advice)


def summary(checks: Iterable[Check]) -> str:
    """Return how many problems and warnings there are."""
    counts = Counter(each.verdict for each in checks)
    wrong = [(counts[Verdict.PROBLEM], "problem"), (counts[Verdict.WARNING], "warning")]
    return ", ".join(counted(number, word) for number, word in wrong if number) or "everything is in order"


def _print(check: Check, *, heading: bool) -> None:
    colour = False if os.environ.get("NO_COLOR") else None  # None: in colour on a terminal only
    found, advice = lines(check)
    if heading:
        click.echo(click.style(visible(check.area), bold=True), color=colour)
    verdict = click.style(f"{check.verdict.value:<{VERDICT_WIDTH}}", fg=COLOURS[check.verdict])
    click.echo(f"  {verdict} {found}", color=colour)
    if advice:
        click.echo(f"  {'':<{VERDICT_WIDTH}} -> {advice}")
