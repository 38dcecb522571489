"""Rotated files are found while rotation goes on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipper.files.discovery import Siblings
from shipper.files.rotated_names import Kin, search
from shipper.settings import Input
from shipper.state.registry import Outline

SCANDIR = os.scandir
LONG_AGO_S = 1_700_000_000


def test_a_file_that_goes_while_its_directory_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A3, A15: one that is renamed at that moment does not hide the others."""
    for number in range(1, 4):
        (tmp_path / f"a.log.{number}").write_bytes(b"x")

    @contextmanager
    def scandir(directory: str) -> Iterator[list[os.DirEntry[str]]]:
        with SCANDIR(directory) as entries:
            found = list(entries)
        (tmp_path / "a.log.2").rename(tmp_path / "b.log.2")
        yield found

    monkeypatch.setattr(os, "scandir", scandir)
    assert sorted(Kin().of(str(tmp_path / "a.log"))) == [str(tmp_path / "a.log.1"), str(tmp_path / "a.log.3")]


def test_what_is_renamed_while_it_is_looked_for(tmp_path: Path) -> None:
    """A3, A15: what was a.log.1 when the directory was listed is found as a.log.2, though there is an a.log.1 again."""
    log, first, second = (tmp_path / name for name in ("a.log", "a.log.1", "a.log.2"))
    first.write_bytes(b"life 1")

    def look(kin: Kin) -> str:
        names = kin.of(str(log))
        if not second.exists():
            first.rename(second)
            first.write_bytes(b"life 2")
        return next((each for each in names if Path(each).read_bytes() == b"life 1"), "")

    assert search(str(log), look) == str(second)


def test_what_is_not_there_is_looked_for_once(tmp_path: Path) -> None:
    """C8: where nothing was renamed for long, a thousand files that are gone cost one listing, not a thousand."""
    (tmp_path / "a.log.1").write_bytes(b"x")
    os.utime(tmp_path, (LONG_AGO_S, LONG_AGO_S))
    kin, looks = Kin(), []
    for _ in range(3):
        assert not search(str(tmp_path / "a.log"), lambda kin: looks.append(kin.of(str(tmp_path / "a.log"))), kin)
    assert looks == [[str(tmp_path / "a.log.1")]] * 3


def test_an_inode_is_found_under_its_newest_name(tmp_path: Path) -> None:
    """A3: renamed since its directory was listed, it is found under its present name, and no other file in its place.

    The other file's life was taken for its successor, and its own for over: so it was shipped again later.
    """
    log, rotated = tmp_path / "a.log", tmp_path / "a.log.1"
    log.write_bytes(b"x")
    inode = log.stat().st_ino
    siblings = Siblings(lambda path: Input(paths=[path]))
    life = Outline("s", inode, str(log), "")
    assert siblings.path_of(life) == str(log)
    log.rename(rotated)
    log.write_bytes(b"y")
    found = siblings.search(life)
    assert found
    assert found.path == str(rotated)
    rotated.unlink()
    assert siblings.search(life) is None
