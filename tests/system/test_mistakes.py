"""What operators type and should not have: one line that says what to do, and an exit code; never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

NOWHERE = "amqp://127.0.0.1:1/"
MISTAKES = [
    ("-m sinks console --broker {nowhere} >&-", 2, "standard output is closed"),
    ("-m sinks consle", 2, "did you mean console?"),
    ("-m sinks archive", 2, "to run the sink archive, add --config FILE"),
    ("-m sinks --config sinks.yml", 2, "NAME"),
    ("-m shipper --once x.log.gz", 1, "it is compressed, by its name"),
    ("-m shipper --once nope.log", 1, "there is no such file"),
    ("-m shipper --once nope.log 2>&-", 1, ""),
    ("-m shipper .", 2, "it is a directory"),
    ("-m shipper", 2, "no files were named"),
    ("-m shipper --once $'caf\\xe9.log'", 1, "there is no such file"),
]


@pytest.mark.parametrize(("words", "code", "message"), MISTAKES, ids=[words for words, *_ in MISTAKES])
def test_a_mistake_is_explained(words: str, code: int, message: str, tmp_path: Path) -> None:
    """The last line names what is wrong, and the exit code is 1 for what failed, 2 for what makes no sense."""
    (tmp_path / "x.log.gz").touch()
    (tmp_path / "sinks.yml").write_text("sinks:\n  archive: {type: console}\n")
    command = f"exec {sys.executable} {words.format(nowhere=NOWHERE)}"
    environment = os.environ | {"LOGBUS_BROKER": "amqp://user:secret@127.0.0.1:1/"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, timeout=30, check=False
    )
    said = done.stderr.decode(errors="replace")
    assert done.returncode == code, said
    assert message in said
    assert "Traceback" not in said
    assert "secret" not in said
