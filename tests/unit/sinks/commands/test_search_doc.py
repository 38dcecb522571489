"""docs/search.md tells the truth: its examples are run on its archive."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "search.md").read_text()
FILES = re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
EXAMPLES = re.findall(r"^```console\n\$ logbus-sinks (.*?)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_there_are_examples() -> None:
    """The page is read as it is written."""
    assert [name for name, _ in FILES] == ["sinks.yml", "logs/web-1/shop.log", "logs/db-1/stock.log"]
    assert len(EXAMPLES) == 7


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0])
def test_the_examples_of_the_page(example: tuple[str, str], tmp_path: Path) -> None:
    """Each prints what stands there."""
    command, output = example
    for name, content in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    environment = {**os.environ, "TZ": "UTC", "PYTHONPATH": str(ROOT)}
    words = [each.strip("'") for each in re.findall(r"'[^']*'|\S+", command)]
    ran = subprocess.run(
        [sys.executable, "-m", "sinks", *words],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert ran.stdout.replace(f"{tmp_path}/", "") == output
    assert ran.returncode == 0
