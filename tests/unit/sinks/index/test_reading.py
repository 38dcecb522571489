"""Opening an index to read it: never made, never written to, and refused with a reason."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sinks.index.blocks import Limits
from sinks.index.index_file import open_file
from sinks.index.names import FILE_NAME
from sinks.index.reading import Unusable, opened


def test_no_index_is_none_and_none_is_made(tmp_path: Path) -> None:
    """Whoever searches leaves nothing behind."""
    assert opened(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_reading_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """Not even what SQLite makes for its own use."""
    open_file(tmp_path, Limits()).close()
    reader = opened(tmp_path)
    assert reader
    reader.close()
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_a_sink_may_write_while_it_is_read(tmp_path: Path) -> None:
    """Neither waits for the other."""
    file = open_file(tmp_path, Limits())
    reader = opened(tmp_path)
    assert reader
    file.forget([b"nobody"])
    assert reader.digits(1) == b""
    file.close()
    reader.close()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("PRAGMA user_version = 3", "its version is 3"),
        ("DROP TABLE block", "no such table"),
        ("UPDATE boot SET id = 'another'", "this host was restarted"),
    ],
)
def test_what_is_not_to_be_believed_is_refused(tmp_path: Path, damage: str, why: str) -> None:
    """Newer, damaged, or of before a restart that may have taken bytes."""
    open_file(tmp_path, Limits()).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db, db:
        db.execute(damage)
    with pytest.raises(Unusable, match=why):
        opened(tmp_path)


def test_what_is_no_database_and_what_is_a_link_are_refused(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 100)
    with pytest.raises(Unusable, match="not a database"):
        opened(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / FILE_NAME).symlink_to(tmp_path / FILE_NAME)
    with pytest.raises(Unusable, match="link"):
        opened(tmp_path / "other")
