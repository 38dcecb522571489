"""docs/field-notes.md: each note names the tests that keep it true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "field-notes.md").read_text()
NOTES = [note for note in re.split(r"\n\n(?=\*\*)", PAGE) if note.startswith("**")]
FILES: dict[str, list[str]] = {}
for each in sorted((ROOT / "tests").rglob("test_*.py")):
    FILES.setdefault(each.name, []).append(each.read_text())


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note[2:40])
def test_each_note_names_tests_that_exist(note: str) -> None:
    """A note names a test, or all of a file; each is there."""
    tests = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", note)
    assert tests
    for file, name in tests:
        assert any(re.search(rf"^def {name}\(" if name else "", text, re.MULTILINE) for text in FILES[file]), name
