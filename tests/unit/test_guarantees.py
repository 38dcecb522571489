"""docs/guarantees.md: no case is forgotten."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
CASES = {"C": 15, "E": 32, "F": 15, "G": 12}


def named() -> set[str]:
    """Return the cases that the docstring of a test names."""
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
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
