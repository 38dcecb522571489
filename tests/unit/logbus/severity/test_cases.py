"""Lines that systems in the field write, each with the severity that it states, or none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import pytest

from logbus.severity import Severity, stated

CASES = Path(__file__).parents[3] / "cases"


class Case(TypedDict):
    """A line, one byte a character, and the words of the severities that are right, or `none`."""

    line: str
    expected: list[str]
    kind: str


def cases() -> Iterator[object]:
    """Yield each case of the severity files, named by its kind."""
    for path in sorted(CASES.glob("severity*.jsonl")):
        for number, text in enumerate(path.read_text().splitlines(), 1):
            case: Case = json.loads(text)
            yield pytest.param(case, id=f"{path.stem}-{number}-{case['kind']}")


@pytest.mark.parametrize("case", [*cases()])
def test_a_line_of_the_field_states_its_level(case: Case) -> None:
    """A line states the level that its system gave it, and no word of its text becomes one."""
    digit = stated(case["line"].encode("latin-1") + b"\n").decode()
    assert ("none" if digit == "-" else Severity(int(digit)).word) in case["expected"]
