"""What packages put below /usr/share: made by one command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
SOME = (
    "man/man1/logbus-shipper.1",
    "man/man1/logbus-sinks-audit.1",
    "man/man5/logbus-sinks.yml.5",
    "bash-completion/completions/logbus-shipper",
    "zsh/site-functions/_logbus-sinks",
    "fish/vendor_completions.d/logbus-sinks.fish",
)


def test_one_command_makes_all_files(tmp_path: Path) -> None:
    """`.ci/share-files DIR` writes pages and completions, the same ones for the same SOURCE_DATE_EPOCH."""
    made = []
    for name in ("one", "two"):
        environment = {**os.environ, "PYTHON": sys.executable, "SOURCE_DATE_EPOCH": "1795500000"}
        subprocess.run([ROOT / ".ci" / "share-files", tmp_path / name], env=environment, check=True)
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        made.append({str(path.relative_to(tmp_path / name)): path.read_text() for path in files})
    assert made[0] == made[1]
    assert set(SOME) <= set(made[0])
    assert '"2026-11-24"' in made[0][SOME[0]]
