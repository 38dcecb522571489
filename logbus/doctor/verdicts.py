"""The result of one check, and what all of them together mean for the exit code."""

import enum
from collections.abc import Iterable

from msgspec import Struct

from logbus.errors import LogbusError, describe

FAILED = 1
MISCONFIGURED = 2
REFUSED = 3


class Verdict(enum.Enum):
    """What a check found; `UNKNOWN` where it cannot tell from here."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(Struct, frozen=True):
    """One check: what was looked at, what was found there, and what to do; `code` is the exit code of a problem."""

    area: str
    name: str
    verdict: Verdict
    found: str
    advice: str = ""
    code: int = FAILED


def ok(area: str, name: str, found: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(area, name, Verdict.OK, found)


def unknown(area: str, name: str, found: str, advice: str = "") -> Check:
    """Return a check that could not be made."""
    return Check(area, name, Verdict.UNKNOWN, found, advice)


def warning(area: str, name: str, found: str, advice: str) -> Check:
    """Return a check that found something to improve, with which Logbus works."""
    return Check(area, name, Verdict.WARNING, found, advice)


def problem(area: str, name: str, found: str, advice: str, code: int = FAILED) -> Check:
    """Return a check that found something with which Logbus does not work."""
    return Check(area, name, Verdict.PROBLEM, found, advice, code)


def problem_of(area: str, name: str, error: LogbusError) -> Check:
    """Return the problem that an error describes."""
    return problem(area, name, f"cannot {error.cannot}: {describe(error.cause)}", error.hint, error.exit_code)


def exit_code(checks: Iterable[Check], *, strict: bool) -> int:
    """Return the exit code: the highest of all problems; without one, 1 if `strict` and there is a warning, else 0."""
    found = list(checks)
    codes = [each.code for each in found if each.verdict is Verdict.PROBLEM]
    warned = any(each.verdict is Verdict.WARNING for each in found)
    return max(codes, default=FAILED if strict and warned else 0)
