"""Discovery: which files the inputs name."""

import os
from pathlib import Path

import pytest

from shipper.files.discovery import Discovery
from shipper.settings import Input


def found(tmp_path: Path, *patterns: str, exclude: list[str] | None = None) -> list[str]:
    """Return what a scan finds, relative to the folder."""
    source = Input(paths=[str(tmp_path / each) for each in patterns], exclude=exclude or [])
    discovery = Discovery([source])
    paths = [each.path for each in discovery.scan()]
    assert all(discovery.observe(path) for path in paths), "a scan and a look agree"
    return [os.path.relpath(path, tmp_path) for path in paths]


def make(tmp_path: Path, *names: str) -> None:
    """Create empty files."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()


def test_globs_name_files(tmp_path: Path) -> None:
    """A star matches within a name, a leading dot only if it is given, directories and others never."""
    make(tmp_path, "a.log", "b.log", ".hidden.log", "c.txt", "dir.log/x")
    os.mkfifo(tmp_path / "fifo.log")
    assert found(tmp_path, "*.log") == ["a.log", "b.log"]
    assert found(tmp_path, ".*.log") == [".hidden.log"]
    assert found(tmp_path, "[ab].log", "?.txt") == ["a.log", "b.log", "c.txt"]


def test_two_stars_are_any_directories(tmp_path: Path) -> None:
    """D6, D18: none, one or many; a directory reached twice by a link loop is read once."""
    make(tmp_path, "a.log", "x/b.log", "x/y/z/c.log", "x/y/n.txt")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    assert sorted(found(tmp_path, "**/*.log")) == ["a.log", "x/b.log", "x/y/z/c.log"]
    assert found(tmp_path, "x/**/z/*.log") == ["x/y/z/c.log"]
    assert found(tmp_path, "*/y/*.txt") == ["x/y/n.txt"]


@pytest.mark.parametrize("name", ["a b.log", "a\nb.log", "\udcff.log", "é🪵.log", "a" * 251 + ".log", "-x.log"])
def test_any_name_is_found(tmp_path: Path, name: str) -> None:
    """D17: spaces, newlines, bytes that are no UTF-8, 255 bytes."""
    make(tmp_path, name)
    assert found(tmp_path, "*.log") == [name]
    assert found(tmp_path, name) == [name]


def test_glob_characters_in_names_given_literally(tmp_path: Path) -> None:
    """D18: a directory or a file whose name holds glob characters can be named as it is."""
    make(tmp_path, "[x]/a*.log", "[x]/b.log", "x/c.log")
    assert found(tmp_path, "[x]/b.log") == ["x/b.log", "[x]/b.log"][1:]
    assert sorted(found(tmp_path, "[x]/*.log")) == ["[x]/a*.log", "[x]/b.log", "x/c.log"]
    assert found(tmp_path, "[x]/a*.log") == ["[x]/a*.log"]


def test_a_path_is_found_once(tmp_path: Path) -> None:
    """Overlapping globs name a file once, for the first of them."""
    make(tmp_path, "a.log")
    assert found(tmp_path, "*.log", "a.*", "a.log") == ["a.log"]


def test_excludes_leave_out_names_and_paths(tmp_path: Path) -> None:
    """D15: an exclude matches the name or the whole path."""
    make(tmp_path, "a.log", "b.log", "old/c.log")
    assert found(tmp_path, "**/*.log", exclude=["b*"]) == ["a.log", "old/c.log"]
    assert found(tmp_path, "**/*.log", exclude=[f"{tmp_path}/old/*"]) == ["a.log", "b.log"]


def test_compressed_files_are_left_out(tmp_path: Path) -> None:
    """A6, B15: what logrotate compressed is no log of lines."""
    make(tmp_path, "a.log", "a.log.1.gz", "a.log.2.zst", "a.log.3.xz", "a.log.4.bz2")
    assert found(tmp_path, "a.log*") == ["a.log"]


def test_what_names_nothing_is_told(tmp_path: Path) -> None:
    """D16: paths and globs without a file are known."""
    make(tmp_path, "a.log")
    discovery = Discovery([Input(paths=[str(tmp_path / name) for name in ("a.log", "b.log", "*.txt")])])
    assert [Path(each.text).name for each in discovery.empty()] == ["b.log", "*.txt"]


def test_two_inputs_that_name_one_file_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once for each two inputs, with the file and the paths of both; not if the later one excludes it."""
    make(tmp_path, "app.log", "web.log")
    first, second = (Input(paths=[str(tmp_path / each)]) for each in ("app.log", "*.log"))
    discovery = Discovery([first, second])
    for _ in range(2):
        assert [each.input for each in discovery.scan()] == [first, second]
    (said,) = caplog.messages
    assert said.startswith(
        f"two inputs name {tmp_path}/app.log: the one with the paths ['{tmp_path}/app.log'] ships it"
    )
    caplog.clear()
    apart = Input(paths=[str(tmp_path / "*.log")], exclude=["app.log"])
    assert len(list(Discovery([first, apart]).scan())) == 2
    assert not caplog.messages
