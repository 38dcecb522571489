"""Writing back begins early, and only begins."""

import ctypes
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.file import writeback
from sinks.file.output_files import Outputs
from sinks.file.safe_open import AS_WE_ARE

APPEND = """
import sys; from pathlib import Path; from sinks.file.output_files import Outputs
outputs = Outputs(Path(sys.argv[1]), lambda *_: None, sync=sys.argv[2] == "True")
for size in (1000, 300_000): outputs.append("out.log", b"x" * size)
"""


@pytest.fixture(autouse=True)
def _found_anew() -> Iterator[None]:
    importlib.reload(writeback)  # the function is looked up once
    yield
    importlib.reload(writeback)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("sync", [True, False])
def test_what_is_large_is_begun_with(tmp_path: Path, *, sync: bool) -> None:
    """No waiting is asked for, which could swallow an error; what is never synced is left to the kernel."""
    trace = tmp_path / "trace"
    program = [sys.executable, "-c", APPEND, str(tmp_path), str(sync)]
    command = ["strace", "-o", str(trace), "-e", "trace=sync_file_range", *program]
    subprocess.run(command, check=True, timeout=60)
    calls = [line for line in trace.read_text().splitlines() if line.startswith("sync_file_range(")]
    assert [call.endswith(", 0, 0, SYNC_FILE_RANGE_WRITE) = 0") for call in calls] == [True] * sync


def test_without_it_nothing_else_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other C libraries may not have it, and a file may not allow it."""
    read_end, write_end = os.pipe()
    writeback.begin(write_end, writeback.LEAST_BYTES)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: None)
    importlib.reload(writeback)  # the function is looked up once
    outputs = Outputs(tmp_path, lambda *_: None, making=AS_WE_ARE)
    outputs.append("out.log", b"x" * writeback.LEAST_BYTES)
    outputs.commit()
    outputs.close()
    assert (tmp_path / "out.log").stat().st_size == writeback.LEAST_BYTES
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize(("size", "released"), [(writeback.RELEASED_FROM_BYTES, 1), (1000, 0)])
def test_pages_of_a_large_commit_are_let_go_of_once_they_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, size: int, released: int
) -> None:
    """A backlog does not fill memory with what nobody reads soon; a few new lines stay there for who follows them."""
    told: list[tuple[str, int]] = []

    def sync(_fd: int) -> None:
        told.append(("sync", 0))

    def advise(_fd: int, _start: int, length: int, advice: int) -> None:
        told.append(("let go", length if advice == os.POSIX_FADV_DONTNEED else -1))

    monkeypatch.setattr(os, "fdatasync", sync)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    outputs = Outputs(tmp_path, lambda *_: None, making=AS_WE_ARE)
    outputs.append("out.log", b"x" * size)
    outputs.commit()
    outputs.close()
    assert told == [("sync", 0), *[("let go", size)] * released]
