"""docs/guarantees.md: no case is forgotten."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
CASES = {"C": 15, "E": 32, "F": 15, "G": 12}
FOUNDING = {
    "C": (1, 2, 3, 4, 6, 8, 9, 13),
    "E": (1, 2, 4, 5, 6, 8, 9, 10, 11, 13, 17, 19, 22, 25, 26, 28, 29),
    "F": (1, 2, 3, 4, 5, 8, 9, 11, 12, 15),
    "G": (1, 2, 3, 4, 5, 8, 9, 10),
}
"""Those that no decision takes the place of a test for."""


def named() -> set[str]:
    """Return the cases that the docstring of a test, or of a machine that runs as one, names."""
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            if node.name.startswith("test_") or isinstance(node, ast.ClassDef):  # a class: a machine of random steps
                found |= set(re.findall(r"\b[CEFG]\d+\b", ast.get_docstring(node) or ""))
    return found


def decided() -> set[str]:
    """Return the cases that the page decides."""
    rows = re.findall(r"^\| ([CEFG]\d+(?:, [CEFG]\d+)*) \|", PAGE, re.MULTILINE)
    return {case for row in rows for case in row.split(", ")}


@pytest.mark.parametrize("part", CASES)
def test_every_case_is_tested_or_decided(part: str) -> None:
    """Each case of the parts checkpoint, broker, sinks and effectively-once is in one place or the other."""
    cases = {f"{part}{number}" for number in range(1, CASES[part] + 1)}
    assert cases <= named() | decided()


@pytest.mark.parametrize("part", FOUNDING)
def test_every_founding_case_is_tested(part: str) -> None:
    """Those that the project began with have a test each that names them."""
    assert {f"{part}{number}" for number in FOUNDING[part]} <= named()


def test_the_long_run_is_a_report_of_an_exact_one() -> None:
    """What `make chaos ARGS='--record'` puts there: its seed, and nothing lost, duplicated or out of order."""
    found = re.search(r"^### A long run\n\n(.*?)(?=\n## )", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    assert re.search(r"^`make chaos ARGS='--minutes \d+ --seed \d+'`, RabbitMQ [\d.]+, \d+ cores", found[1])
    for name in ("lost", "duplicated", "out of order"):
        assert f"| {name} | 0 |" in found[1]
