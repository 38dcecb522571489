"""`logbus-sinks index`: what it says of an archive, and its exit codes."""

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sinks.__main__ import cli
from sinks.index.names import FILE_NAME
from support.settled import written

LINE = b"2026-11-24T10:00:00Z INFO request\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration with a file sink, which wrote two outputs."""
    (tmp_path / "state" / "archive").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    for name in ("a.log", "b.log"):
        written(tmp_path / "out" / name, LINE * 10)
    path = tmp_path / "sinks.yml"
    path.write_text(
        f"state: {tmp_path}/state\nsinks:\n  archive:\n    type: file\n    path: {tmp_path}/out/{{host}}.log\n"
    )
    return path


def run(config: Path, action: str, *names: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["index", action, "--config", str(config), *names])


def change(config: Path, statement: str) -> None:
    """Change the index."""
    with closing(sqlite3.connect(config.parent / "state" / "archive" / FILE_NAME)) as db, db:
        db.execute(statement)


def test_what_has_no_row_is_no_fault_and_rebuild_makes_all(config: Path) -> None:
    """Before it, after it, and once more without index.db."""
    before = run(config, "check")
    assert before.exit_code == 0
    assert "no row for 340 of 340 bytes" in before.output
    assert run(config, "rebuild", "archive").exit_code == 0
    after = run(config, "check")
    assert (after.exit_code, after.output) == (0, "archive: 2 outputs, none with faults\n")
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        (config.parent / "state" / "archive" / name).unlink(missing_ok=True)
    assert run(config, "rebuild").exit_code == 0
    assert run(config, "check").output == after.output


@pytest.mark.parametrize(
    ("change_", "flaw"),
    [
        ("UPDATE block SET content_bytes = 3", "tells of 3 bytes of content, and there are 340"),
        ("UPDATE block SET lines = 3", "tells of 3 lines, and there are 10"),
        ("UPDATE block SET digits = x''", "severities of 0 lines"),
        ("UPDATE block SET first_event_us = 3", "is wrong in first_event_us"),
        ("UPDATE block SET before_us = 3, hours = x'90'", "is wrong in before_us, hours"),
        ("UPDATE block SET begin = 3, content_bytes = 337", "no settled row begins at byte 0"),
    ],
)
def test_a_wrong_row_is_a_fault(config: Path, change_: str, flaw: str) -> None:
    """Its range, content, lines, severities and times."""
    run(config, "rebuild")
    change(config, change_)
    found = run(config, "check")
    assert found.exit_code == 1
    assert flaw in found.output
    assert "2 outputs, 2 with faults" in found.output
    assert run(config, "rebuild").exit_code == 0


def test_names_are_shown_without_control_characters(config: Path) -> None:
    """Whatever a host calls itself."""
    written(config.parent / "out" / "a\x1b[31m.log", LINE)
    assert "\x1b" not in run(config, "check").output


def test_a_second_process_does_not_settle_at_the_same_time(config: Path) -> None:
    """It says so, and changes nothing."""
    lock = os.open(config.parent / "state" / "archive" / "index.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    found = run(config, "rebuild")
    assert found.exit_code == 1
    os.close(lock)


def test_an_index_that_is_not_kept_is_refused(config: Path) -> None:
    """With index: false there is none."""
    config.write_text(config.read_text() + "    index: false\n")
    found = run(config, "check")
    assert found.exit_code == 2
